namespace Redoubt.Core.StateSync;

// Deferral: the first packet of a flow waits until every peer that lives has the flow in its kernel. A peer acknowledges a datagram when all it carried is settled, so what is
// waited for is the acknowledgement of the last datagram sent when the slot had left the peer's queue. Nothing waits longer than the limit.
public sealed partial class StateSyncEngine
{
    // A flow begun while the peer had not taken up our stream waits in no queue for it; later ones do. Frames are told of within a turn of their flow's news.
    private static readonly TimeSpan _freshSession = TimeSpan.FromSeconds(1);

    private readonly HeldFrame[] _held;
    private readonly ulong[] _heldUntil;

    /// <summary>Frames held.</summary>
    public int HeldCount { get; private set; }

    /// <summary>Whether holding can be of use now: this node forwards, and a peer lives.</summary>
    public bool CanHold
    {
        get
        {
            if (!IsForwarding || _options.Held is null)
                return false;
            foreach (var peer in _peers)
            {
                if (IsListening(peer))
                    return true;
            }
            return false;
        }
    }

    /// <summary>
    /// Asks whether a frame must wait that leaves for the first time in its flow; <paramref name="reply"/> is its flow's reply tuple. False: it may go at once. True: <see cref="IHeldFrames.Release"/>
    /// is told the ticket, once.
    /// </summary>
    public bool Hold(Instant now, int ticket, in ConntrackTuple reply)
    {
        _now = now;
        Settle();
        if (!CanHold)
        {
            Counters.HoldsNeedless++;
            return false;
        }
        if (!_table.TryGet(reply, isReply: true, out var entry) || entry.Reply != reply)
        {
            Counters.HoldsUnknown++;
            return false;
        }
        if (!_options.Scope.Includes(entry))
        {
            Counters.HoldsNeedless++;
            return false;
        }
        var number = Known(entry);
        if (number < 0)
        {
            Counters.HoldsUnknown++;
            return false;
        }
        if (HeldCount == _held.Length)
        {
            Counters.HoldsRefused++;
            return false;
        }
        var frame = new HeldFrame
        {
            Ticket = ticket,
            Slot = number,
            Until = now + _options.HoldLimit,
        };
        var place = HeldCount;
        foreach (var peer in _peers)
        {
            if (!IsListening(peer))
                continue;
            if (now - peer.ConfirmedAt < _freshSession)
                Queue(peer, number);
            frame.Waiting |= peer.Bit;
        }
        if (IsAcknowledged(place, ref frame))
        {
            Counters.HoldsNeedless++;
            return false;
        }
        _held[place] = frame;
        HeldCount++;
        Counters.Held++;
        return true;
    }

    private bool IsListening(PeerSession peer) => peer.IsConfirmed && IsAlive(peer);

    // The slot of an entry of the kernel; its news may have been lost, or not be read yet.
    private int Known(in ConntrackEntry entry)
    {
        var number = _store.Find(entry.Original);
        if (number >= 0)
        {
            ref var slot = ref _store[number];
            var id = slot.State.Entry.KernelId;
            if (slot.Phase == SlotPhase.Live && slot.State.Entry.Reply == entry.Reply && (id == 0 || id == entry.KernelId))
                return number;
        }
        TakeNew(entry);
        number = _store.Find(entry.Original);
        if (number >= 0)
            _store[number].FromScan = true;
        return number;
    }

    // Notes to whom the flow was sent meanwhile, and who has acknowledged that.
    private bool IsAcknowledged(int place, ref HeldFrame frame)
    {
        foreach (var peer in _peers)
        {
            if ((frame.Waiting & peer.Bit) == 0)
                continue;
            ref var until = ref _heldUntil[(place * _peers.Length) + peer.Number];
            if ((frame.Sent & peer.Bit) == 0)
            {
                if ((_store[frame.Slot].Queued & peer.Bit) != 0)
                    continue;
                until = peer.NextSequence - 1;
                frame.Sent |= peer.Bit;
            }
            if (peer.Acked >= until)
                frame.Waiting &= (byte)~peer.Bit;
        }
        return frame.Waiting == 0;
    }

    private void ReleaseHeld()
    {
        if (HeldCount == 0)
            return;
        var kept = 0;
        for (var i = 0; i < HeldCount; i++)
        {
            ref var frame = ref _held[i];
            var isAcknowledged = IsAcknowledged(i, ref frame);
            if (isAcknowledged || _now >= frame.Until || !IsForwarding)
            {
                if (isAcknowledged)
                    Counters.HoldsAcknowledged++;
                else
                    Counters.HoldsExpired++;
                _options.Held!.Release(frame.Ticket);
                continue;
            }
            Deadline = Instant.Earlier(Deadline, frame.Until);
            if (kept != i)
            {
                _held[kept] = frame;
                _heldUntil.AsSpan(i * _peers.Length, _peers.Length).CopyTo(_heldUntil.AsSpan(kept * _peers.Length));
            }
            kept++;
        }
        HeldCount = kept;
    }

    // Numbers of the old stream mean nothing in the new one: what waits for this peer waits to its limit.
    private void ForgetHeld(PeerSession peer)
    {
        for (var i = 0; i < HeldCount; i++)
        {
            _held[i].Sent |= peer.Bit;
            _heldUntil[(i * _peers.Length) + peer.Number] = ulong.MaxValue;
        }
    }
}
