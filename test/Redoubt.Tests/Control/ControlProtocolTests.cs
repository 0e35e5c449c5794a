using System.Runtime.CompilerServices;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Daemon.Control;

namespace Redoubt.Tests.Control;

public class ControlProtocolTests
{
    [Fact]
    public void Status_json_has_the_names_of_the_contract()
    {
        var json = JsonSerializer.Serialize(ControlNode.Sample, ControlJson.Indented.NodeStatus);

        Assert.Equal(File.ReadAllText(Beside("status.golden.json")).Trim(), json.Trim());
    }

    [Fact]
    public async Task Status_survives_the_way_over_the_socket()
    {
        using var node = new ControlNode();

        var reply = await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status });

        Assert.True(reply.Ok);
        Assert.Equal(
            JsonSerializer.Serialize(ControlNode.Sample, ControlJson.Default.NodeStatus),
            JsonSerializer.Serialize(reply.Status!, ControlJson.Default.NodeStatus)
        );
    }

    [Theory]
    [InlineData("""{"verb":"carp","on":true}""", "carp True")]
    [InlineData("""{"verb":"carp","on":false}""", "carp False")]
    [InlineData("""{"verb":"carp-demote","amount":240,"reason":"x y"}""", "demote 240 x y")]
    [InlineData("""{"verb":"carp-undemote","reason":"x"}""", "undemote x")]
    [InlineData("""{"verb":"carp-state","vhid":255,"interface":"opt1","state":"backup"}""", "state 255 opt1 backup")]
    [InlineData("""{"verb":"maintenance","on":true}""", "maintenance True")]
    [InlineData("""{"verb":"failover"}""", "failover False False")]
    [InlineData("""{"verb":"failover","back":true,"force":true}""", "failover True True")]
    [InlineData("""{"verb":"states-sync"}""", "sync")]
    public void Each_changing_verb_reaches_its_delegate(string line, string call)
    {
        using var node = new ControlNode();
        using var socket = node.Connect();

        var answer = ControlNode.Exchange(socket, line + "\n");

        Assert.Equal($$"""{"ok":true,"message":"{{call}}"}""", answer);
        Assert.Equal([call], node.Calls);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("{\"verb\":7}")]
    [InlineData("{\"verb\":\"status\"")]
    [InlineData("{\"verb\":\"status\"} x")]
    [InlineData("{\"verb\":\"status\",\"verb\":\"failover\"}")]
    [InlineData("{\"verb\":\"shutdown\"}")]
    [InlineData("{\"verb\":\"failover\",\"gently\":true}")]
    [InlineData("{\"verb\":\"failover\",\"back\":\"yes\"}")]
    [InlineData("{\"verb\":\"carp\"}")]
    [InlineData("{\"verb\":\"maintenance\",\"on\":null}")]
    [InlineData("{\"verb\":\"carp-demote\",\"amount\":0,\"reason\":\"x\"}")]
    [InlineData("{\"verb\":\"carp-demote\",\"amount\":241,\"reason\":\"x\"}")]
    [InlineData("{\"verb\":\"carp-demote\",\"amount\":1e99,\"reason\":\"x\"}")]
    [InlineData("{\"verb\":\"carp-demote\",\"amount\":5,\"reason\":\"\"}")]
    [InlineData("{\"verb\":\"carp-demote\",\"amount\":5,\"reason\":\"a\\nb\"}")]
    [InlineData("{\"verb\":\"carp-state\",\"vhid\":0,\"interface\":\"lan\",\"state\":\"master\"}")]
    [InlineData("{\"verb\":\"carp-state\",\"vhid\":256,\"interface\":\"lan\",\"state\":\"master\"}")]
    [InlineData("{\"verb\":\"carp-state\",\"vhid\":1,\"interface\":\"lan\",\"state\":\"init\"}")]
    [InlineData("{\"verb\":\"events\",\"since\":\"yesterday\"}")]
    public void A_wrong_request_is_answered_with_an_error_and_changes_nothing(string line)
    {
        using var node = new ControlNode();
        using var socket = node.Connect();

        Assert.StartsWith("{\"ok\":false,\"message\":", ControlNode.Exchange(socket, line + "\n"), StringComparison.Ordinal);

        Assert.Empty(node.Calls);
        Assert.StartsWith("{\"ok\":true,", ControlNode.Exchange(socket, "{\"verb\":\"states-count\"}\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_deeply_nested_request_is_an_error()
    {
        using var node = new ControlNode();
        using var socket = node.Connect();

        var line = "{\"verb\":" + new string('[', 400_000) + "\n";

        Assert.StartsWith("{\"ok\":false,", ControlNode.Exchange(socket, line), StringComparison.Ordinal);
    }

    [Fact]
    public void Several_requests_in_one_write_are_answered_in_order()
    {
        using var node = new ControlNode();
        using var socket = node.Connect();

        var first = ControlNode.Exchange(socket, "{\"verb\":\"states-sync\"}\n{\"verb\":\"carp\",\"on\":true}\n");

        Assert.Contains("\"sync\"", first, StringComparison.Ordinal);
        Assert.Contains("carp True", ControlNode.ReadLine(socket), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_verb_that_throws_is_an_error_line_and_an_event()
    {
        using var node = new ControlNode(change: v => v with { Failover = (_, _) => throw new InvalidOperationException("broken") });

        var reply = await node.AskAsync(new ControlRequest { Verb = ControlVerb.Failover });

        Assert.False(reply.Ok);
        Assert.Contains("broken", reply.Message, StringComparison.Ordinal);
        Assert.Contains(node.Events.Snapshot(), e => e.Message.Contains("broken", StringComparison.Ordinal));
        Assert.True((await node.AskAsync(new ControlRequest { Verb = ControlVerb.Status })).Ok);
    }

    [Theory]
    [InlineData(ControlVerb.Carp)]
    [InlineData(ControlVerb.CarpDemote)]
    [InlineData(ControlVerb.CarpUndemote)]
    [InlineData(ControlVerb.CarpState)]
    [InlineData(ControlVerb.Maintenance)]
    [InlineData(ControlVerb.Failover)]
    [InlineData(ControlVerb.StatesSync)]
    public void A_user_who_may_only_read_changes_nothing(string verb)
    {
        using var node = new ControlNode();
        var request = new ControlRequest
        {
            Verb = verb,
            On = true,
            Amount = 1,
            Reason = "x",
            Vhid = 1,
            Interface = "lan",
            State = "master",
        };

        Assert.False(ControlDispatch.Carry(request, node.Verbs, mayChange: false).Ok);
        Assert.Empty(node.Calls);

        Assert.True(ControlDispatch.Carry(request, node.Verbs, mayChange: true).Ok);
        Assert.Single(node.Calls);
    }

    [Theory]
    [InlineData(ControlVerb.Status)]
    [InlineData(ControlVerb.StatesCount)]
    public void A_user_who_may_only_read_reads(string verb)
    {
        using var node = new ControlNode();

        Assert.True(ControlDispatch.Carry(new ControlRequest { Verb = verb }, node.Verbs, mayChange: false).Ok);
    }

    [Fact]
    public async Task A_follow_begins_with_the_past_and_goes_on_without_a_gap()
    {
        using var node = new ControlNode();
        node.Events.Add(EventKind.Config, "one");
        using var client = await ControlClient.ConnectAsync(node.Socket, ControlNode.Token);
        var seen = new List<long>();

        await foreach (
            var reply in client.AskAsync(new ControlRequest { Verb = ControlVerb.Events, Follow = true }, null, ControlNode.Token)
        )
        {
            if (reply.Event is null)
                break;
            seen.Add(reply.Event.Sequence);
            if (seen.Count == 1)
            {
                for (var i = 0; i < 500; i++)
                    node.Events.Add(EventKind.Config, "more");
            }
            if (seen.Count == 501)
                _ = Task.Run(node.Server.Stop, TestContext.Current.CancellationToken); // ends the follow with a last line
        }

        Assert.Equal(Enumerable.Range(1, 501).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task Events_since_leaves_out_what_was_before()
    {
        using var node = new ControlNode();
        node.Events.Add(EventKind.Config, "one");
        using var client = await ControlClient.ConnectAsync(node.Socket, ControlNode.Token);
        async Task<int> CountSince(DateTimeOffset since)
        {
            var count = 0;
            await foreach (
                var reply in client.AskAsync(
                    new ControlRequest { Verb = ControlVerb.Events, Since = since },
                    ControlNode.Deadline,
                    ControlNode.Token
                )
            )
                count += reply.Event is null ? 0 : 1;
            return count;
        }

        Assert.Equal(1, await CountSince(DateTimeOffset.UtcNow.AddMinutes(-1)));
        Assert.Equal(0, await CountSince(DateTimeOffset.UtcNow.AddMinutes(1)));
    }

    [Fact]
    public async Task A_long_list_arrives_whole()
    {
        using var node = new ControlNode { Rows = 20_000 };
        using var client = await ControlClient.ConnectAsync(node.Socket, ControlNode.Token);
        var rows = 0;
        bool? ok = null;

        await foreach (
            var reply in client.AskAsync(new ControlRequest { Verb = ControlVerb.StatesList }, ControlNode.Deadline, ControlNode.Token)
        )
        {
            rows += reply.Row is null ? 0 : 1;
            ok = reply.Ok;
        }

        Assert.Equal(20_000, rows);
        Assert.True(ok);
    }

    internal static string Beside(string name, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, name);
}
