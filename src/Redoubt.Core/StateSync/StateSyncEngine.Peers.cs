using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// What peers say about states, and what becomes of it in our kernel.
public sealed partial class StateSyncEngine
{
    /// <summary>No incarnation beyond this is believed: a clock must not be driven to its end.</summary>
    private const ulong MaxIncarnation = (1UL << 62) - 1;

    private PfsyncRejection Handle(PeerSession peer, ReadOnlySpan<byte> content)
    {
        var sections = new PfsyncSections(content[PfsyncHeader.Length..]);
        var rejection = PfsyncRejection.None;
        while (sections.MoveNext())
        {
            var message = sections.Message;
            switch (sections.Action)
            {
                case PfsyncAction.BulkRequest when message.Length >= 4:
                    StartBulk(peer, BinaryPrimitives.ReadUInt32BigEndian(message));
                    break;
                case PfsyncAction.BulkStart when message.Length >= 8:
                    TakeBulkStart(peer, message);
                    break;
                case PfsyncAction.BulkEnd when message.Length >= 8:
                    TakeBulkEnd(peer, message);
                    break;
                case PfsyncAction.Expect4 or PfsyncAction.Expect6:
                    if (!TakeExpected(message, sections.Action))
                        rejection = Counters.Count(PfsyncRejection.BadMessage);
                    break;
                case >= PfsyncAction.DigestSums and <= PfsyncAction.CompareEnd:
                    if (!TakeDigest(peer, sections.Action, message))
                        rejection = Counters.Count(PfsyncRejection.BadMessage);
                    break;
                default:
                    if (LinuxState.LengthOf(sections.Action) == 0)
                        break;
                    if (!LinuxState.TryRead(message, sections.Action, out var state) || state.Identity.Incarnation > MaxIncarnation)
                    {
                        rejection = Counters.Count(PfsyncRejection.BadMessage);
                        break;
                    }
                    Take(peer, sections.Action, state);
                    break;
            }
        }
        return sections.IsMalformed ? Counters.Count(PfsyncRejection.BadSection) : rejection;
    }

    private void Take(PeerSession peer, PfsyncAction action, in ReplicatedState state)
    {
        _clock = Math.Max(_clock, state.Identity.Incarnation);
        switch (action)
        {
            case PfsyncAction.Delete4 or PfsyncAction.Delete6:
                TakeDelete(peer, state);
                break;
            case PfsyncAction.Ask4 or PfsyncAction.Ask6:
                TakeAsk(peer, state);
                break;
            default:
                TakeState(peer, state);
                break;
        }
    }

    private void TakeState(PeerSession peer, in ReplicatedState state)
    {
        Counters.StatesReceived++;
        if (!_options.Scope.Includes(state.Entry))
        {
            Counters.OutOfScope++;
            return;
        }
        var number = _store.Find(state.Entry.Original);
        if (number < 0)
        {
            number = Add(state);
            if (number < 0)
                return;
            Install(number);
        }
        else
        {
            ref var slot = ref Settled(number);
            var order = StateMerge.Compare(state, false, slot.State, slot.Phase == SlotPhase.Ended);
            if (peer.BulkIn == BulkPhase.Running)
                slot.SeenInBulk = peer.BulkRequest;
            if (order == 0 && slot.Phase == SlotPhase.Live)
                Refresh(ref slot, number, state);
            else if (order > 0)
                Replace(ref slot, number, state);
            else
            {
                Counters.StatesStale++;
                // Who is behind learns it from the owner; of an end from whoever knows.
                if (slot.State.Owner == _options.NodeId || slot.Phase == SlotPhase.Ended)
                    Queue(peer, number);
                return;
            }
        }
        ref var taken = ref _store[number];
        if (peer.BulkIn == BulkPhase.Running)
        {
            taken.SeenInBulk = peer.BulkRequest;
            peer.BulkReceived++;
        }
        // News at second hand is verified with the owner.
        if (state.Owner != peer.Node && state.Owner != _options.NodeId && PeerOf(state.Owner) is { } owner && IsAlive(owner))
            Queue(owner, number, asks: true);
    }

    private int Add(in ReplicatedState state)
    {
        var number = _store.Add(state.Entry.Original);
        if (number < 0)
        {
            Counters.StoreFull++;
            return -1;
        }
        _store[number].State = state;
        Count++;
        if (state.Owner == _options.NodeId)
            OwnedCount++;
        _digest.Note(ref _store[number]);
        return number;
    }

    private void Replace(ref StateSlot slot, int number, in ReplicatedState state)
    {
        if (slot.Phase == SlotPhase.Live && slot.InKernel && slot.State.Entry.Reply != state.Entry.Reply)
            Evict(ref slot);
        SetOwner(ref slot, state.Owner);
        if (slot.Phase == SlotPhase.Ended)
        {
            slot.Phase = SlotPhase.Live;
            Count++;
            if (state.Owner == _options.NodeId)
                OwnedCount++;
        }
        var kernelId = slot.State.Entry.KernelId;
        slot.State = state with { Entry = state.Entry with { KernelId = slot.InKernel ? kernelId : 0 } };
        slot.FromScan = false;
        _digest.Note(ref slot);
        Install(number);
    }

