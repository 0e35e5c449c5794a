namespace Redoubt.Core.StateSync;

/// <summary>What peers tell of states, joined with what is known here, and put into this node's kernel.</summary>
public sealed partial class StateSyncEngine
{
    private void Merge(StateSyncPeer peer, in ReplicatedState told, Instant now)
    {
        Counters.StatesReceived++;
        _clock = Math.Max(_clock, told.Identity.Incarnation);
        if (!_settings.Scope.Includes(told.Entry))
        {
            Counters.OutOfScope++;
            return;
        }
        var index = _store.Find(told.Entry.Original);
        if (index < 0)
        {
            index = _store.Add(told.Entry.Original);
            if (index < 0)
            {
                Counters.StoreFull++;
                return;
            }
            Accept(index, told, now);
            Install(index, now);
            return;
        }
        ref var slot = ref _store[index];
        slot.HeardAt = now;
        slot.AskedFrom &= (byte)~peer.Bit;
        var life = told.Identity.CompareTo(slot.State.Identity);
        if (slot.Use == SlotUse.Ended)
        {
            // A life that was only dropped here may come back; one that was destroyed may not.
            if (life < 0 || (life == 0 && !slot.IsSilent))
            {
                Stale(index, peer);
                return;
            }
            _store.Revive(index);
            Accept(index, told, now);
            Install(index, now);
            return;
        }
        if (life < 0 || (life == 0 && !IsNewer(told, slot.State)))
        {
            Stale(index, peer);
            return;
        }
        if (life == 0 && IsForwarding && slot.State.Owner == _settings.NodeId && told.Term == slot.State.Term)
            return; // what we said ourselves
        var otherFlow = life > 0 || told.Entry.Reply != slot.State.Entry.Reply;
        if (otherFlow && slot.IsInKernel)
            RemoveFromKernel(slot);
        Accept(index, told, now);
        if (otherFlow || !slot.IsInKernel)
            Install(index, now);
        else
            Change(index, now);
    }

    // Within one life: the later owner, of two at once the lower node id, then what that owner said last. The same again re-arms.
    private static bool IsNewer(in ReplicatedState told, in ReplicatedState known)
    {
        if (told.Term != known.Term)
            return told.Term > known.Term;
        if (told.Owner != known.Owner)
            return told.Owner < known.Owner;
        return (short)(told.Revision - known.Revision) >= 0;
    }

    // Who tells something old is told what is known here, where that is ours to tell.
    private void Stale(int index, StateSyncPeer peer)
    {
        Counters.Stale++;
        ref var slot = ref _store[index];
        if (slot.State.Owner == _settings.NodeId && !slot.IsSilent)
            Queue(index, peer);
    }

    private void Accept(int index, in ReplicatedState told, Instant now)
    {
        ref var slot = ref _store[index];
        var kernelId = slot.State.Entry.KernelId;
        slot.State = told;
        var entry = told.Entry;
        entry.KernelId = kernelId;
        slot.State.Entry = entry;
        slot.HeardAt = now;
        slot.SetAt = now;
        slot.SetSeconds = Generous(entry);
        slot.SeenInScan = _scan;
    }

    private ConntrackEntry ForKernel(in StateSlot slot)
    {
        var entry = slot.State.Entry;
        entry.TimeoutSeconds = slot.SetSeconds;
        if (entry.HasTcp)
        {
            // The window of another machine's tracker is not known here, and the kernel cannot be told one.
            entry.TcpFlagsOriginal |= ConntrackEntry.TcpFlagBeLiberal;
            entry.TcpFlagsReply |= ConntrackEntry.TcpFlagBeLiberal;
        }
        return entry;
    }

    private void Install(int index, Instant now)
    {
        ref var slot = ref _store[index];
        KeepKernelId(ref slot, 0);
        var entry = ForKernel(slot);
        var answer = _table.Create(entry);
        if (answer == TableAnswer.Exists)
        {
            answer =
                ClearTheWay(entry, isReply: false, now) || ClearTheWay(entry, isReply: true, now)
                    ? TableAnswer.Exists
                    : _table.Create(entry);
            if (answer == TableAnswer.Exists)
                answer = _table.Update(entry);
        }
        slot.IsInKernel = answer == TableAnswer.Done;
        if (slot.IsInKernel)
            Counters.Installed++;
        else
            Counters.NotInstalled++;
    }

    // True where the entry is there already, with the same tuples; whatever else holds one of its tuples is deleted.
    private bool ClearTheWay(in ConntrackEntry entry, bool isReply, Instant now)
    {
        if (!_table.TryGet(isReply ? entry.Reply : entry.Original, isReply, out var found))
            return false;
        if (found.Original == entry.Original && found.Reply == entry.Reply)
            return true;
        Counters.Conflicts++;
        _table.Delete(found.Original, found.KernelId);
        var other = _store.Find(found.Original);
        if (other >= 0 && found.Original != entry.Original && _store[other].Use == SlotUse.Live)
            _store.End(other, now + _endedTime, silent: true);
        return false;
    }

    private void Change(int index, Instant now)
    {
        ref var slot = ref _store[index];
        switch (_table.Update(ForKernel(slot)))
        {
            case TableAnswer.Done:
                Counters.Updated++;
                break;
            case TableAnswer.Missing:
                Install(index, now);
                break;
            default:
                Counters.NotInstalled++;
                break;
        }
    }

    private void Delete(StateSyncPeer peer, in ReplicatedState told, Instant now)
    {
        Counters.DeletesReceived++;
        var index = _store.Find(told.Entry.Original);
        if (index < 0)
            return;
        ref var slot = ref _store[index];
        slot.AskedFrom &= (byte)~peer.Bit;
        if (slot.Use == SlotUse.Ended)
        {
            slot.IsSilent &= told.Identity < slot.State.Identity;
            return;
        }
        // Only this life, and only from who knows it at least as late as we do.
        if (told.Identity != slot.State.Identity || told.Term < slot.State.Term)
        {
            Stale(index, peer);
            return;
        }
        if (slot.IsInKernel)
            RemoveFromKernel(slot);
        slot.State.Term = told.Term;
        slot.State.Owner = told.Owner;
        _store.End(index, now + _endedTime, silent: false);
        Counters.Deleted++;
    }

    // Asked first, because a tuple may have another life in this kernel already.
    private void RemoveFromKernel(in StateSlot slot)
    {
        var original = slot.State.Entry.Original;
        if (_table.TryGet(original, false, out var found) && found.Original == original && found.Reply == slot.State.Entry.Reply)
            _table.Delete(original, found.KernelId);
    }

    // A peer's own copy is gone: it gets the state again, or is told that it ended.
    private void Answer(StateSyncPeer peer, in ReplicatedState asked, Instant now)
    {
        var index = _store.Find(asked.Entry.Original);
        if (index >= 0 && _store[index].Use == SlotUse.Live)
        {
            if (_table.TryGet(asked.Entry.Original, false, out var entry) && entry.Reply == _store[index].State.Entry.Reply)
            {
                if (IsForwarding)
                    Own(index, entry, now);
                else
                    Queue(index, peer);
                return;
            }
            Destroyed(index, 0, now);
            return;
        }
        if (index >= 0)
        {
            Queue(index, peer);
            return;
        }
        // Never heard of it, or long forgotten: who forwards may say that it is over.
        if (!IsForwarding)
            return;
        index = _store.Add(asked.Entry.Original);
        if (index < 0)
            return;
        _store[index].State = asked;
        _store.End(index, now + _endedTime, silent: false);
        Queue(index, peer);
    }
}
