using Microsoft.Extensions.Logging;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.XmlRpc;
using Redoubt.Web.Requests;

namespace Redoubt.Web.Push;

/// <summary>
/// One push, in pfSense's order: ask the peer's version, compare, restore the sections; then read what the peer has. Tries that fail for the line are repeated; a refusal
/// is not, for it would be the same again.
/// </summary>
public sealed class PushRun(PlannedPush push, PeerClient peer, TimeSpan pause, ILogger log)
{
    private const int Attempts = 4;
    private const int MostDifferences = 500;
    private static readonly TimeSpan _short = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _restore = TimeSpan.FromSeconds(180);

    // What pfSense's client says it would wait, in seconds; the receiver ignores it.
    private static readonly XmlRpcInt _quickParameter = new(240);

    /// <summary>Pushes.</summary>
    public async Task<PushOutcome> PushAsync(CancellationToken cancel)
    {
        if (await CheckVersionAsync(cancel).ConfigureAwait(false) is { } failed)
            return failed;
        const string Method = "pfsense.restore_config_section";
        var answer = await TryAsync(Method, () => peer.SendAsync(Method, push.Call, _restore, cancel), cancel).ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
            return Failed(answer);
        if (answer.Value is XmlRpcNil or XmlRpcBoolean { Value: false })
            return PushOutcome.Failed($"{Method}: the peer did not take it");
        return await ReadBackAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>Says what a push would change on the peer.</summary>
    public async Task<PushOutcome> DryRunAsync(CancellationToken cancel)
    {
        if (await CheckVersionAsync(cancel).ConfigureAwait(false) is { } failed)
            return failed;
        var (differences, failure) = await CompareAsync(cancel).ConfigureAwait(false);
        return failure ?? new PushOutcome { Ok = true, Differences = differences };
    }

    // Null where the versions agree.
    private async Task<PushOutcome?> CheckVersionAsync(CancellationToken cancel)
    {
        const string Method = "pfsense.host_firmware_version";
        var answer = await TryAsync(Method, () => peer.CallAsync(Method, _short, cancel, XmlRpcString.Empty, _quickParameter), cancel)
            .ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
            return Failed(answer);
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
    private async Task<PushOutcome> ReadBackAsync(CancellationToken cancel)
    {
        const string Method = "redoubt.area_digests";
        var answer = await TryAsync(Method, () => peer.CallAsync(Method, _short, cancel), cancel).ConfigureAwait(false);
        if (answer.Value is XmlRpcStruct digests)
        {
            var read = digests.Members.Where(m => m.Value is XmlRpcString).ToDictionary(m => m.Name, m => ((XmlRpcString)m.Value).Value);
            return new PushOutcome { Ok = true, PeerDigests = read };
        }
        if (answer.Fault?.Code != XmlRpcFault.UnknownMethod.Code)
            return new PushOutcome { Ok = true, Error = $"pushed, but the peer could not be read afterwards: {answer.Error}" };
        var (differences, failure) = await CompareAsync(cancel).ConfigureAwait(false);
        // Read back and equal: the peer has what our digests are of.
        return failure is null && differences.Count == 0 ? new PushOutcome { Ok = true, PeerDigests = push.Plan.Digests }
            : failure is null
                ? new PushOutcome { Ok = true, Error = $"pushed, but {differences.Count} things differ afterwards, first {differences[0]}" }
            : new PushOutcome { Ok = true, Error = $"pushed, but the peer could not be read afterwards: {failure.Error}" };
    }

    private async Task<(IReadOnlyList<string> Differences, PushOutcome? Failure)> CompareAsync(CancellationToken cancel)
    {
        const string Method = "pfsense.backup_config_section";
        if (
            !XmlRpcReader.TryReadCall(push.Call, XmlRpcLimits.Default, out var call, out var refusal)
            || call!.Parameters is not [XmlRpcStruct pushed, ..]
        )
            return ([], PushOutcome.Failed($"the push cannot be read: {refusal}"));
        var names = new XmlRpcArray([.. pushed.Members.Select(m => new XmlRpcString(m.Name))]);
        var answer = await TryAsync(Method, () => peer.CallAsync(Method, _short, cancel, names), cancel).ConfigureAwait(false);
        if (answer.Failure != PeerFailure.None)
            return ([], Failed(answer));
        var theirs = answer.Value as XmlRpcStruct ?? new XmlRpcStruct([]);
        return (PeerCheck.Differences(theirs, pushed, MostDifferences), null);
    }

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
