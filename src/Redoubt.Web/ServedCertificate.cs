using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Redoubt.Web;

/// <summary>
/// The certificate that new connections are shown: the node's own, or one of the configuration. Changing it leaves connections alone. Read by any thread, changed by one.
/// </summary>
public sealed class ServedCertificate(X509Certificate2 own)
{
    private readonly SslStreamCertificateContext _own = SslStreamCertificateContext.Create(own, null, offline: true);
    private volatile SslStreamCertificateContext? _configured;

    /// <summary>The node's own.</summary>
    public X509Certificate2 Own => own;

    /// <summary>What a handshake shows now.</summary>
    public SslStreamCertificateContext Context => _configured ?? _own;

    /// <summary>SHA-256 of it: what peers pin.</summary>
    public string Pin => NodeCertificate.Pin(Context.TargetCertificate);

    /// <summary>SHA-256 of the configured one; null where the own one is shown.</summary>
    public string? Configured => _configured is { } context ? NodeCertificate.Pin(context.TargetCertificate) : null;

    /// <summary>Shows the own one.</summary>
    public void UseOwn() => _configured = null;

    /// <summary>Shows one with its key and intermediates, in PEM; false, and nothing changes, where it is none.</summary>
    public bool TryUse(ReadOnlySpan<byte> pem)
    {
        try
        {
            var text = Encoding.ASCII.GetString(pem);
            using var loaded = X509Certificate2.CreateFromPem(text, text);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(text);
            chain.RemoveAt(0);
            // TLS wants a key of a store's making; who holds the former context keeps it as long as the handshake lasts.
            var certificate = X509CertificateLoader.LoadPkcs12(loaded.Export(X509ContentType.Pkcs12), null);
            _configured = SslStreamCertificateContext.Create(certificate, chain, offline: true);
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return false;
        }
    }
}
