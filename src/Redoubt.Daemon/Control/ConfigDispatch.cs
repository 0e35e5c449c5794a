using Redoubt.Control;

namespace Redoubt.Daemon.Control;

/// <summary>From a request about the configuration to the delegate that carries it out: is the user allowed, are the arguments there and in range?</summary>
internal static class ConfigDispatch
{
    private static readonly HashSet<string> WithDocument =
    [
        ControlVerb.ConfigCheck,
        ControlVerb.ConfigDiff,
        ControlVerb.ConfigApply,
        ControlVerb.ConfigReceive,
    ];

    private static readonly HashSet<string> Others =
    [
        ControlVerb.ConfigShow,
        ControlVerb.ConfigConfirm,
        ControlVerb.ConfigAccept,
        ControlVerb.ConfigHistory,
        ControlVerb.ConfigRollback,
        ControlVerb.ConfigBackup,
        ControlVerb.ConfigVersion,
        ControlVerb.ConfigDigests,
        ControlVerb.ConfigPush,
        ControlVerb.ConfigPushPlan,
        ControlVerb.ConfigPushResult,
        ControlVerb.Auth,
        ControlVerb.User,
        ControlVerb.InterfacesAssign,
        ControlVerb.WebCertificate,
        ControlVerb.ClusterInit,
        ControlVerb.ClusterJoin,
        ControlVerb.ClusterShow,
    ];

    /// <summary>Whether a document may go beside the verb's line.</summary>
    public static bool TakesDocument(string verb) => WithDocument.Contains(verb);

    /// <summary>Whether the verb is carried out here.</summary>
    public static bool Knows(string verb) => WithDocument.Contains(verb) || Others.Contains(verb);

    public static ControlOutcome Carry(ControlRequest request, byte[]? document, ConfigVerbs verbs, bool mayChange)
    {
        // Who may only read gets nothing that holds a secret, and no document of his costs us memory.
        switch (request.Verb)
        {
            case ControlVerb.ConfigShow when request.Show is null or { Redacted: true } || mayChange:
                return verbs.Show(request.Show?.Redacted ?? !mayChange);
            case ControlVerb.ConfigHistory:
                return new ControlOutcome(verbs.History());
            case ControlVerb.ConfigVersion:
                return new ControlOutcome(verbs.Version());
            case ControlVerb.ConfigDigests when request.Receive is null:
                return new ControlOutcome(verbs.Digests(null));
            case ControlVerb.ClusterShow:
                return new ControlOutcome(verbs.ClusterShow());
            default:
                break;
        }
        if (!mayChange)
            return Refused("refused: only root, the daemon's own user and redoubt-web's may do this");
        if (Fault(request, document) is { } fault)
            return Refused(fault);
        return request.Verb switch
        {
            ControlVerb.ConfigBackup => verbs.Backup(request.Backup!),
            ControlVerb.ConfigPushPlan => verbs.PushPlan(request.PushPlan!),
            ControlVerb.WebCertificate => verbs.WebCertificate(request.Known, request.Shown),
            _ => new ControlOutcome(
                request.Verb switch
                {
                    ControlVerb.ConfigCheck => verbs.Check(document!),
                    ControlVerb.ConfigDiff => verbs.Diff(document, request.Diff?.Id),
                    ControlVerb.ConfigApply => verbs.Apply(document!, request.Apply!),
                    ControlVerb.ConfigConfirm => verbs.Confirm(),
                    ControlVerb.ConfigAccept => verbs.Accept(),
                    ControlVerb.ConfigRollback => verbs.Rollback(request.Rollback!),
                    ControlVerb.ConfigReceive => verbs.Receive(request.Receive!, document ?? []),
                    ControlVerb.ConfigDigests => verbs.Digests(request.Receive),
                    ControlVerb.ConfigPush => verbs.Push(request.Push ?? new ConfigPushRequest()),
                    ControlVerb.ConfigPushResult => verbs.PushResult(request.PushResult!),
                    ControlVerb.Auth => verbs.Auth(request.Auth!),
                    ControlVerb.User => verbs.User(request.User!),
                    ControlVerb.InterfacesAssign => verbs.Assign(request.Assign!),
                    ControlVerb.ClusterInit => verbs.ClusterInit(request.ClusterInit!),
                    ControlVerb.ClusterJoin => verbs.ClusterJoin(request.ClusterJoin!),
                    _ => ControlReply.Error("unknown verb"),
                }
            ),
        };
    }

    private static ControlOutcome Refused(string message) => new(ControlReply.Error(message));

