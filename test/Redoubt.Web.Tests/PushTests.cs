using System.Net;
using System.Net.Sockets;
using System.Text;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Push;

namespace Redoubt.Web.Tests;

/// <summary>The push loop against the real endpoint of another node.</summary>
public sealed class PushTests
{
    [Fact]
    public async Task A_push_asks_version_and_digests_restores_and_reads_the_digests_back()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync(7);
        Assert.Equal((7, true, null, "127.0.0.1", 42), (result.Id, result.Ok, result.Error, result.Peer, result.Generation));
        Assert.Equal(["aliases"], result.Areas);
        Assert.Equal("11ee", result.PeerDigests!["aliases"]);
        Assert.Equal(
            ["auth", "config-version", "auth", "config-digests", "auth", "config-receive", "auth", "config-digests"],
            peer.Daemon.Requests.Select(r => r.Verb)
        );
        Assert.Equal("22dd", node.Daemon.Of(ControlVerb.ConfigPushPlan).Last().Line.PushPlan!.Held!["aliases"]);
        var received = peer.Daemon.Of(ControlVerb.ConfigReceive).Single();
        Assert.True(XmlRpcReader.TryReadCall(received.Document, XmlRpcLimits.Default, out var call, out _));
        Assert.Equal(PushingNode.Pushed, call!.Parameters[0]);
    }

    [Fact]
    public async Task A_peer_that_has_all_of_it_is_read_and_gets_nothing()
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Aliases = "11ee";
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync(7);
        Assert.Equal((7, true, null), (result.Id, result.Ok, result.Error));
        Assert.Empty(result.Areas);
        Assert.Equal("11ee", result.PeerDigests!["aliases"]);
        Assert.Equal(["auth", "config-version", "auth", "config-digests"], peer.Daemon.Requests.Select(r => r.Verb));
        // The way of the push is told with the question: who would refuse the push answers nothing.
        Assert.Equal(["3", "1"], peer.Daemon.Of(ControlVerb.ConfigDigests).Single().Receive.Path);
    }

    [Fact]
    public async Task Changes_travel_alone_to_a_peer_that_holds_what_they_are_of()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin) { KnowsPeer = true };
        var result = await node.PushAsync(7);
        Assert.Equal((true, null, "11ee"), (result.Ok, result.Error, result.PeerDigests!["aliases"]));
        var received = peer.Daemon.Of(ControlVerb.ConfigReceive).Single();
        Assert.Equal("restore_config_changes", received.Receive.Method);
        Assert.True(XmlRpcReader.TryReadCall(received.Document, XmlRpcLimits.Default, out var call, out _));
        Assert.Equal(PushingNode.Changes, call!.Parameters[0]);
    }

    [Theory]
    [InlineData(XmlRpcFault.OutdatedCode)]
    [InlineData(-32601)] // one of ours that knows no changes yet
    public async Task A_peer_that_takes_no_changes_gets_the_whole(int code)
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request is { Verb: ControlVerb.ConfigReceive, Receive.Method: "restore_config_changes" }
                    ? (ControlReply.Error("not of this") with { FaultCode = code }, null)
                    : null
            );
        await using var node = new PushingNode(peer.Https, peer.Pin) { KnowsPeer = true };
        var result = await node.PushAsync(7);
        Assert.Equal((true, null, "11ee"), (result.Ok, result.Error, result.PeerDigests!["aliases"]));
        Assert.Equal(
            ["restore_config_changes", "restore_config_section"],
            peer.Daemon.Of(ControlVerb.ConfigReceive).Select(r => r.Receive.Method)
        );
        Assert.Equal("22dd", node.Daemon.Of(ControlVerb.ConfigPushPlan).Last().Line.PushPlan!.Held!["aliases"]);
    }

    [Fact]
    public async Task Changes_that_are_refused_for_what_they_say_are_not_sent_again_whole()
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigReceive ? (ControlReply.Error("a conflict"), null) : null
            );
        await using var node = new PushingNode(peer.Https, peer.Pin) { KnowsPeer = true };
        var result = await node.PushAsync(7);
        Assert.False(result.Ok);
        Assert.Contains("a conflict", result.Error, StringComparison.Ordinal);
        Assert.Single(peer.Daemon.Of(ControlVerb.ConfigReceive));
    }

    [Fact]
    public async Task A_peer_that_refuses_to_tell_its_digests_gets_the_push_and_says_why_not()
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb is ControlVerb.ConfigDigests or ControlVerb.ConfigReceive ? (ControlReply.Error("a loop"), null) : null
            );
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync();
        Assert.Equal((false, "Exception calling XMLRPC method pfsense.restore_config_section #-32500 : a loop"), (result.Ok, result.Error));
        Assert.Null(node.Daemon.Of(ControlVerb.ConfigPushPlan).Last().Line.PushPlan!.Held);
    }

    [Fact]
    public async Task The_peer_is_told_where_the_change_comes_from()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin);
        await node.PushAsync();
        var received = peer.Daemon.Of(ControlVerb.ConfigReceive).Single().Receive;
        Assert.Equal(("1", 42), (received.Origin, received.Generation));
        Assert.Equal(["3", "1"], received.Path);
    }

    [Fact]
    public async Task A_certificate_that_is_not_the_pinned_one_gets_nothing()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, new string('0', 64));
        var result = await node.PushAsync();
        Assert.False(result.Ok);
        Assert.Contains(
            $"not the pinned one: pinned is SHA-256 {new string('0', 64)}, shown is {peer.Pin}",
            result.Error,
            StringComparison.Ordinal
        );
        Assert.Empty(peer.Daemon.Requests);
        Assert.Single(node.Daemon.Of(ControlVerb.ConfigPushPlan)); // no further try
    }

    [Fact]
    public async Task A_certificate_of_its_own_without_a_pin_gets_nothing_but_is_named()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, null);
        var result = await node.PushAsync();
        Assert.Contains("its SHA-256 is " + peer.Pin, result.Error, StringComparison.Ordinal);
        Assert.Empty(peer.Daemon.Requests);
    }

    [Fact]
    public async Task A_pin_is_taken_in_capitals_and_with_colons()
    {
        await using var peer = await WebNode.StartAsync();
        var pin = string.Join(':', Enumerable.Range(0, 32).Select(i => peer.Pin.Substring(i * 2, 2).ToUpperInvariant()));
        await using var node = new PushingNode(peer.Https, pin);
        Assert.True((await node.PushAsync()).Ok);
    }

    [Fact]
    public async Task Another_configuration_version_stops_the_push()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin, configVersion: "24.4");
        var result = await node.PushAsync();
        Assert.Equal(
            (false, "the peer has a different configuration version (24.5, here 24.4); nothing was pushed"),
            (result.Ok, result.Error)
        );
        Assert.Empty(peer.Daemon.Of(ControlVerb.ConfigReceive));
        Assert.Contains(node.Log, l => l.Contains("XMLRPC versioncheck: 24.5 -- 24.4", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_wrong_password_is_not_tried_again()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin, password: "wrong");
        var result = await node.PushAsync();
        Assert.False(result.Ok);
        Assert.Contains(
            "An authentication failure occurred while trying to access https://127.0.0.1:",
            result.Error,
            StringComparison.Ordinal
        );
        Assert.Single(peer.Daemon.Of(ControlVerb.Auth));
    }

    [Fact]
    public async Task What_the_peer_refuses_is_said_here()
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigReceive ? (ControlReply.Error("rule 3: no interface opt9"), null) : null
            );
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync();
        Assert.Equal(
            (false, "Exception calling XMLRPC method pfsense.restore_config_section #-32500 : rule 3: no interface opt9"),
            (result.Ok, result.Error)
        );
        Assert.Single(peer.Daemon.Of(ControlVerb.ConfigReceive));
    }

    [Fact]
    public async Task A_push_whose_digests_cannot_be_read_is_not_in_sync()
    {
        await using var peer = await WebNode.StartAsync();
        peer.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigDigests ? (ControlReply.Error("busy"), null) : null
            );
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync();
        Assert.Equal((true, null), (result.Ok, result.PeerDigests));
        Assert.Contains("pushed, but the peer could not be read afterwards", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_names_the_differences_and_changes_nothing()
    {
        await using var peer = await WebNode.StartAsync();
        await using var node = new PushingNode(peer.Https, peer.Pin);
        var result = await node.PushAsync(dryRun: true);
        Assert.Equal((true, null), (result.Ok, result.Error));
        Assert.Equal(["aliases: only here"], result.Differences);
        Assert.Empty(peer.Daemon.Of(ControlVerb.ConfigReceive));
    }

    [Fact]
    public async Task A_push_to_a_peer_that_is_away_is_made_when_it_is_back()
    {
        var (host, port) = ("127.0.0.1", FreePort());
        await using var node = new PushingNode(new Uri($"http://{host}:{port}"), null);
        var lost = await node.PushAsync(1);
        Assert.False(lost.Ok);
        Assert.Contains("A communications error occurred", lost.Error, StringComparison.Ordinal);
        // Four tries of one call.
        Assert.Equal(3, node.Log.Count(l => l.Contains("Push 1: try", StringComparison.Ordinal)));

        await using var peer = await WebNode.StartAsync(change: o => o with { InsecureLoopback = port });
        ConfigPushResult result;
        do result = await node.Daemon.ResultAsync();
        while (!result.Ok);
        Assert.Equal(1, result.Id);
        Assert.Single(peer.Daemon.Of(ControlVerb.ConfigReceive));
    }

    [Fact]
    public async Task All_who_asked_meanwhile_hear_of_the_push_that_follows()
    {
        await using var peer = await WebNode.StartAsync();
        var release = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        peer.Daemon.Answer = async request =>
        {
            if (request.Verb == ControlVerb.ConfigReceive && begun.TrySetResult())
                await release.Task;
            return request.Verb == ControlVerb.ConfigDigests
                ? (new ControlReply { Ok = true, Areas = [new ConfigArea("aliases", "22dd", "applied")] }, null)
                : null;
        };
        await using var node = new PushingNode(peer.Https, peer.Pin);
        node.Daemon.Want(1);
        await begun.Task.WaitAsync(Deadline.Token);
        for (var id = 2; id <= 5; id++)
            node.Daemon.Want(id);
        release.SetResult();
        var results = new List<ConfigPushResult>();
        while (results.Count == 0 || results[^1].Id != 5)
            results.Add(await node.Daemon.ResultAsync());
        Assert.Equal([1L, 2, 3, 4, 5], results.Select(r => r.Id));
        Assert.All(results, r => Assert.True(r.Ok));
        Assert.InRange(peer.Daemon.Of(ControlVerb.ConfigReceive).Count(), 2, 4);
    }

    [Fact]
    public async Task A_daemon_that_has_nothing_to_push_is_believed()
    {
        await using var node = new PushingNode(new Uri("https://127.0.0.1:1"), null);
        node.Daemon.Answer = request =>
            Task.FromResult<(ControlReply, byte[]?)?>(
                request.Verb == ControlVerb.ConfigPushPlan ? (ControlReply.Error("hasync/synchronizetoip is not set"), null) : null
            );
        var result = await node.PushAsync();
        Assert.Equal((false, "hasync/synchronizetoip is not set"), (result.Ok, result.Error));
    }

    [Theory]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "HTTP status 302")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot xml!!", "the answer is not XML-RPC")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n<?xml", "A communications error")]
    [InlineData("nonsense\r\n\r\n", "A communications error")]
    public async Task A_peer_that_answers_nonsense_is_tried_four_times_and_named(string answer, string error)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var served = 0;
        var serving = ServeAsync();
        await using (var node = new PushingNode(new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"), null))
        {
            var result = await node.PushAsync(dryRun: true);
            Assert.False(result.Ok);
            Assert.Contains(error, result.Error, StringComparison.Ordinal);
            Assert.Equal(4, served);
        }
        listener.Stop();
        await serving;

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await listener.AcceptTcpClientAsync(Deadline.Token);
                    var stream = client.GetStream();
                    // Until the end of the body: an unread rest would make a reset of the close.
                    var request = new StringBuilder();
                    var buffer = new byte[4096];
                    while (!request.ToString().Contains("</methodCall>", StringComparison.Ordinal))
                        request.Append(Encoding.UTF8.GetString(buffer, 0, await stream.ReadAsync(buffer, Deadline.Token)));
                    served++;
                    await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), Deadline.Token);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
            {
                // The listener was stopped.
            }
        }
    }

    [Theory]
    [InlineData("https", "192.0.2.1", 443, "https://192.0.2.1/xmlrpc.php")]
    [InlineData("http", "2001:db8::1", 8080, "http://[2001:db8::1]:8080/xmlrpc.php")]
    [InlineData("https", "fw-b.example.net", 8443, "https://fw-b.example.net:8443/xmlrpc.php")]
    [InlineData("ftp", "192.0.2.1", 443, null)]
    [InlineData("https", "192.0.2.1/x", 443, null)]
    [InlineData("https", "user@192.0.2.1", 443, null)]
    [InlineData("https", "", 443, null)]
    [InlineData("https", "192.0.2.1", 0, null)]
    public void A_peers_address_makes_a_url_or_none(string scheme, string host, int port, string? url)
    {
        var plan = new PushPlan
        {
            Id = 1,
            Scheme = scheme,
            Host = host,
            Port = port,
            User = "u",
            Password = "p",
            ConfigVersion = "24.5",
            Areas = [],
            Digests = new Dictionary<string, string>(),
            Origin = "1",
            Path = [],
            Generation = 1,
        };
        Assert.Equal(url is not null, PlannedPush.TryMake(plan, [], out var planned));
        Assert.Equal(url, planned?.Url.ToString());
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
