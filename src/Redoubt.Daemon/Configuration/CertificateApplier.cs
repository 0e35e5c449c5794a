using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// The certificate that redoubt-web serves: the one of <c>cert</c> that <c>system/webgui/ssl-certref</c> names, with the intermediates above it. redoubt-web asks for it; where there is
/// none, or it cannot be used, it goes on with the one it made for itself, and an alarm says why.
/// </summary>
internal sealed class CertificateApplier(AlarmBoard alarms, TimeProvider? clock = null) : IConfigApplier
{
    private const string AlarmName = "web-certificate";
    private const int CheckLimit = 256; // of each list: what is wrong with more of them says nothing new
    private static readonly TimeSpan _soon = TimeSpan.FromDays(30);
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private volatile WebCertificate? _current;

    /// <summary>What redoubt-web is to serve; null: its own.</summary>
    public WebCertificate? Current => _current;

    /// <inheritdoc/>
    public string Name => "certificates";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["ca", "cert"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies)
    {
        // Warnings all: certificates of another's VPN that are broken there, too, must not keep a rule from being changed.
        foreach (var problem in Check(next.Document, "ca").Concat(Check(next.Document, "cert")))
            yield return problem;
        if (WebCertificate.Find(next.Document, out var why) is null && why.Length > 0)
            yield return new ConfigProblem(
                "warning",
                next.Document.Root.Find(WebCertificate.Reference)?.Line ?? 0,
                WebCertificate.Reference,
                $"{why}; redoubt-web serves the certificate that it made for itself"
            );
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = current is null ? null : WebCertificate.Find(current.Document, out _);
        var after = WebCertificate.Find(next.Document, out var why);
        if (before?.Pin == after?.Pin)
            return current is null || why.Length > 0 || after is not null ? ["the certificate of redoubt-web is looked at"] : [];
        return
        [
            after is null
                ? "redoubt-web serves its own certificate"
                : $"redoubt-web serves certificate {after.Id}, SHA-256 {after.Pin}: who pinned another one has to pin this",
        ];
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        _current = WebCertificate.Find(next.Document, out var why);
        if (why.Length > 0)
            alarms.Raise(AlarmName, $"{why}; redoubt-web serves the certificate that it made for itself");
        else if (_current is { } served && served.NotAfter - _clock.GetUtcNow() < _soon)
            alarms.Raise(AlarmName, $"the certificate {served.Id} of redoubt-web ends {served.NotAfter.UtcDateTime:yyyy-MM-dd}");
        else
            alarms.Clear(AlarmName);
        return null;
    }

    private IEnumerable<ConfigProblem> Check(ConfigDocument document, string list)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var place = 0;
        foreach (var item in document.Root.All(list).Take(CheckLimit))
        {
            var path = $"{list}[{++place}]";
            if (item.Value("refid") is not { Length: > 0 } id)
                yield return Warning(item, path, "it has no refid: nothing can refer to it");
            else if (!seen.Add(id))
                yield return Warning(item, path, "another one above has this refid: it is never used");
            if (WebCertificate.Read(item, out var why) is not { } certificate)
            {
                // A request that waits for its signature has no certificate yet.
                if (!item.Has("csr"))
                    yield return Warning(item, path, why);
                continue;
            }
            using (certificate)
            {
                var now = _clock.GetUtcNow();
                if (certificate.NotAfter.ToUniversalTime() < now)
                    yield return Warning(item, path, $"it ended {certificate.NotAfter.ToUniversalTime():yyyy-MM-dd}");
            }
        }
    }

    private static ConfigProblem Warning(ConfigNode item, string path, string message) => new("warning", item.Line, path, message);
}

/// <summary>A certificate of the configuration with its key.</summary>
/// <param name="Id">Its refid.</param>
/// <param name="Pin">SHA-256 of it, lower-case hexadecimal.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="Pem">Certificate, intermediates, key: secret.</param>
internal sealed record WebCertificate(string Id, string Pin, DateTimeOffset NotAfter, byte[] Pem)
{
    /// <summary>The element that names it.</summary>
    public const string Reference = "system/webgui/ssl-certref";

    private const int PemLimit = 64 << 10;
    private const int ChainLimit = 8;
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>The certificate that the document names for the web; null where it names none, or, with a reason, one that cannot serve.</summary>
    public static WebCertificate? Find(ConfigDocument document, out string why)
    {
        why = "";
        if (document.Root.Find(Reference)?.Text.Trim() is not { Length: > 0 } id)
            return null;
        if (document.Root.All("cert").FirstOrDefault(c => c.Value("refid") == id) is not { } item)
        {
            why = $"there is no certificate {Shown(id)}";
            return null;
        }
        using var certificate = Read(item, out var fault);
        if (certificate is null || !certificate.HasPrivateKey)
        {
            why = $"certificate {Shown(id)}: {(certificate is null ? fault : "its key is not there")}";
            return null;
        }
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().FirstOrDefault()?.EnhancedKeyUsages;
        if (usages is not null && !usages.Cast<Oid>().Any(o => o.Value == ServerAuthentication))
        {
            why = $"certificate {Shown(id)} is not one for servers";
            return null;
        }
        var pem = new StringBuilder(certificate.ExportCertificatePem()).Append('\n');
        AddIntermediates(document, item.Value("caref"), pem);
        using (var key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey())
        {
            if (key is null)
            {
                why = $"certificate {Shown(id)}: neither an RSA nor an EC key";
                return null;
            }
            pem.Append(key.ExportPkcs8PrivateKeyPem()).Append('\n');
        }
        var pin = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
        return new WebCertificate(id, pin, certificate.NotAfter.ToUniversalTime(), Encoding.ASCII.GetBytes(pem.ToString()));
    }

    /// <summary>An entry of <c>ca</c> or <c>cert</c>, with its key where that is there; null, and why, where it is none or the key is another's.</summary>
    public static X509Certificate2? Read(ConfigNode item, out string why)
    {
        why = "";
        var (certificate, key) = (Decode(item.Value("crt")), Decode(item.Value("prv")));
        if (certificate is null)
        {
            why = "crt is not a certificate in base64";
            return null;
        }
        try
        {
            return item.Value("prv").Length == 0
                ? X509Certificate2.CreateFromPem(certificate)
                : X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // The message may quote what it could not read.
            why = item.Value("prv").Length == 0 ? "crt is not a certificate" : "crt and prv are not a certificate and its key";
            return null;
        }
    }

    // Those that are signed by somebody else: a root is known to whoever trusts it.
    private static void AddIntermediates(ConfigDocument document, string issuer, StringBuilder pem)
    {
        for (var depth = 0; depth < ChainLimit && issuer.Length > 0; depth++)
        {
            if (document.Root.All("ca").FirstOrDefault(c => c.Value("refid") == issuer) is not { } item)
                return;
            if (Decode(item.Value("crt")) is not { } text)
                return;
            try
            {
                using var authority = X509Certificate2.CreateFromPem(text);
                if (authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData))
                    return;
                pem.Append(authority.ExportCertificatePem()).Append('\n');
            }
            catch (CryptographicException)
            {
                return; // without it, clients that do not know the authority say so
            }
            issuer = item.Value("caref");
        }
    }

    private static string? Decode(string base64)
    {
        if (base64.Length is 0 or > PemLimit)
            return null;
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? Encoding.Latin1.GetString(bytes, 0, length) : null;
    }

    private static string Shown(string id) => id.Length > 64 || id.Any(char.IsControl) ? "?" : id;

    /// <summary>Without the key.</summary>
    public override string ToString() => $"certificate {Id}, SHA-256 {Pin}";
}
