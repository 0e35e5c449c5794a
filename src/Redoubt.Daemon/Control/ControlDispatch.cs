using Redoubt.Control;

namespace Redoubt.Daemon.Control;

/// <summary>From a request to the delegate that carries it out: is the user allowed, are the arguments there and in range?</summary>
internal static class ControlDispatch
{
    private const int NameLimit = 32;

    public static ControlReply Carry(ControlRequest request, ControlVerbs verbs, bool mayChange)
    {
        switch (request.Verb)
        {
            case ControlVerb.Status:
                return new ControlReply { Ok = true, Status = verbs.Status() };
            case ControlVerb.Doctor:
                return new ControlReply { Ok = true, Examination = verbs.Doctor() };
            case ControlVerb.StatesCount:
                return new ControlReply { Ok = true, Count = verbs.StatesCount() };
        }
        Func<VerbResult>? change = request.Verb switch
        {
            ControlVerb.Carp => () => request.On is { } on ? verbs.CarpEnable(on) : Missing("on"),
            ControlVerb.CarpDemote => () => Demote(request, verbs),
            ControlVerb.CarpUndemote => () =>
                FaultInReason(request.Reason) is { } fault ? VerbResult.Refused(fault) : verbs.CarpUndemote(request.Reason!),
            ControlVerb.CarpState => () => State(request, verbs),
            ControlVerb.Maintenance => () => request.On is { } on ? verbs.Maintenance(on) : Missing("on"),
            ControlVerb.Failover => () => verbs.Failover(request.Back, request.Force),
            ControlVerb.StatesSync => verbs.StatesSync,
            _ => null,
        };
        if (change is null)
            return ControlReply.Error("unknown verb");
        if (!mayChange)
            return ControlReply.Error("refused: only root and the daemon's own user may change things");
        var result = change();
        return new ControlReply { Ok = result.Ok, Message = result.Message };
    }

    private static VerbResult Demote(ControlRequest request, ControlVerbs verbs) =>
        request.Amount is not (>= 1 and <= ControlLimits.Demotion)
            ? VerbResult.Refused($"amount: a number from 1 to {ControlLimits.Demotion} is expected")
        : FaultInReason(request.Reason) is { } fault ? VerbResult.Refused(fault)
        : verbs.CarpDemote(request.Amount.Value, request.Reason!);

    private static VerbResult State(ControlRequest request, ControlVerbs verbs) =>
        request.Vhid is not >= 1 ? VerbResult.Refused("vhid: a number from 1 to 255 is expected")
        : request.Interface is not { Length: > 0 and <= NameLimit } ? Missing("interface")
        : request.State is not ("master" or "backup") ? VerbResult.Refused("state: \"master\" or \"backup\" is expected")
        : verbs.CarpState(request.Vhid.Value, request.Interface, request.State);

    private static string? FaultInReason(string? reason) =>
        reason is not { Length: > 0 and <= ControlLimits.Reason } || reason.Any(char.IsControl)
            ? $"reason: 1 to {ControlLimits.Reason} printable characters are expected"
            : null;

    private static VerbResult Missing(string field) => VerbResult.Refused($"{field}: missing, or out of range");
}