    private void Refresh(ref StateSlot slot, int number, in ReplicatedState state)
    {
        slot.State = slot.State with { Entry = slot.State.Entry with { TimeoutSeconds = state.Entry.TimeoutSeconds } };
        if (slot.State.Owner != _options.NodeId || !slot.InKernel)
            Install(number);
    }

    private void TakeDelete(PeerSession peer, in ReplicatedState state)
    {
        Counters.DeletesReceived++;
        var number = _store.Find(state.Entry.Original);
        if (number < 0)
        {
            Counters.DeletesStale++;
            return;
        }
        ref var slot = ref Settled(number);
        // Who forwards knows better: it is here. Also where the word is our own, of an earlier life.
        if (
            slot is { Phase: SlotPhase.Live, InKernel: true }
            && IsForwarding
            && slot.State.Owner == _options.NodeId
            && state.Identity == slot.State.Identity
        )
        {
            Counters.DeletesStale++;
            slot.State.Term = Math.Max(slot.State.Term, state.Term);
            Claim(ref slot);
            QueueToAll(number);
            return;
        }
        // The end of a later life of the tuple is the end of the earlier one too; never the other way round.
        if (slot.Phase != SlotPhase.Live || StateMerge.Compare(state, true, slot.State, false) <= 0)
        {
            Counters.DeletesStale++;
            if (slot.Phase == SlotPhase.Live && slot.State.Owner == _options.NodeId)
                Queue(peer, number);
            return;
        }
        if (slot.InKernel)
            Evict(ref slot);
        var entry = slot.State.Entry;
        End(number, ref slot);
        slot.State = state with { Entry = entry };
    }

    private void TakeAsk(PeerSession peer, in ReplicatedState state)
    {
        Counters.AsksReceived++;
        var number = _store.Find(state.Entry.Original);
        if (number >= 0)
        {
            ref var slot = ref Settled(number);
            // Dropped without a word: now its word is asked for.
            if (slot.State.Identity == default && state.Owner == _options.NodeId)
                slot.State = state;
            if (slot.Phase == SlotPhase.Ended || slot.InKernel || slot.State.Owner == _options.NodeId)
                Queue(peer, number);
            return;
        }
        // Only its owner, or who forwards when its owner does not, can say that there is no such state, and only once it knows its own table.
        if (!_walk.IsTableKnown || !peer.IsOpen || (state.Owner != _options.NodeId && !(IsReady && HasTheWord(state.Owner))))
            return;
        if (_table.TryGet(state.Entry.Original, isReply: false, out var found) && found.Original == state.Entry.Original)
        {
            // The walk missed it.
            if (IsForwarding && _options.Scope.Includes(found))
                Find(-1, found);
            return;
        }
        number = Add(state);
        if (number < 0)
            return;
        ref var unknown = ref _store[number];
        if (state.Owner != _options.NodeId)
            Claim(ref unknown);
        End(number, ref unknown);
        Queue(peer, number);
    }

    private void SetOwner(ref StateSlot slot, byte owner)
    {
        if (slot.Phase == SlotPhase.Live)
            OwnedCount += (owner == _options.NodeId ? 1 : 0) - (slot.State.Owner == _options.NodeId ? 1 : 0);
        slot.State.Owner = owner;
    }

    /// <summary>The state is over; the slot stays for a moment, so that the end reaches the peers and late news finds it.</summary>
    private void End(int number, ref StateSlot slot)
    {
        Count--;
        if (slot.State.Owner == _options.NodeId)
            OwnedCount--;
        slot.Phase = SlotPhase.Ended;
        slot.InKernel = false;
        _digest.Note(ref slot);
        slot.ToldUntil = _now + _endedKept;
        _ended.Enqueue(number);
    }

    /// <summary>Gives back the slots of ends that were told and kept long enough. What still waits for a peer is left to the scan.</summary>
    private void FreeEnded()
    {
        if (!MayForget())
            return;
        while (_ended.TryPeek(out var number))
        {
            ref var slot = ref _store[number];
            if (slot.Phase == SlotPhase.Ended && _now < slot.ToldUntil)
                return;
            _ended.Dequeue();
            if (slot.Phase == SlotPhase.Ended && slot.Queued == 0)
                _store.Free(number);
        }
    }

    // A peer that is silent in the middle of a session will say first what it knew before: until it has, every end is remembered.
    private bool MayForget()
    {
        foreach (var peer in _peers)
        {
            if (peer.IsOpen && (!peer.WasAlive || _now - peer.AliveSince < _endedKept))
                return false;
        }
        return true;
    }

    /// <summary>Drops a state without saying that it ended: whoever still has it is believed.</summary>
    private void Forget(int number)
    {
        ref var slot = ref _store[number];
        End(number, ref slot);
        slot.State.Identity = default;
        slot.State.Term = 0;
    }

    private TimeSpan InstalledSpan(in ConntrackEntry entry)
    {
        var full = StateTimeouts.ClassOf(entry);
        return TimeSpan.FromSeconds(Math.Min(full + StateTimeouts.Margin(full, ScanSeconds), StateTimeouts.Longest));
    }

    private uint ScanSeconds => (uint)Math.Max(1, Math.Ceiling(_options.ScanPeriod.TotalSeconds));
}
