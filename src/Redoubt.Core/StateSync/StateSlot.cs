namespace Redoubt.Core.StateSync;

/// <summary>Where a slot of the store stands.</summary>
internal enum SlotPhase : byte
{
    /// <summary>Holds nothing.</summary>
    Free,

    /// <summary>Holds a live state.</summary>
    Live,

    /// <summary>Holds a state whose end is known; kept for a moment so that the end reaches every peer and old news cannot revive it.</summary>
    Ended,
}

/// <summary>One state and what this node knows about it beyond what travels. Lives in the store's flat memory.</summary>
internal struct StateSlot
{
    public ReplicatedState State;

    /// <summary>What the kernel was last asked to hold runs out then.</summary>
    public Instant InstalledUntil;

    /// <summary>What the peers were last told runs out there then; for ended slots when the slot is freed.</summary>
    public Instant ToldUntil;

    /// <summary>The state's digest as it was last counted; its upper half is the tuple's. 0 before the first time.</summary>
    public ulong Digest;

    public int Hash;

    /// <summary>The scan that saw the entry last.</summary>
    public uint SeenInScan;

    /// <summary>The bulk that named the state last.</summary>
    public uint SeenInBulk;

    public SlotPhase Phase;

    /// <summary>The owner for whom the digest is counted; 0 while it is not.</summary>
    public byte CountedFor;

    /// <summary>One bit per peer that this slot waits in its queue.</summary>
    public byte Queued;

    /// <summary>One bit per peer that is to be asked about the state instead of told.</summary>
    public byte Asking;

    /// <summary>The kernel holds the entry, as far as we know.</summary>
    public bool InKernel;

    /// <summary>The kernel was not asked yet to hold it as it is.</summary>
    public bool IsSettling;

    /// <summary>A scan found the entry before its NEW event was read.</summary>
    public bool FromScan;
}
