using System.Text;
using Redoubt.Control;
using Redoubt.Daemon.Control;

namespace Redoubt.Tests.Control;

public sealed class ConfigControlTests : IDisposable
{
    private static readonly byte[] s_document = Encoding.UTF8.GetBytes("<pfsense>" + new string('x', 200_000) + "</pfsense>");
    private readonly List<string> _calls = [];
    private PushSubscription? _follower;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _follower?.Dispose();

    [Fact]
    public async Task A_document_goes_to_the_store_and_another_one_comes_back()
    {
        using var node = Node();
        using var client = await ControlClient.ConnectAsync(node.Socket, Token);

        var applied = await client.AskWithDocumentAsync(Apply(), s_document, cancel: Token);
        var shown = await client.AskWithDocumentAsync(new ControlRequest { Verb = ControlVerb.ConfigShow }, null, cancel: Token);

        Assert.True(applied.Reply.Ok);
        Assert.Null(applied.Document);
        Assert.Equal(s_document, shown.Document);
        Assert.Equal([$"apply admin why {s_document.Length}", "show False"], _calls);
    }

    [Fact]
    public async Task A_document_beside_a_verb_that_takes_none_is_refused()
    {
        using var node = Node();
        using var client = await ControlClient.ConnectAsync(node.Socket, Token);

        var answer = await client.AskWithDocumentAsync(new ControlRequest { Verb = ControlVerb.Status }, s_document, cancel: Token);

        Assert.False(answer.Reply.Ok);
        Assert.Contains("takes no document", answer.Reply.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Applying_without_a_document_is_refused()
    {
        using var node = Node();

        var reply = await node.AskAsync(Apply());

        Assert.False(reply.Ok);
        Assert.Contains("document is expected", reply.Message, StringComparison.Ordinal);
        Assert.Empty(_calls);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("admin", -1)]
    [InlineData("admin", ControlLimits.ConfirmSeconds + 1)]
    [InlineData("ad\nmin", 0)]
    public async Task Arguments_out_of_range_never_reach_the_store(string user, int seconds)
    {
        using var node = Node();
        using var client = await ControlClient.ConnectAsync(node.Socket, Token);
        var request = new ControlRequest
        {
            Verb = ControlVerb.ConfigApply,
            Apply = new ConfigApplyRequest { User = user, ConfirmSeconds = seconds },
        };

        var answer = await client.AskWithDocumentAsync(request, s_document, cancel: Token);

        Assert.False(answer.Reply.Ok);
        Assert.Empty(_calls);
    }

    [Fact]
    public async Task An_unknown_field_of_the_arguments_is_an_error()
    {
        using var node = Node();
        using var socket = node.Connect();

        socket.Send("""{"verb":"auth","auth":{"user":"a","password":"b","address":"c","shell":"d"}}"""u8.ToArray());
        socket.Send("\n"u8.ToArray());
        var buffer = new byte[4096];
        var answer = Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));

        Assert.Contains("\"ok\":false", answer, StringComparison.Ordinal);
        Assert.Contains("not a request", answer, StringComparison.Ordinal);
        Assert.Empty(_calls);
    }

    [Fact]
    public async Task A_follower_gets_each_wanted_push_and_the_next_one_may_attach_when_it_has_gone()
    {
        using var node = Node();
        using (var client = await ControlClient.ConnectAsync(node.Socket, Token))
        {
            var request = new ControlRequest { Verb = ControlVerb.ConfigPushFollow };
            await using var lines = client.AskAsync(request, ControlNode.Deadline, Token).GetAsyncEnumerator(Token);
            var first = lines.MoveNextAsync();
            SpinWait.SpinUntil(() => Volatile.Read(ref _follower) is not null, ControlNode.Deadline);
            _follower!.Offer(new PushWanted(7, false, ["rules"], "saved"));

            Assert.True(await first);
            Assert.Equal(7, lines.Current.Push!.Id);
            Assert.Equal(["rules"], lines.Current.Push.Areas);
            Assert.False((await node.AskAsync(request)).Ok); // one at a time
        }
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _follower) is null, ControlNode.Deadline));
    }

    [Fact]
    public async Task Without_a_store_its_verbs_are_refused()
    {
        using var node = new ControlNode();

        var reply = await node.AskAsync(new ControlRequest { Verb = ControlVerb.ConfigHistory });

        Assert.False(reply.Ok);
    }

    private static ControlRequest Apply() =>
        new()
        {
            Verb = ControlVerb.ConfigApply,
            Apply = new ConfigApplyRequest { User = "admin", Reason = "why" },
        };

    private ControlNode Node() => new(change: verbs => verbs with { Config = Config() });

    private ConfigVerbs Config() =>
        new()
        {
            Show = redacted =>
            {
                _calls.Add($"show {redacted}");
                return new ControlOutcome(Done(), s_document);
            },
            Check = _ => Done(),
            Diff = (_, _) => Done(),
            Apply = (document, request) =>
            {
                _calls.Add($"apply {request.User} {request.Reason} {document.Length}");
                return Done();
            },
            Confirm = Done,
            WebCertificate = (known, _) => new ControlOutcome(Done() with { Message = known }, s_document),
            ClusterInit = _ => Done(),
            ClusterJoin = _ => Done(),
            ClusterShow = Done,
            Accept = Done,
            History = Done,
            Rollback = _ => Done(),
            Receive = (_, _) => Done(),
            Backup = _ => new ControlOutcome(Done()),
            Version = Done,
            Digests = _ => Done(),
            Push = _ => Done(),
            PushPlan = _ => new ControlOutcome(Done()),
            PushResult = _ => Done(),
            Follow = () => _follower is null ? _follower = new PushSubscription(_ => Volatile.Write(ref _follower, null)) : null,
            Auth = request =>
            {
                _calls.Add($"auth {request.User}");
                return Done();
            },
            User = _ => Done(),
            Assign = _ => Done(),
        };

    private static ControlReply Done() => new() { Ok = true };
}
