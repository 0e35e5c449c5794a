using Microsoft.Extensions.Logging;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Requests;

namespace Redoubt.Web.Push;

/// <summary>
/// One push, in pfSense's order: ask the peer's version, compare, restore the sections; then read what the peer has. A peer that is one of ours tells before what it
/// holds: only what differs travels, and nothing at all where nothing does. Tries that fail for the line are repeated; a refusal is not, for it would be the same again.
/// </summary>
/// <param name="push">How the peer is reached.</param>
/// <param name="plan">Asks for the call to make: with what the peer told that it holds, null where it told nothing; and whether areas are wanted whole.</param>
/// <param name="peer">The peer.</param>
/// <param name="pause">Between two tries.</param>
/// <param name="log">Takes what the operator may want to know.</param>
public sealed class PushRun(
    PlannedPush push,
    Func<IReadOnlyDictionary<string, string>?, bool, Task<(PlannedPush? Plan, string Reason)>> plan,
    PeerClient peer,
    TimeSpan pause,
    ILogger log
)
{
    private const string ChangesMethod = "redoubt.restore_config_changes";
    private const string DigestsMethod = "redoubt.area_digests";
    private const string OurPlatform = "Redoubt";
    private const int Attempts = 4;
    private const int MostDifferences = 500;
    private static readonly TimeSpan _short = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _restore = TimeSpan.FromSeconds(180);

    private bool _isOurs;

    // What pfSense's client says it would wait, in seconds; the receiver ignores it.
    private static readonly XmlRpcInt _quickParameter = new(240);

    /// <summary>Pushes.</summary>
    public async Task<PushOutcome> PushAsync(CancellationToken cancel)
    {
        if (await CheckVersionAsync(cancel).ConfigureAwait(false) is { } failed)
            return failed;
        IReadOnlyDictionary<string, string>? held = null;
        if (_isOurs)
        {
            var told = await TryAsync(DigestsMethod, () => peer.CallAsync(DigestsMethod, _short, cancel), cancel).ConfigureAwait(false);
            // Whatever it refuses, the push itself will tell.
            if (told.Failure is not (PeerFailure.None or PeerFailure.Fault))
                return Failed(told);
            held = Digests(told);
        }
        var (outcome, isOutdated) = await PushAsync(held, whole: false, cancel).ConfigureAwait(false);
        return isOutdated ? (await PushAsync(held, whole: true, cancel).ConfigureAwait(false)).Outcome : outcome;
    }

    // Outdated: the peer does not hold what the changes are of, or takes none.
    private async Task<(PushOutcome Outcome, bool IsOutdated)> PushAsync(
        IReadOnlyDictionary<string, string>? held,
        bool whole,
        CancellationToken cancel
    )
    {
        var (planned, reason) = await plan(held, whole).ConfigureAwait(false);
        if (planned is null)
            return (PushOutcome.Failed(reason), false);
        if (planned.Call is not { } call)
            return (new PushOutcome { Ok = true, PeerDigests = held }, false);
        var method = planned.Plan.Method;
        var answer = await TryAsync(method, () => peer.SendAsync(method, call, _restore, cancel, planned.Plan), cancel)
            .ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
        {
            var isOutdated = answer.Fault?.Code is { } code && (code == XmlRpcFault.OutdatedCode || code == XmlRpcFault.UnknownMethod.Code);
            return (Failed(answer), isOutdated && method == ChangesMethod);
        }
        if (answer.Value is XmlRpcNil or XmlRpcBoolean { Value: false })
            return (PushOutcome.Failed($"{method}: the peer did not take it"), false);
        var outcome = await ReadBackAsync(planned, call, cancel).ConfigureAwait(false);
        return (outcome with { Areas = planned.Plan.Areas, Generation = planned.Plan.Generation }, false);
    }

    /// <summary>Says what a push would change on the peer.</summary>
    public async Task<PushOutcome> DryRunAsync(CancellationToken cancel)
    {
        if (await CheckVersionAsync(cancel).ConfigureAwait(false) is { } failed)
            return failed;
        var (planned, reason) = await plan(null, true).ConfigureAwait(false);
        if (planned?.Call is not { } call)
            return PushOutcome.Failed(reason);
        var (differences, failure) = await CompareAsync(call, cancel).ConfigureAwait(false);
        return failure
            ?? new PushOutcome
            {
                Ok = true,
                Differences = differences,
                Areas = planned.Plan.Areas,
                Generation = planned.Plan.Generation,
            };
    }

    // Null where the versions agree.
    private async Task<PushOutcome?> CheckVersionAsync(CancellationToken cancel)
    {
        const string Method = "pfsense.host_firmware_version";
        var answer = await TryAsync(Method, () => peer.CallAsync(Method, _short, cancel, XmlRpcString.Empty, _quickParameter), cancel)
            .ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
            return Failed(answer);
        _isOurs = (answer.Value as XmlRpcStruct)?["platform"] is XmlRpcString { Value: OurPlatform };
        var theirs = (answer.Value as XmlRpcStruct)?["config_version"] switch
        {
            XmlRpcString text => text.Value,
            XmlRpcDouble number => number.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
            XmlRpcInt number => number.Value.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => "",
        };
        log.VersionCheck(push.Plan.Id, WebLog.Clean(theirs), push.Plan.ConfigVersion);
        if (theirs.Length == 0)
            return PushOutcome.Failed("the peer's configuration version could not be determined; nothing was pushed");
        return ConfigVersions.AreEqual(theirs, push.Plan.ConfigVersion)
            ? null
            : PushOutcome.Failed(
                $"the peer has a different configuration version ({WebLog.Clean(theirs)}, here {push.Plan.ConfigVersion}); nothing was pushed"
            );
    }

    // The push was taken; what comes now is only what is known about it afterwards.
    private async Task<PushOutcome> ReadBackAsync(PlannedPush planned, byte[] call, CancellationToken cancel)
    {
        var answer = await TryAsync(DigestsMethod, () => peer.CallAsync(DigestsMethod, _short, cancel), cancel).ConfigureAwait(false);
        if (Digests(answer) is { } read)
            return new PushOutcome { Ok = true, PeerDigests = read };
        if (answer.Fault?.Code != XmlRpcFault.UnknownMethod.Code)
            return new PushOutcome { Ok = true, Error = $"pushed, but the peer could not be read afterwards: {answer.Error}" };
        var (differences, failure) = await CompareAsync(call, cancel).ConfigureAwait(false);
        // Read back and equal: the peer has what our digests are of.
        return failure is null && differences.Count == 0 ? new PushOutcome { Ok = true, PeerDigests = planned.Plan.Digests }
            : failure is null
                ? new PushOutcome { Ok = true, Error = $"pushed, but {differences.Count} things differ afterwards, first {differences[0]}" }
            : new PushOutcome { Ok = true, Error = $"pushed, but the peer could not be read afterwards: {failure.Error}" };
    }

    private async Task<(IReadOnlyList<string> Differences, PushOutcome? Failure)> CompareAsync(byte[] call, CancellationToken cancel)
    {
        const string Method = "pfsense.backup_config_section";
        if (
            !XmlRpcReader.TryReadCall(call, XmlRpcLimits.Default, out var message, out var refusal)
            || message!.Parameters is not [XmlRpcStruct pushed, ..]
        )
            return ([], PushOutcome.Failed($"the push cannot be read: {refusal}"));
        var names = new XmlRpcArray([.. pushed.Members.Select(m => new XmlRpcString(m.Name))]);
        var answer = await TryAsync(Method, () => peer.CallAsync(Method, _short, cancel, names), cancel).ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
            return ([], Failed(answer));
        var theirs = answer.Value as XmlRpcStruct ?? new XmlRpcStruct([]);
        return (PeerCheck.Differences(theirs, pushed, MostDifferences, _isOurs ? push.Plan.User : null), null);
    }

    private static Dictionary<string, string>? Digests(PeerAnswer answer) =>
        answer.Value is XmlRpcStruct digests
            ? digests.Members.Where(m => m.Value is XmlRpcString).ToDictionary(m => m.Name, m => ((XmlRpcString)m.Value).Value)
            : null;

    private async Task<PeerAnswer> TryAsync(string method, Func<Task<PeerAnswer>> call, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var answer = await call().ConfigureAwait(false);
            if (answer.Failure != PeerFailure.Communication || attempt == Attempts)
                return answer;
            log.Retrying(push.Plan.Id, attempt, method, answer.Error);
            await Task.Delay(pause, cancel).ConfigureAwait(false);
        }
    }

    private static PushOutcome Failed(PeerAnswer answer) =>
        PushOutcome.Failed(answer.Error, peerAway: answer.Failure == PeerFailure.Communication);
}
