using System.Collections.Immutable;
using System.Net;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>How the state sync stands, as `status` shows it.</summary>
/// <param name="IsReady">Every live peer's bulk is in, or the time limit passed.</param>
/// <param name="Entries">Replicated states known to this node.</param>
/// <param name="OwnedEntries">Those which this node forwards.</param>
/// <param name="Peers">One row per configured peer, in configured order.</param>
/// <param name="Counters">Counters by name, for metrics and support.</param>
public sealed record StateSyncSnapshot(
    bool IsReady,
    long Entries,
    long OwnedEntries,
    ImmutableArray<StateSyncPeerSnapshot> Peers,
    ImmutableArray<KeyValuePair<string, long>> Counters
)
{
    /// <summary>Links that are open.</summary>
    public int Links { get; init; } = 1;
}

/// <summary>One peer.</summary>
/// <param name="Address">Its configured address.</param>
/// <param name="NodeId">Its node number, 0 while it was never heard.</param>
/// <param name="IsAlive">Heard within the time limit.</param>
/// <param name="IsInSync">Alive, its bulk is in, no gap is open and nothing waits to be sent to it.</param>
/// <param name="LagMilliseconds">Half of the last measured round trip, plus the age of what it has not acknowledged.</param>
/// <param name="Bulk">"done", "running 37%", "comparing", "waiting" or "failed".</param>
public sealed record StateSyncPeerSnapshot(IPAddress Address, int NodeId, bool IsAlive, bool IsInSync, double LagMilliseconds, string Bulk)
{
    /// <summary>Whether the tables were the same when they were last compared.</summary>
    public TableAgreement Agreement { get; init; }

    /// <summary>How long ago that was; null where it never was.</summary>
    public TimeSpan? ComparedAgo { get; init; }

    /// <summary>States told or asked for because the tables differed.</summary>
    public long Repaired { get; init; }

    /// <summary>Which direction of the way to it is silent.</summary>
    public PeerSilence Silence { get; init; }

    /// <summary>Median and 99th percentile of the time to an acknowledgement, milliseconds; null where nothing was sent lately.</summary>
    public (double Median, double High)? Lags { get; init; }

    /// <summary>Age of the oldest change without an acknowledgement, milliseconds.</summary>
    public double OldestMilliseconds { get; init; }

    /// <summary>Datagrams sent again.</summary>
    public long Resent { get; init; }

    /// <summary>The device of the link that states to it take.</summary>
    public string Device { get; init; } = "";
}
