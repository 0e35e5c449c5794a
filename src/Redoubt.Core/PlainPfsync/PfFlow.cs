using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

#pragma warning disable CA1051 // Parts of a flow are fields, so that they are changed in place and never copied.

/// <summary>What a flow is to be told with.</summary>
internal enum PfPending : byte
{
    None,
    Insert,
    Update,
    UpdateCompressed,
}

/// <summary>One connection: the entry of our kernel and the states of pf that together are the same.</summary>
internal struct PfFlow
{
    /// <summary>What the kernel holds or is to hold.</summary>
    public ConntrackEntry Entry;

    /// <summary>The connection between the two translations, from its initiator: what both halves have in common.</summary>
    public ConntrackTuple Inner;

    /// <summary>The state of the interface it comes in by.</summary>
    public PfHalf In;

    /// <summary>The state of the interface it leaves by.</summary>
    public PfHalf Out;

    /// <summary>First seen.</summary>
    public Instant Since;

    /// <summary>Our kernel's entry runs out then, as far as was seen last.</summary>
    public Instant KernelUntil;

    /// <summary>Peers keep it until then from what they were told last.</summary>
    public Instant ToldUntil;

    /// <summary>No correction goes out before.</summary>
    public Instant NextCorrection;

    /// <summary>Installed at last then, also without its other half; default: it does not wait.</summary>
    public Instant WaitsUntil;

    /// <summary>The walk that met it last.</summary>
    public uint SeenInScan;

    /// <summary>Refreshes since it was last told whole.</summary>
    public byte Refreshes;

    public bool IsLive;

    /// <summary>The kernel holds the entry, as far as we know.</summary>
    public bool InKernel;

    /// <summary>Its packets pass here: what we see of it counts, and we keep it alive at the peers.</summary>
    public bool IsOurs;

    /// <summary>The kernel was not told what changed last.</summary>
    public bool IsChanged;

    public PfPending Pending;
}
