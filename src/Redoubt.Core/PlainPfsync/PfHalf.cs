using Redoubt.Core.Pfsync;

namespace Redoubt.Core.PlainPfsync;

#pragma warning disable CA1051 // Parts of a flow are fields, so that they are changed in place and never copied.

/// <summary>pf keeps a state for each interface a connection passes: this is one of the two.</summary>
internal struct PfHalf
{
    /// <summary>Its name on the wire; the creator is 0 where there is no such state.</summary>
    public PfReference Reference;

    /// <summary>The side that opened the connection: the farthest that was sent or heard.</summary>
    public PfPeer Source;

    /// <summary>The other side.</summary>
    public PfPeer Destination;

    /// <summary>The interface the creator bound it to.</summary>
    public PfName Interface;

    /// <summary>pf state_flags of the creator.</summary>
    public ushort Flags;

    /// <summary>There is such a state.</summary>
    public readonly bool IsKnown => Reference.Creator != 0;

    /// <summary>The creator changes sequence numbers of this connection as it passes: no other kernel but pf can go on with it.</summary>
    public readonly bool IsModulated => Source.SequenceDifference != 0 || Destination.SequenceDifference != 0;

    /// <summary>The creator answers for one side itself: nothing that can be taken over yet.</summary>
    public readonly bool IsProxied => Source.State > 10 || Destination.State > 10;
}
