using System.Collections.Immutable;
using System.Net;
using System.Runtime.CompilerServices;
using Redoubt.Control;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Push;
using Redoubt.Web.Requests;

namespace Redoubt.Web;

/// <summary>
/// The daemon behind its control socket: every question a connection of its own, with a time limit. Throws <see cref="ControlException"/> where it is silent, and
/// <see cref="DaemonRefusedException"/> where it has a reason.
/// </summary>
public sealed class NodeDaemon(string socket, WebLimits limits)
{
    internal async Task<AuthAnswer> AuthenticateAsync(
        BasicCredentials credentials,
        string privilege,
        IPAddress source,
        CancellationToken cancel
    )
    {
        var reply = await AskAsync(
                new ControlRequest
                {
                    Verb = ControlVerb.Auth,
                    Auth = new AuthRequest
                    {
                        User = credentials.User,
                        Password = credentials.Password,
                        Privilege = privilege,
                        Address = source.ToString(),
                    },
                },
                cancel
            )
            .ConfigureAwait(false);
        var outcome =
            reply.Ok == true ? LoginOutcome.Allowed
            : reply.FaultCode == XmlRpcFault.NoPrivilege.Code ? LoginOutcome.NoPrivilege
            : LoginOutcome.Refused;
        var retry = TimeSpan.FromMilliseconds(Math.Clamp(reply.RetryAfterMs ?? 0, 0, 3_600_000));
        return new AuthAnswer(outcome, Message(reply), retry);
    }

    internal async Task<NodeStatus> StatusAsync(CancellationToken cancel)
    {
        var reply = await AskAsync(new ControlRequest { Verb = ControlVerb.Status }, cancel).ConfigureAwait(false);
        return reply.Status ?? throw new DaemonRefusedException(Message(reply));
    }

    internal async Task<ConfigVersion> VersionAsync(CancellationToken cancel)
    {
        var reply = await AskAsync(new ControlRequest { Verb = ControlVerb.ConfigVersion }, cancel).ConfigureAwait(false);
        return reply.Version ?? throw new DaemonRefusedException(Message(reply));
    }

    // The sections by name, those that exist, without secrets.
    internal async Task<XmlRpcStruct> BackupAsync(ImmutableArray<string> sections, CancellationToken cancel)
    {
        var request = new ControlRequest
        {
            Verb = ControlVerb.ConfigBackup,
            Backup = new ConfigBackupRequest { Sections = sections, Redacted = true },
        };
        var answer = await AskAsync(request, null, limits.Question, cancel).ConfigureAwait(false);
        if (answer.Reply.Ok != true || answer.Document is null)
            throw new DaemonRefusedException(Message(answer.Reply));
        if (!XmlRpcReader.TryReadResponse(answer.Document, limits.Message, out var response, out var refusal))
            throw new ControlException($"the daemon's backup is not understood: {refusal}");
        return response!.Value switch
        {
            XmlRpcStruct all => all,
            XmlRpcArray { Values.IsEmpty: true } => new XmlRpcStruct([]),
            _ => throw new ControlException("the daemon's backup is not understood"),
        };
    }

    // A node that is about to push is told only what its push would be let in for.
    internal async Task<IReadOnlyList<ConfigArea>> DigestsAsync(Caller caller, CancellationToken cancel)
    {
        var request = new ControlRequest
        {
            Verb = ControlVerb.ConfigDigests,
            Receive = caller.Origin is null ? null : Received("area_digests", caller),
        };
        var reply = await AskAsync(request, cancel).ConfigureAwait(false);
        return reply.Areas ?? throw new DaemonRefusedException(Message(reply));
    }

    internal async Task<ControlReply> ReceiveAsync(string method, Caller caller, ReadOnlyMemory<byte> call, CancellationToken cancel)
    {
        var request = new ControlRequest { Verb = ControlVerb.ConfigReceive, Receive = Received(method, caller) };
        return (await AskAsync(request, call, limits.Change, cancel).ConfigureAwait(false)).Reply;
    }

