using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Web.Tests;

public sealed class LimitTests
{
    private static readonly byte[] _version = Repository.Vector("requests/host_firmware_version.xml");

    private static readonly WebLimits _small = new()
    {
        Message = XmlRpcLimits.Default with { Bytes = 4 << 20 },
        SmallBody = 64 << 10,
        Headers = TimeSpan.FromSeconds(1),
        Idle = TimeSpan.FromSeconds(1),
        Handshake = TimeSpan.FromSeconds(1),
        RateGrace = TimeSpan.FromSeconds(1.1),
        Body = TimeSpan.FromSeconds(2),
    };

    private static byte[] Packed(ReadOnlySpan<byte> bytes)
    {
        using var stream = new MemoryStream();
        using (var packing = new GZipStream(stream, CompressionLevel.Optimal))
            packing.Write(bytes);
        return stream.ToArray();
    }

    private static void Gzip(HttpRequestMessage request) => request.Content!.Headers.ContentEncoding.Add("gzip");

    private static byte[] Aliases(int length) =>
        WebNode.Encode("pfsense.restore_config_section", Sample.Struct(("aliases", Sample.Text(new string('x', length)))));

    [Fact]
    public async Task A_body_larger_than_allowed_is_refused_and_one_below_is_not()
    {
        await using var node = await WebNode.StartAsync(_small);
        Assert.Equal(XmlRpcBoolean.True, (await node.CallAsync(Aliases(3 << 20))).Value);
        using var refused = await node.PostAsync(Aliases(4 << 20));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        using var chunked = await node.PostAsync(Aliases(4 << 20), change: r => r.Headers.TransferEncodingChunked = true);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, chunked.StatusCode);
        Assert.Single(node.Daemon.Of("config-receive"));
    }

    [Fact]
    public async Task A_packed_body_is_taken()
    {
        await using var node = await WebNode.StartAsync(_small);
        Assert.Equal(XmlRpcBoolean.True, (await node.CallAsync(Packed(Aliases(1000)), change: Gzip)).Value);
        Assert.Equal(XmlRpcBoolean.True, (await node.CallAsync(Packed(Aliases(3 << 20)), change: Gzip)).Value);
        Assert.Equal(XmlRpcFault.Unparsable, (await node.CallAsync(_version, change: Gzip)).Fault);
        using var other = await node.PostAsync(_version, change: r => r.Content!.Headers.ContentEncoding.Add("br"));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, other.StatusCode);
    }

    [Fact]
    public async Task A_gzip_bomb_stops_at_the_limit_of_a_message()
    {
        await using var node = await WebNode.StartAsync();
        // 512 MiB in half a megabyte: text, then white space, then tags.
        foreach (var (head, filling) in new[] { ("<methodCall><methodName>", "x"), ("", " "), ("<methodCall>", "<!-- -->") })
        {
            using var bomb = new MemoryStream();
            using (var packing = new GZipStream(bomb, CompressionLevel.Optimal, leaveOpen: true))
            {
                packing.Write(Encoding.UTF8.GetBytes(head));
                var block = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(filling, (1 << 20) / filling.Length)));
                for (var i = 0; i < 512; i++)
                    packing.Write(block);
            }
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var response = await node.CallAsync(bomb.ToArray(), change: Gzip);
            Assert.Equal(XmlRpcFault.Unparsable, response.Fault);
            Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 16 << 20);
        }
        Assert.NotNull((await node.CallAsync(_version)).Value);
    }

    [Theory]
    [InlineData(
        "<!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><methodCall><methodName>&b;</methodName></methodCall>"
    )]
    [InlineData("<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><methodCall/>")]
    [InlineData(
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><methodCall><methodName>&x;</methodName></methodCall>"
    )]
    public async Task A_document_type_is_refused(string body)
    {
        await using var node = await WebNode.StartAsync();
        Assert.Equal(XmlRpcFault.Unparsable, (await node.CallAsync(Encoding.UTF8.GetBytes(body))).Fault);
        Assert.Contains(node.Log, l => l.Contains("document type", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        await using var node = await WebNode.StartAsync();
        var deep =
            "<methodCall><methodName>m</methodName><params><param>" + string.Concat(Enumerable.Repeat("<value><array><data>", 200_000));
        Assert.Equal(XmlRpcFault.Unparsable, (await node.CallAsync(Encoding.UTF8.GetBytes(deep))).Fault);
    }

    [Fact]
    public async Task Two_hundred_calls_at_once_are_all_answered()
    {
        await using var node = await WebNode.StartAsync();
        var calls = Enumerable
            .Range(0, 200)
            .Select(i =>
                node.CallAsync(
                    i % 4 == 0 ? Aliases(1000)
                    : i % 4 == 1 ? Repository.Vector("requests/restore_config_section.full.xml")
                    : _version
                )
            )
            .ToList();
        foreach (var call in calls)
            Assert.NotNull((await call).Value);
        Assert.Equal(100, node.Daemon.Of("config-receive").Count());
        Assert.Equal(1, node.Daemon.MostChangesAtOnce);
    }

    [Fact]
    public async Task Calls_beyond_those_that_may_wait_are_turned_away_and_service_goes_on()
    {
        await using var node = await WebNode.StartAsync(_small with { Calls = 1, WaitingCalls = 3, Wait = Deadline.Limit });
        var release = new TaskCompletionSource();
        var first = true;
        node.Daemon.Answer = async request =>
        {
            if (request.Verb == "config-version" && first)
            {
                first = false;
                await release.Task;
            }
            return null;
        };
        var calls = Enumerable.Range(0, 20).Select(_ => node.PostAsync(_version)).ToList();
        // All but the one that works and the three that wait are turned away at once.
        var turnedAway = 0;
        while (turnedAway < 16)
        {
            var done = await Task.WhenAny(calls);
            calls.Remove(done);
            using var response = await done;
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            turnedAway++;
        }
        release.SetResult();
        foreach (var call in calls)
        {
            using var response = await call;
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task Changes_go_one_at_a_time_and_do_not_wait_for_ever()
    {
        await using var node = await WebNode.StartAsync(_small with { Wait = TimeSpan.FromMilliseconds(200) });
        var release = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        node.Daemon.Answer = async request =>
        {
            if (request.Verb == "config-receive" && !release.Task.IsCompleted)
            {
                begun.TrySetResult();
                await release.Task;
            }
            return null;
        };
        var slow = node.CallAsync(Aliases(10));
        await begun.Task.WaitAsync(Deadline.Token);
        var refused = await node.CallAsync(Aliases(10));
        Assert.Equal("another change is being made on this node", refused.Fault!.Text);
        Assert.NotNull((await node.CallAsync(_version)).Value);
        release.SetResult();
        Assert.Equal(XmlRpcBoolean.True, (await slow).Value);
    }

    [Fact]
    public async Task A_caller_that_hangs_up_does_not_stop_a_change()
    {
        await using var node = await WebNode.StartAsync();
        var release = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        node.Daemon.Answer = async request =>
        {
            if (request.Verb == "config-receive" && !ended.Task.IsCompleted)
            {
                begun.TrySetResult();
                await release.Task;
                ended.SetResult();
            }
            return null;
        };
        using (var impatient = node.NewClient())
        {
            using var cancel = new CancellationTokenSource();
            using var request = new HttpRequestMessage(HttpMethod.Post, "/xmlrpc.php") { Content = new ByteArrayContent(Aliases(10)) };
            request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(WebNode.Good)));
            var call = impatient.SendAsync(request, cancel.Token);
            await begun.Task.WaitAsync(Deadline.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }
        release.SetResult();
        await ended.Task.WaitAsync(Deadline.Token);
        Assert.Equal(XmlRpcBoolean.True, (await node.CallAsync(Aliases(10))).Value);
    }

    // Reads until the server hangs up; what it said.
    private static async Task<string> UntilClosedAsync(Stream stream)
    {
        using var text = new MemoryStream();
        try
        {
            await stream.CopyToAsync(text, Deadline.Token);
        }
        catch (IOException)
        {
            // A reset is an end as well.
        }
        return Encoding.ASCII.GetString(text.ToArray());
    }

    private static async Task<(TcpClient Client, NetworkStream Stream)> ConnectAsync(Uri url)
    {
        var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, Deadline.Token);
        return (client, client.GetStream());
    }

    [Fact]
    public async Task Headers_that_trickle_are_cut_off()
    {
        await using var node = await WebNode.StartAsync(_small);
        var (client, stream) = await ConnectAsync(node.Http);
        using var owned = client;
        await stream.WriteAsync("POST /xmlrpc.php HTTP/1.1\r\nHost: x\r\nX-A: "u8.ToArray(), Deadline.Token);
        var ended = UntilClosedAsync(stream);
        while (!ended.IsCompleted)
        {
            try
            {
                await stream.WriteAsync("a"u8.ToArray(), Deadline.Token);
            }
            catch (IOException)
            {
                break;
            }
            await Task.WhenAny(ended, Task.Delay(50, Deadline.Token));
        }
        Assert.Contains("408", await ended, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_that_trickles_is_cut_off()
    {
        await using var node = await WebNode.StartAsync(_small);
        var (client, stream) = await ConnectAsync(node.Http);
        using var owned = client;
        var credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes(WebNode.Good));
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"POST /xmlrpc.php HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\nContent-Length: 100000\r\n\r\n<"
            ),
            Deadline.Token
        );
        Assert.Contains("408", await UntilClosedAsync(stream), StringComparison.Ordinal);
        Assert.NotNull((await node.CallAsync(_version)).Value);
    }

    [Fact]
    public async Task A_handshake_that_never_comes_and_an_idle_connection_are_cut_off()
    {
        await using var node = await WebNode.StartAsync(_small);
        var (silent, silentStream) = await ConnectAsync(node.Https);
        var (idle, idleStream) = await ConnectAsync(node.Http);
        using var ownedSilent = silent;
        using var ownedIdle = idle;
        Assert.Equal("", await UntilClosedAsync(silentStream));
        Assert.Equal("", await UntilClosedAsync(idleStream));
    }

    [Fact]
    public async Task Connections_of_one_source_are_bounded_and_free_again_when_closed()
    {
        await using var node = await WebNode.StartAsync(
            _small with
            {
                ConnectionsPerSource = 8,
                Idle = Deadline.Limit,
                Headers = Deadline.Limit,
            }
        );
        var open = new List<TcpClient>();
        for (var i = 0; i < 8; i++)
        {
            var (client, stream) = await ConnectAsync(node.Http);
            open.Add(client);
            await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Deadline.Token);
            Assert.NotEqual(0, await stream.ReadAsync(new byte[1], Deadline.Token));
        }
        Assert.False(await IsServedAsync(node.Http));
        open.ForEach(c => c.Dispose());
        while (!await IsServedAsync(node.Http))
            Deadline.Token.ThrowIfCancellationRequested();
    }

    private static async Task<bool> IsServedAsync(Uri url)
    {
        try
        {
            var (client, stream) = await ConnectAsync(url);
            using var owned = client;
            await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Deadline.Token);
            return await stream.ReadAsync(new byte[1], Deadline.Token) == 1;
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return false;
        }
    }

    [Fact]
    public async Task Large_headers_are_refused()
    {
        await using var node = await WebNode.StartAsync();
        using var response = await node.PostAsync(_version, change: r => r.Headers.Add("X-Large", new string('a', 20_000)));
        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Old_tls_is_not_spoken()
    {
        await using var node = await WebNode.StartAsync();
        var (client, stream) = await ConnectAsync(node.Https);
        using var owned = client;
        using var tls = new SslStream(stream, false, (_, certificate, _, _) => certificate is not null);
#pragma warning disable CA5397, SYSLIB0039 // that is what is tried
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "x",
            EnabledSslProtocols = System.Security.Authentication.SslProtocols.Tls11,
        };
#pragma warning restore CA5397, SYSLIB0039
        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(options, Deadline.Token));
    }
}
