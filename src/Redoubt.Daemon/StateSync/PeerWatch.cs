using System.Collections.Immutable;
using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Raises an alarm for a peer that is heard and does not hear or acknowledge, and for one whose table stays different however often it is repaired. Cleared as soon as
/// that is over.
/// </summary>
/// <param name="digestPeriod">Time between two comparisons.</param>
internal sealed class PeerWatch(TimeSpan digestPeriod)
{
    /// <summary>Periods after which a difference that was not repaired is told of.</summary>
    public const int Patience = 6;

    private readonly Dictionary<string, string> _raised = [];
    private readonly Dictionary<string, Instant> _different = [];

    /// <summary>Looks at every peer.</summary>
    public void Look(Instant now, ImmutableArray<StateSyncPeerSnapshot> peers, Action<string, string?>? alarm)
    {
        foreach (var peer in peers)
        {
            var name = peer.Address.ToString();
            Set(alarm, "state-sync-one-way-" + name, OneWay(peer));
            Set(alarm, "state-sync-different-" + name, StaysDifferent(now, name, peer) ? Different(name) : null);
        }
    }

    /// <summary>Nothing is looked at any more.</summary>
    public void Clear(Action<string, string?>? alarm)
    {
        foreach (var id in _raised.Keys)
            alarm?.Invoke(id, null);
        _raised.Clear();
    }

    private static string? OneWay(StateSyncPeerSnapshot peer) =>
        peer.Silence switch
        {
            PeerSilence.DoesNotHear =>
                $"state sync: {peer.Address} is heard and has not heard this node for {Limit} s: one direction is silent",
            PeerSilence.DoesNotAcknowledge =>
                $"state sync: {peer.Address} has acknowledged no state for {Limit} s: large datagrams do not get through",
            _ => null,
        };

    private static string Limit =>
        StateSyncEngine.SilenceLimit.TotalSeconds.ToString("0", System.Globalization.CultureInfo.InvariantCulture);

    private static string Different(string name) =>
        $"state sync: {name} and this node keep different states though they repair it: their lists of what is replicated differ, or one holds its most states already";

    private bool StaysDifferent(Instant now, string name, StateSyncPeerSnapshot peer)
    {
        if (!peer.IsAlive || peer.Agreement != TableAgreement.Different)
        {
            _different.Remove(name);
            return false;
        }
        _different.TryAdd(name, now);
        return now - _different[name] >= Patience * digestPeriod;
    }

    private void Set(Action<string, string?>? alarm, string id, string? text)
    {
        if (_raised.GetValueOrDefault(id) == text)
            return;
        if (text is null)
            _raised.Remove(id);
        else
            _raised[id] = text;
        alarm?.Invoke(id, text);
    }
}