    private static string? Fault(ControlRequest request, byte[]? document) =>
        request.Verb switch
        {
            ControlVerb.ConfigCheck => document is null ? "a document is expected beside the line" : null,
            ControlVerb.ConfigDiff => (document is null) == (request.Diff?.Id is null)
                ? "either a document beside the line or \"id\" is expected"
                : Text("id", request.Diff?.Id, 0),
            ControlVerb.ConfigApply => document is null ? "a document is expected beside the line"
            : request.Apply is not { } apply ? Missing("apply")
            : Text("user", apply.User, 1)
                ?? Text("reason", apply.Reason, 0, ControlLimits.ConfigReason)
                ?? Text("basedOn", apply.BasedOn, 0)
                ?? Seconds(apply.ConfirmSeconds),
            ControlVerb.ConfigRollback => request.Rollback is not { } back
                ? Missing("rollback")
                : Text("id", back.Id, 1) ?? Text("user", back.User, 1) ?? Seconds(back.ConfirmSeconds),
            ControlVerb.ConfigReceive or ControlVerb.ConfigDigests => request.Receive is not { } receive
                ? Missing("receive")
                : Text("method", receive.Method, 1)
                    ?? Text("user", receive.User, 1)
                    ?? Text("address", receive.Address, 1)
                    ?? Text("origin", receive.Origin, 0)
                    ?? Texts("path", receive.Path),
            ControlVerb.ConfigBackup => request.Backup is null ? Missing("backup") : Texts("sections", request.Backup.Sections),
            ControlVerb.ConfigPush => request.Push is not { } push
                ? null
                : Texts("areas", push.Areas) ?? Text("reason", push.Reason, 0, ControlLimits.ConfigReason),
            ControlVerb.ConfigPushPlan => request.PushPlan is not { } plan
                ? Missing("pushPlan")
                : Texts("areas", plan.Areas) ?? (plan.Held is { } held ? Texts("held", [.. held.Keys, .. held.Values]) : null),
            ControlVerb.ConfigPushResult => request.PushResult is not { } result
                ? Missing("pushResult")
                : Text("peer", result.Peer, 1)
                    ?? Texts("areas", result.Areas)
                    ?? (
                        double.IsFinite(result.Seconds) && result.PeerDigests is not { Count: > ControlLimits.Names }
                            ? null
                            : Missing("pushResult")
                    ),
            ControlVerb.Auth => request.Auth is not { } auth
                ? Missing("auth")
                : Text("user", auth.User, 0, ControlLimits.ConfigReason)
                    ?? (auth.Password is { Length: <= ControlLimits.Password } ? null : Missing("password"))
                    ?? Text("privilege", auth.Privilege, 0)
                    ?? Text("address", auth.Address, 1),
            ControlVerb.User => request.User is not { } user
                ? Missing("user")
                : Text("action", user.Action, 1)
                    ?? Text("name", user.Name, 0)
                    ?? Text("description", user.Description, 0, ControlLimits.ConfigReason)
                    ?? (user.Password is null or { Length: > 0 and <= ControlLimits.Password } ? null : Missing("password"))
                    ?? Texts("grant", user.Grant)
                    ?? Texts("revoke", user.Revoke)
                    ?? Text("by", user.By, 0),
            ControlVerb.InterfacesAssign => request.Assign is not { } assign
                ? Missing("assign")
                : Text("name", assign.Name, 1)
                    ?? Text("device", assign.Device, 1)
                    ?? Text("description", assign.Description, 0, ControlLimits.ConfigReason)
                    ?? Text("address", assign.Address, 0)
                    ?? Text("by", assign.By, 0),
            ControlVerb.WebCertificate => Text("known", request.Known, 0) ?? Text("shown", request.Shown, 0),
            ControlVerb.ClusterInit => request.ClusterInit is not { } init
                ? Missing("clusterInit")
                : Texts("addresses", init.Addresses)
                    ?? Text("name", init.Name, 0)
                    ?? Texts("syncLinks", init.SyncLinks)
                    ?? Text("by", init.By, 0),
            ControlVerb.ClusterJoin => request.ClusterJoin is not { } join
                ? Missing("clusterJoin")
                : Text("token", join.Token, 1, ControlLimits.Token) ?? Text("by", join.By, 0),
            _ => null,
        };

    private static string? Seconds(int seconds) =>
        seconds is >= 0 and <= ControlLimits.ConfirmSeconds
            ? null
            : $"confirmSeconds: a number from 0 to {ControlLimits.ConfirmSeconds} is expected";

    private static string? Text(string field, string? text, int least, int most = ControlLimits.Name) =>
        text is null && least == 0 ? null
        : text is null || text.Length < least || text.Length > most || text.Any(char.IsControl)
            ? $"{field}: {least} to {most} printable characters are expected"
        : null;

    private static string? Texts(string field, IReadOnlyList<string>? list) =>
        list is null or { Count: > ControlLimits.Names }
            ? $"{field}: at most {ControlLimits.Names} names are expected"
            : list.Select(t => Text(field, t, 1)).FirstOrDefault(f => f is not null);

    private static string Missing(string field) => $"{field}: missing, or out of range";
}
