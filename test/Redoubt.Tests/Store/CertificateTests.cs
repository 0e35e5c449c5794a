using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Events;
using Redoubt.Tests.ConfigSync;

namespace Redoubt.Tests.Store;

/// <summary>Which certificate of the configuration redoubt-web is to serve, and what is said of those that cannot be.</summary>
public sealed class CertificateTests : IDisposable
{
    private readonly EventLog _events = new(null);
    private readonly AlarmBoard _alarms;
    private readonly CertificateApplier _applier;

    public CertificateTests()
    {
        _alarms = new AlarmBoard(_events);
        _applier = new CertificateApplier(_alarms);
    }

    public void Dispose() => _events.Dispose();

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));

    private static string Cert(string id, string crt, string prv, string extra = "") =>
        $"<cert><refid>{id}</refid><descr>web</descr>{extra}<crt>{Base64(crt)}</crt><prv>{Base64(prv)}</prv></cert>";

    private static ConfigSnapshot Snapshot(string named, params string[] lists)
    {
        var text = Encoding.UTF8.GetString(StoreBench.Document("x", string.Concat(lists)));
        var reference = named.Length > 0 ? $"<webgui><ssl-certref>{named}</ssl-certref></webgui>" : "";
        text = text.Replace("</hostname>", "</hostname>" + reference, StringComparison.Ordinal);
        var snapshot = ConfigSnapshot.TryRead(Encoding.UTF8.GetBytes(text), "config.xml", out var problems);
        Assert.True(snapshot is not null, string.Join("; ", problems));
        return snapshot;
    }

    private static (string Certificate, string Key, X509Certificate2 Made) Make(
        string name,
        int days = 90,
        string? usage = null,
        X509Certificate2? issuer = null,
        bool isAuthority = false
    )
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (usage is not null)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-100), DateTimeOffset.UtcNow.AddDays(days));
        if (issuer is null)
        {
            var own = request.CreateSelfSigned(from, until);
            return (own.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), own);
        }
        using var signed = request.Create(issuer, from, issuer.NotAfter, [1, 2, 3]);
        var made = signed.CopyWithPrivateKey(key);
        return (made.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem(), made);
    }

    private string Alarm => _alarms.Active.SingleOrDefault(a => a.Id == "web-certificate")?.Text ?? "";

    [Fact]
    public void The_named_certificate_is_served_with_its_intermediates_and_without_its_root()
    {
        var root = Make("root", isAuthority: true);
        var middle = Make("middle", issuer: root.Made, isAuthority: true);
        var web = Make("web", issuer: middle.Made);
        var next = Snapshot(
            "w1",
            $"<ca><refid>r</refid><crt>{Base64(root.Certificate)}</crt></ca>",
            $"<ca><refid>m</refid><caref>r</caref><crt>{Base64(middle.Certificate)}</crt></ca>",
            Cert("w1", web.Certificate, web.Key, "<caref>m</caref>")
        );

        Assert.Empty(_applier.Validate(null, next, applies: true));
        Assert.NotEmpty(_applier.Plan(null, next));
        Assert.Null(_applier.Apply(null, next));

        var served = _applier.Current!;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(web.Made.RawData)), served.Pin);
        var all = new X509Certificate2Collection();
        all.ImportFromPem(Encoding.ASCII.GetString(served.Pem));
        Assert.Equal(["CN=web", "CN=middle"], all.Select(c => c.Subject));
        Assert.DoesNotContain("PRIVATE", served.ToString(), StringComparison.Ordinal);
        Assert.Equal("", Alarm);
    }

    [Fact]
    public void Another_certificate_of_the_name_is_planned_for_and_the_same_one_is_not_news()
    {
        var (a, b) = (Make("a"), Make("b"));
        var (first, second) = (Snapshot("w", Cert("w", a.Certificate, a.Key)), Snapshot("w", Cert("w", b.Certificate, b.Key)));

        Assert.Contains("pinned another", Assert.Single(_applier.Plan(first, second)), StringComparison.Ordinal);
        Assert.Contains("its own", Assert.Single(_applier.Plan(second, Snapshot(""))), StringComparison.Ordinal);
        Assert.Empty(_applier.Plan(Snapshot(""), Snapshot("", Cert("w", a.Certificate, a.Key))));
    }

    [Fact]
    public void What_cannot_serve_is_a_warning_and_an_alarm_and_the_own_one_stays()
    {
        var (good, other) = (Make("good"), Make("other"));
        var client = Make("client", usage: "1.3.6.1.5.5.7.3.2");
        (string Named, string List, string Why)[] cases =
        [
            ("gone", Cert("w", good.Certificate, good.Key), "there is no certificate gone"),
            ("w", Cert("w", good.Certificate, other.Key), "not a certificate and its key"),
            ("w", Cert("w", good.Certificate, "").Replace("<prv></prv>", "", StringComparison.Ordinal), "its key is not there"),
            ("w", "<cert><refid>w</refid><crt>%%%</crt></cert>", "not a certificate in base64"),
            ("w", Cert("w", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", good.Key), "not a certificate and its key"),
            ("w", Cert("w", client.Certificate, client.Key), "not one for servers"),
        ];
        foreach (var (named, list, why) in cases)
        {
            var next = Snapshot(named, list);
            var problems = _applier.Validate(null, next, applies: true).ToList();
            Assert.Contains(problems, p => p.Message.Contains(why, StringComparison.Ordinal));
            Assert.All(problems, p => Assert.Equal("warning", p.Severity));
            Assert.Null(_applier.Apply(null, next));
            Assert.Null(_applier.Current);
            Assert.Contains(why, Alarm, StringComparison.Ordinal);
        }
        _applier.Apply(null, Snapshot("w", Cert("w", good.Certificate, good.Key)));
        Assert.NotNull(_applier.Current);
        Assert.Equal("", Alarm);
    }

    [Fact]
    public void One_that_ends_soon_serves_and_says_so()
    {
        var (soon, late) = (Make("soon", days: 20), Make("late", days: -1));

        _applier.Apply(null, Snapshot("w", Cert("w", soon.Certificate, soon.Key)));
        Assert.NotNull(_applier.Current);
        Assert.Contains("ends", Alarm, StringComparison.Ordinal);

        var ended = Snapshot("", Cert("w", late.Certificate, late.Key));
        Assert.Contains(_applier.Validate(null, ended, applies: true), p => p.Message.StartsWith("it ended", StringComparison.Ordinal));
    }

    [Fact]
    public void A_pfsense_file_serves_the_certificate_of_its_web_interface()
    {
        Assert.NotNull(WebCertificate.Find(SyncFixture.Vector("primary.config.xml"), out var why));
        Assert.Equal("", why);
    }
}
