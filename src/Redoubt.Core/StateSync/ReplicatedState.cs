namespace Redoubt.Core.StateSync;

/// <summary>
/// Which life of a tuple is meant. Drawn by the node that first saw the flow from a logical clock that is above every incarnation it has
/// heard of, so a later life of the same tuple is greater on every node. UPD and DEL match this, never the tuple alone.
/// </summary>
/// <param name="Incarnation">Value of the creator's logical clock; 0 is no life.</param>
/// <param name="Creator">Creator id: node id in the top 8 bits, 24 bits of its boot epoch below. Breaks ties.</param>
public readonly record struct StateIdentity(ulong Incarnation, uint Creator) : IComparable<StateIdentity>
{
    /// <inheritdoc />
    public int CompareTo(StateIdentity other)
    {
        var first = Incarnation.CompareTo(other.Incarnation);
        return first != 0 ? first : Creator.CompareTo(other.Creator);
    }

    /// <summary>An earlier life.</summary>
    public static bool operator <(StateIdentity a, StateIdentity b) => a.CompareTo(b) < 0;

    /// <summary>A later life.</summary>
    public static bool operator >(StateIdentity a, StateIdentity b) => a.CompareTo(b) > 0;

    /// <summary>The same or an earlier life.</summary>
    public static bool operator <=(StateIdentity a, StateIdentity b) => a.CompareTo(b) <= 0;

    /// <summary>The same or a later life.</summary>
    public static bool operator >=(StateIdentity a, StateIdentity b) => a.CompareTo(b) >= 0;
}

/// <summary>A connection as the nodes tell it to each other.</summary>
public struct ReplicatedState
{
    /// <summary>Which life of the tuple.</summary>
    public StateIdentity Identity { get; set; }

    /// <summary>Grows by one whenever another node becomes the owner.</summary>
    public uint Term { get; set; }

    /// <summary>Node id of the node that forwards the flow.</summary>
    public byte Owner { get; set; }

    /// <summary>Grows with every change the owner tells within a term; wraps.</summary>
    public ushort Revision { get; set; }

    /// <summary>What the owner's kernel holds.</summary>
    public ConntrackEntry Entry { get; set; }
}
