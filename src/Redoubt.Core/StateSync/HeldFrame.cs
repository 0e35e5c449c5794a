namespace Redoubt.Core.StateSync;

/// <summary>A frame that waits until the peers know its flow.</summary>
internal struct HeldFrame
{
    /// <summary>Its number at <see cref="IHeldFrames"/>.</summary>
    public int Ticket;

    /// <summary>The flow's slot.</summary>
    public int Slot;

    /// <summary>Then it goes, whatever the peers say.</summary>
    public Instant Until;

    /// <summary>One bit per peer that has not acknowledged the flow yet.</summary>
    public byte Waiting;

    /// <summary>One bit per peer to whom the flow was sent, or to whom this will not happen any more in the stream it was queued in.</summary>
    public byte Sent;
}
