using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Redoubt.Control;

namespace Redoubt.Web.Tests;

/// <summary>The certificate that is served: the node's own, or what the daemon names.</summary>
public sealed class CertificateTests
{
    [Fact]
    public async Task A_configured_certificate_is_served_from_the_next_connection_on_and_the_own_one_after_it()
    {
        await using var node = await WebNode.StartAsync();
        var (pem, pin) = Make("web");
        (string? Digest, byte[]? Pem) configured = (null, null);
        List<string?> known = [];
        node.Daemon.Answer = request =>
        {
            if (request.Verb != ControlVerb.WebCertificate)
                return Task.FromResult<(ControlReply, byte[]?)?>(null);
            known.Add(request.Line.Known);
            var isKnown = request.Line.Known == configured.Digest;
            return Task.FromResult<(ControlReply, byte[]?)?>(
                (new ControlReply { Ok = true, Digest = configured.Digest }, isKnown ? null : configured.Pem)
            );
        };
        var loop = Loop(node);
        Assert.False(await loop.LookAsync(Deadline.Token));
        using var open = await ConnectAsync(node);
        Assert.Equal(node.Pin, Shown(open));

        configured = (pin, pem);
        Assert.True(await loop.LookAsync(Deadline.Token));
        Assert.False(await loop.LookAsync(Deadline.Token));

        using (var next = await ConnectAsync(node))
            Assert.Equal(pin, Shown(next));
        Assert.Equal([null, null, pin], known);
        // The connection of before goes on.
        await open.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray(), Deadline.Token);
        using var reader = new StreamReader(open);
        Assert.StartsWith("HTTP/1.1 ", await reader.ReadToEndAsync(Deadline.Token), StringComparison.Ordinal);

        configured = (null, null);
        Assert.True(await loop.LookAsync(Deadline.Token));
        using var last = await ConnectAsync(node);
        Assert.Equal(node.Pin, Shown(last));
    }

    [Fact]
    public async Task What_is_no_certificate_and_a_daemon_that_is_away_change_nothing()
    {
        await using var node = await WebNode.StartAsync();
        node.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.WebCertificate
                    ? (new ControlReply { Ok = true, Digest = "00" }, Encoding.ASCII.GetBytes("-----BEGIN CERTIFICATE-----\nAAAA\n"))
                    : null
            );
        Assert.False(await Loop(node).LookAsync(Deadline.Token));
        using (var shown = await ConnectAsync(node))
            Assert.Equal(node.Pin, Shown(shown));

        await node.Daemon.DisposeAsync();

        Assert.False(await Loop(node).LookAsync(Deadline.Token));
        using var still = await ConnectAsync(node);
        Assert.Equal(node.Pin, Shown(still));
    }

    private static CertificateLoop Loop(WebNode node) =>
        new(new NodeDaemon(node.Daemon.SocketPath, new WebLimits()), node.Served, NullLogger.Instance);

    private static string Shown(SslStream stream) => NodeCertificate.Pin(stream.RemoteCertificate!);

    private static async Task<SslStream> ConnectAsync(WebNode node)
    {
        var client = new TcpClient();
        await client.ConnectAsync(node.Https.Host, node.Https.Port, Deadline.Token);
        var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "node",
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null, // which one is what the test asks
        };
        await stream.AuthenticateAsClientAsync(options, Deadline.Token);
        return stream;
    }

    private static (byte[] Pem, string Pin) Make(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        var text = certificate.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
        return (Encoding.ASCII.GetBytes(text), NodeCertificate.Pin(certificate));
    }
}
