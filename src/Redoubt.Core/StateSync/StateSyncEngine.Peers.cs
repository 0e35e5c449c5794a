using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// What peers say about states, and what becomes of it in our kernel.
public sealed partial class StateSyncEngine
{
    /// <summary>No incarnation beyond this is believed: a clock must not be driven to its end.</summary>
    private const ulong MaxIncarnation = (1UL << 62) - 1;

    private const int InstallsAtOnce = 128;
    private readonly TableInstall[] _installs = new TableInstall[InstallsAtOnce];
    private readonly int[] _installSlots = new int[InstallsAtOnce];
    private readonly TableAnswer[] _answers = new TableAnswer[InstallsAtOnce];
    private int _installCount;

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
        if (!_isTableKnown || !peer.IsOpen || (state.Owner != _options.NodeId && !(IsReady && HasTheWord(state.Owner))))
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

    /// <summary>Puts the slot's state into the kernel, or renews it there: with the next <see cref="Settle()"/>.</summary>
    private void Install(int number)
    {
        ref var slot = ref _store[number];
        var span = InstalledSpan(slot.State.Entry);
        var entry = slot.State.Entry with { TimeoutSeconds = (uint)span.TotalSeconds };
        if (entry.HasTcp)
        {
            entry.TcpFlagsOriginal |= ConntrackEntry.TcpFlagBeLiberal;
            entry.TcpFlagsReply |= ConntrackEntry.TcpFlagBeLiberal;
        }
        _installs[_installCount] = new TableInstall(entry, slot.InKernel);
        _installSlots[_installCount++] = number;
        slot.IsSettling = true;
        if (_installCount == InstallsAtOnce)
            Settle();
    }

    /// <summary>
    /// Has the kernel do what waits, in one go, and takes in its answers. Must come before anything else that asks the kernel or is told of it: what waits
    /// is then as if it had been done at once.
    /// </summary>
    private void Settle()
    {
        if (_installCount == 0)
            return;
        var count = _installCount;
        _installCount = 0;
        _table.Install(_installs.AsSpan(0, count), _answers.AsSpan(0, count));
        for (var i = 0; i < count; i++)
            _store[_installSlots[i]].IsSettling = false;
        for (var i = 0; i < count; i++)
            Settle(_installSlots[i], _installs[i].Entry, _answers[i]);
    }

    private ref StateSlot Settled(int number)
    {
        if (_store[number].IsSettling)
            Settle();
        return ref _store[number];
    }

    private void Settle(int number, in ConntrackEntry entry, TableAnswer answer)
    {
        ref var slot = ref _store[number];
        // An answer before this one made it give way: another flow has its place.
        if (slot.Phase != SlotPhase.Live || slot.State.Entry.Original != entry.Original)
        {
            if (answer == TableAnswer.Done && slot.Phase == SlotPhase.Ended && slot.State.Entry.Original == entry.Original)
                Evict(ref slot);
            return;
        }
        if (answer == TableAnswer.Missing)
        {
            slot.State = slot.State with { Entry = slot.State.Entry with { KernelId = 0 } };
            answer = _table.Create(entry);
        }
        if (answer == TableAnswer.Exists)
            answer = MakeRoom(number, entry);
        slot.InKernel = answer == TableAnswer.Done;
        if (!slot.InKernel)
        {
            Counters.InstallFailures++;
            // A later flow holds the tuple: where the traffic is, this one is over.
            if (answer == TableAnswer.Exists && HasTheWord(slot.State.Owner))
                Lost(number);
            return;
        }
        Counters.Installed++;
        slot.InstalledUntil = _now + InstalledSpan(slot.State.Entry);
    }

    /// <summary>Another entry stands in the way: the same flow is updated, a stale one of either tuple removed.</summary>
    private TableAnswer MakeRoom(int number, in ConntrackEntry entry)
    {
        if (_table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original)
        {
            if (found.Reply == entry.Reply)
                return _table.Update(entry);
            Counters.Evicted++;
            _table.Delete(found.Original, found.KernelId);
        }
        if (_table.TryGet(entry.Reply, isReply: true, out found) && found.Original != entry.Original)
        {
            var other = _store.Find(found.Original);
            if (other >= 0 && other != number)
            {
                ref var rival = ref _store[other];
                if (rival.Phase == SlotPhase.Live && rival.State.Identity > _store[number].State.Identity)
                    return TableAnswer.Exists;
                if (rival.Phase == SlotPhase.Live)
                    Lost(other);
                // Put in just now, in the same go: its answer is no longer true.
                for (var i = 0; i < _installs.Length; i++)
                {
                    if (_installSlots[i] == other)
                        _answers[i] = TableAnswer.Refused;
                }
            }
            Counters.Evicted++;
            _table.Delete(found.Original, found.KernelId);
        }
        return _table.Create(entry);
    }

    private void Evict(ref StateSlot slot)
    {
        var original = slot.State.Entry.Original;
        var id = slot.State.Entry.KernelId;
        if (id == 0)
        {
            if (
                !_table.TryGet(original, isReply: false, out var found)
                || found.Original != original
                || found.Reply != slot.State.Entry.Reply
            )
            {
                slot.InKernel = false;
                return;
            }
            id = found.KernelId;
        }
        _table.Delete(original, id);
        slot.InKernel = false;
    }
}
