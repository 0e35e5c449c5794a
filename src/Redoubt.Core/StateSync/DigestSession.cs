using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>Where the node stands that tells a peer its digests.</summary>
internal enum InformPhase : byte
{
    /// <summary>Nothing is compared.</summary>
    Idle,

    /// <summary>The digests of the table's nodes are to be sent.</summary>
    Table,

    /// <summary>The peer is to say which nodes differ.</summary>
    AwaitNodes,

    /// <summary>The digests of these nodes' ranges are to be sent.</summary>
    Nodes,

    /// <summary>The peer is to say which ranges differ.</summary>
    AwaitRanges,

    /// <summary>The digests of the states in these ranges are gathered and sent.</summary>
    Listing,

    /// <summary>The peer is to say what it does not have.</summary>
    AwaitMissing,

    /// <summary>What it does not have is looked for, and told.</summary>
    Telling,

    /// <summary>The end of a comparison of everything is to be sent.</summary>
    End,
}

/// <summary>Where the node stands that compares a peer's digests with its own.</summary>
internal enum ComparePhase : byte
{
    /// <summary>Nothing is compared.</summary>
    Idle,

    /// <summary>Which nodes differ is to be said.</summary>
    WantNodes,

    /// <summary>The digests of these nodes' ranges are awaited.</summary>
    AwaitNodes,

    /// <summary>Which ranges differ is to be said.</summary>
    WantRanges,

    /// <summary>The digests of the states in these ranges are awaited.</summary>
    AwaitEntries,

    /// <summary>They are compared with our own.</summary>
    Walking,

    /// <summary>What we do not have is to be said.</summary>
    Missing,
}

/// <summary>
/// What a comparison of two tables needs per peer: the side that tells its digests and the side that compares them. A round is about the states of one owner.
/// Memory for digests of single states is taken when tables differ for the first time.
/// </summary>
internal sealed class DigestSession
{
    /// <summary>The peer's hello says that it compares.</summary>
    public bool IsUnderstood;

    // We tell, the peer compares.
    public InformPhase Inform;
    public uint InformRound;
    public byte InformOwner;
    public Instant InformSince;
    public Instant NextInform;
    public int QuickRounds;
    public ulong NodesDue;
    public readonly ulong[] RangesAsked = new ulong[TableDigest.Fan];
    public int InformCursor;
    public readonly ulong[] Batch = new ulong[PfsyncLimits.DigestsListed];
    public int BatchCount;
    public bool IsBatchDue;
    public bool IsBatchLast;
    public readonly DigestList TheyLack = new();

    /// <summary>All owners' states are compared, because the peer asked for it.</summary>
    public bool InformsOfAll;
    public bool TheyHaveMore;
    public int RoundsInARow;
    public uint InformRequest;

    /// <summary>One bit for each owner of whose states the peer's copy differed when it last compared.</summary>
    public int TheyDiffer;
    public Instant TheyCompared;

    // The peer tells, we compare.
    public ComparePhase Compare;
    public PfsyncDigest CompareHead;
    public ulong NodesWanted;
    public ulong NodesAwaited;
    public readonly ulong[] RangesDiffer = new ulong[TableDigest.Fan];
    public int RangesLimit = PfsyncLimits.DigestRanges;
    public int WantCursor;
    public int CompareCursor;
    public bool HasMore;
    public readonly DigestList Listed = new();
    public int MissingCursor;
    public int WeDiffer;
    public Instant WeCompared;

    /// <summary>The session goes on after a silence, and a comparison replaces the bulk.</summary>
    public bool IsRejoining;
    public bool IsRejoinDue;
    public Instant RejoinProgress;
    public long RejoinRepairs;

    /// <summary>States told or asked for because digests differed.</summary>
    public long Repaired;

    /// <summary>The store is to be walked on, without waiting for anybody.</summary>
    public bool IsWalking =>
        Inform == InformPhase.Telling || (Inform == InformPhase.Listing && !IsBatchDue) || Compare == ComparePhase.Walking;

    /// <summary>A message is to be sent.</summary>
    public bool IsDue =>
        IsRejoinDue
        || IsBatchDue
        || Inform is InformPhase.Table or InformPhase.Nodes or InformPhase.End
        || Compare is ComparePhase.WantNodes or ComparePhase.WantRanges or ComparePhase.Missing;

    /// <summary>Forgets what was under way; what was found stays.</summary>
    public void Restart()
    {
        Inform = InformPhase.Idle;
        Compare = ComparePhase.Idle;
        IsBatchDue = false;
        IsRejoining = IsRejoinDue = InformsOfAll = false;
        QuickRounds = 0;
    }
}
