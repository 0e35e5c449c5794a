namespace Redoubt.Core.StateSync;

/// <summary>How it stands with one peer.</summary>
/// <param name="NodeId">Its node number, 0 while it was never heard.</param>
/// <param name="IsAlive">Heard within a second.</param>
/// <param name="IsInSync">Alive, heard both ways, both bulks done, no gap, nothing waiting beyond what is on its way.</param>
/// <param name="Lag">Half of the last round trip, plus the age of what is not acknowledged.</param>
/// <param name="Bulk">"done", "running 37%", "comparing", "waiting" or "failed".</param>
public readonly record struct StateSyncPeerStatus(byte NodeId, bool IsAlive, bool IsInSync, TimeSpan Lag, string Bulk)
{
    /// <summary>What the last comparison of both tables said.</summary>
    public TableAgreement Agreement { get; init; }

    /// <summary>Age of the older one of both directions' last comparisons; null where one was never made.</summary>
    public TimeSpan? ComparedAgo { get; init; }

    /// <summary>States told or asked for because the tables differed.</summary>
    public long Repaired { get; init; }

    /// <summary>Which direction of the way to it is silent.</summary>
    public PeerSilence Silence { get; init; }

    /// <summary>Within this time half of what was sent in the last one to two minutes was acknowledged, and so in the peer's kernel; null where nothing was sent.</summary>
    public TimeSpan? LagMedian { get; init; }

    /// <summary>The same for 99 of 100.</summary>
    public TimeSpan? LagHigh { get; init; }

    /// <summary>Age of the oldest change that the peer has not acknowledged; zero where there is none.</summary>
    public TimeSpan Oldest { get; init; }

    /// <summary>Datagrams sent again: lost, or acknowledged too late.</summary>
    public long Resent { get; init; }

    /// <summary>The link that states to it take, 0 being the first.</summary>
    public int Link { get; init; }
}

/// <summary>Whether two nodes hold the same states.</summary>
public enum TableAgreement
{
    /// <summary>They did not compare yet, or the peer cannot.</summary>
    Unknown,

    /// <summary>They did when they last compared.</summary>
    Equal,

    /// <summary>They did not when they last compared; what differed was told or asked for.</summary>
    Different,
}

/// <content>Status.</content>
public sealed partial class StateSyncEngine
{
    private TimeSpan OldestOf(PeerSession peer)
    {
        var flying = peer.InFlight > 0 ? _now - peer.SentAt(peer.Acked + 1) : TimeSpan.Zero;
        var waiting = peer.QueueCount > 0 ? _now - peer.QueuedSince : TimeSpan.Zero;
        return flying > waiting ? flying : waiting;
    }

    /// <summary>How it stands with a peer.</summary>
    public StateSyncPeerStatus Peer(int number)
    {
        var peer = _peers[number];
        var isAlive = IsAlive(peer);
        var silence = SilenceOf(peer);
        var isInSync =
            isAlive
            && silence == PeerSilence.None
            && peer.IsConfirmed
            && peer.BulkIn == BulkPhase.Done
            && !peer.BulkOutActive
            && peer.VerifyCursor < 0
            && peer.QueueCount == 0
            && peer.FirstEarly() == 0
            && (peer.InFlight == 0 || _now - peer.OldestSent < TimeSpan.FromMilliseconds(250));
        var lag = peer.RoundTrip / 2;
        if (peer.InFlight > 0)
            lag += _now - peer.OldestSent;
        var bulk = peer.BulkIn switch
        {
            BulkPhase.Done => "done",
            BulkPhase.Running when peer.BulkExpected > 0 => $"running {Math.Min(99, 100L * peer.BulkReceived / peer.BulkExpected)}%",
            BulkPhase.Running => "running 0%",
            BulkPhase.Requested when peer.Digests.IsRejoining => "comparing",
            BulkPhase.Requested when _now - _start >= _options.BulkLimit => "failed",
            _ => "waiting",
        };
        var digests = peer.Digests;
        var isCompared = digests.WeCompared != Instant.Zero && digests.TheyCompared != Instant.Zero;
        return new StateSyncPeerStatus(peer.Node, isAlive, isInSync, lag, bulk)
        {
            Agreement =
                !isCompared ? TableAgreement.Unknown
                : WeDiffer(peer) || TheyDiffer(peer) ? TableAgreement.Different
                : TableAgreement.Equal,
            ComparedAgo = isCompared ? _now - Instant.Earlier(digests.WeCompared, digests.TheyCompared) : null,
            Repaired = digests.Repaired,
            Silence = silence,
            Link = peer.Link,
            LagMedian = peer.Lags.Quantile(_now, 0.5),
            LagHigh = peer.Lags.Quantile(_now, 0.99),
            Oldest = OldestOf(peer),
            Resent = peer.Resent,
        };
    }
}
