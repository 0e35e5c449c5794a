using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Redoubt.Web;

/// <summary>
/// The node's certificate: made at the first start, kept, and known to peers by its SHA-256 (the pin). Nobody signs it: an operator compares pins, or
/// <c>cluster join</c> does. Certificate and key are one PEM file, mode 0600.
/// </summary>
public static class NodeCertificate
{
    private const string FileName = "web.pem";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan _lifetime = TimeSpan.FromDays(365 * 20);

    /// <summary>SHA-256 of a certificate, lower-case hexadecimal: what a pin is.</summary>
    public static string Pin(X509Certificate certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.GetRawCertData()));

    /// <summary>Loads the certificate of the directory, or makes it. Throws where the file is there but is not ours, or open to others.</summary>
    public static X509Certificate2 LoadOrMake(string directory, string host, DateTimeOffset now)
    {
        var path = Path.Combine(directory, FileName);
        if (!File.Exists(path))
            Make(path, host, now);
        if ((File.GetUnixFileMode(path) & ~Private) != 0)
            throw new IOException($"{path}: others may read the key; its mode must be 0600");
        try
        {
            using var loaded = X509Certificate2.CreateFromPemFile(path);
            return X509CertificateLoader.LoadPkcs12(loaded.Export(X509ContentType.Pkcs12), null);
        }
        catch (CryptographicException e)
        {
            throw new IOException(
                $"{path}: not a certificate with its key ({e.Message}); remove it to have a new one made, and pin that",
                e
            );
        }
    }

    private static void Make(string path, string host, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName("CN=" + CommonName(host)), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(CommonName(host));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false)
        );
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now + _lifetime);
        var pem = certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";

        // Durable under another name first: a certificate that is half there would keep the node from ever starting again.
        var draft = path + ".new";
        File.Delete(draft);
        using (
            var file = new FileStream(
                draft,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    UnixCreateMode = Private,
                }
            )
        )
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(pem));
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path, overwrite: false);
    }

    private static string CommonName(string host)
    {
        var name = string.Concat(host.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.'));
        return name.Length is > 0 and <= 63 ? name : "redoubt";
    }
}