    private static ConfigReceiveRequest Received(string method, Caller caller) =>
        new()
        {
            Method = method,
            User = caller.User,
            Address = caller.Address.ToString(),
            Origin = caller.Origin,
            Path = caller.Path,
            Generation = caller.Generation,
        };

    /// <summary>What is to be pushed, as it becomes known. Ends by throwing when the daemon is gone.</summary>
    internal async IAsyncEnumerable<PushWanted> FollowPushesAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        using var client = await ControlClient.ConnectAsync(socket, cancel).ConfigureAwait(false);
        var request = new ControlRequest { Verb = ControlVerb.ConfigPushFollow };
        await foreach (var reply in client.AskAsync(request, null, cancel).ConfigureAwait(false))
        {
            if (reply.Push is { } wanted)
                yield return wanted;
            else if (reply.Ok is not null)
                throw new ControlException(Message(reply));
        }
    }

    /// <summary>How to push; null and the daemon's reason where there is nothing to push, or nobody to push to.</summary>
    internal async Task<(PlannedPush? Plan, string Reason)> PlanAsync(ConfigPushPlanRequest wanted, CancellationToken cancel)
    {
        var request = new ControlRequest { Verb = ControlVerb.ConfigPushPlan, PushPlan = wanted };
        var answer = await AskAsync(request, null, limits.Question, cancel).ConfigureAwait(false);
        if (answer.Reply is not { Ok: true, Plan: { } plan })
            return (null, Message(answer.Reply));
        return PlannedPush.TryMake(plan, answer.Document, out var planned) ? (planned, "") : (null, "the peer's address is not one");
    }

    /// <summary>
    /// Which certificate to serve: its SHA-256, null for the node's own; and the certificate in PEM unless it is the known one. Tells which one is shown meanwhile, so
    /// that <c>cluster join</c> can have it pinned.
    /// </summary>
    internal async Task<(string? Digest, byte[]? Pem)> CertificateAsync(string? known, string shown, CancellationToken cancel)
    {
        var request = new ControlRequest
        {
            Verb = ControlVerb.WebCertificate,
            Known = known,
            Shown = shown,
        };
        var answer = await AskAsync(request, null, limits.Question, cancel).ConfigureAwait(false);
        return answer.Reply.Ok == true ? (answer.Reply.Digest, answer.Document) : throw new DaemonRefusedException(Message(answer.Reply));
    }

    /// <summary>Tells how a push ended.</summary>
    internal Task ReportAsync(ConfigPushResult result, CancellationToken cancel) =>
        AskAsync(new ControlRequest { Verb = ControlVerb.ConfigPushResult, PushResult = result }, cancel);

    private async Task<ControlReply> AskAsync(ControlRequest request, CancellationToken cancel) =>
        (await AskAsync(request, null, limits.Question, cancel).ConfigureAwait(false)).Reply;

    private async Task<ControlAnswer> AskAsync(
        ControlRequest request,
        ReadOnlyMemory<byte>? document,
        TimeSpan limit,
        CancellationToken cancel
    )
    {
        using var client = await ControlClient.ConnectAsync(socket, cancel).ConfigureAwait(false);
        return await client.AskWithDocumentAsync(request, document, limit, cancel).ConfigureAwait(false);
    }

    private static string Message(ControlReply reply) => reply.Message is { Length: > 0 } text ? text : "the daemon gives no reason";
}

/// <summary>The daemon answers, but not with what it was asked for; the message is its reason.</summary>
public sealed class DaemonRefusedException(string reason) : Exception(reason);

/// <summary>The daemon's answer about credentials.</summary>
/// <param name="Outcome">May the account?</param>
/// <param name="Message">Why not, for the log.</param>
/// <param name="RetryAfter">How long the source has to wait.</param>
internal sealed record AuthAnswer(LoginOutcome Outcome, string Message, TimeSpan RetryAfter);
