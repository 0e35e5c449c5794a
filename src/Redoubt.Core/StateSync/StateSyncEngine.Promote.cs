namespace Redoubt.Core.StateSync;

// A handshake that was in flight when its master died: the answer may have passed there without a word of it reaching us. A tracker that knows of the
// first segment alone refuses the third one. So who takes over calls young connections established, for a short while: a first segment that comes again is
// passed all the same, and its answer sets the tracker right (kernel: the ignored SYN of nf_conntrack_proto_tcp.c).
public sealed partial class StateSyncEngine
{
    private const int PromotedAtOnce = 1 << 14;
    private const byte SynSent = 1;
    private const byte SynReceived = 2;
    private const byte Established = 3;
    private const byte SynSentBoth = 9;

    /// <summary>Seconds that a promoted connection is kept without a packet: as long as the kernel waits for the end of a handshake.</summary>
    private const uint PromotedSeconds = 60;
    private int _promoteCursor = -1;

    private void PromoteSlice()
    {
        if (_promoteCursor < 0)
            return;
        var end = Math.Min(_store.High, _promoteCursor + PromotedAtOnce);
        for (; _promoteCursor < end; _promoteCursor++)
        {
            ref var slot = ref _store[_promoteCursor];
            if (
                slot is { Phase: SlotPhase.Live, InKernel: true, State.Entry.TcpState: SynSent or SynReceived or SynSentBoth }
                && slot.State.Owner != _options.NodeId
            )
                Promote(_promoteCursor, ref slot);
        }
        Settle();
        if (_promoteCursor >= _store.High)
            _promoteCursor = -1;
    }

    private void Promote(int number, ref StateSlot slot)
    {
        Counters.Promoted++;
        var entry = slot.State.Entry;
        entry.TcpState = Established;
        entry.Status |= ConntrackEntry.StatusSeenReply;
        entry.TimeoutSeconds = PromotedSeconds;
        Put(number, ref slot, entry);
    }
}
