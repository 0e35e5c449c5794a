namespace Redoubt.Core.StateSync;

// Refreshes of an entry make no news. So the whole table is walked once per period, in slices: own entries whose copies would run out are told again,
// entries nobody told of are found, and what was not met is looked up singly before it counts as gone: one walk that misses an entry proves nothing.
public sealed partial class StateSyncEngine
{
    private const int LiberalAtOnce = 1024;

    private readonly ConntrackTuple[] _liberal = new ConntrackTuple[LiberalAtOnce];
    private readonly TableWalk _walk;
    private int _leavingScans;
    private int _liberalCursor = -1;

    private void Scan()
    {
        if (!_walk.Turn(_now))
            return;
        Counters.Scans++;
        if (_leavingScans > 0 && --_leavingScans > 0)
            _walk.Start(_now, isUrgent: true);
    }

    private void Meet(in ConntrackEntry entry)
    {
        if ((entry.Status & ConntrackEntry.StatusOffload) != 0)
            TakeOffloaded();
        var number = _store.Find(entry.Original);
        if (number < 0 || _store[number].Phase == SlotPhase.Ended || _store[number].State.Entry.Reply != entry.Reply)
        {
            if (((IsForwarding && IsReady) || _leavingScans > 0) && _options.Scope.Includes(entry))
                Find(number, entry);
            return;
        }
        ref var slot = ref _store[number];
        // Put back since this part of the walk was read: under an id that is gone nothing could be deleted any more.
        var known = slot.State.Entry.KernelId;
        if (known != 0 && entry.KernelId != 0 && entry.KernelId != known && !Holds(ref slot))
            return;
        slot.SeenInScan = _walk.Number;
        var isNews = !slot.InKernel;
        slot.InKernel = true;
        if (entry.KernelId != 0 && known == 0)
            slot.State = slot.State with { Entry = slot.State.Entry with { KernelId = entry.KernelId } };
        if (!IsForwarding)
        {
            AskAboutStray(number);
            return;
        }
        if (slot.State.Owner != _options.NodeId)
        {
            var owner = PeerOf(slot.State.Owner);
            var isOrphan = owner is null || !IsAlive(owner) || !owner.IsForwarding;
            var expected = (slot.InstalledUntil - _now).TotalSeconds;
            var isMoving = !isNews && Math.Abs(entry.TimeoutSeconds - expected) > 3;
            if (!isMoving && (!isOrphan || !IsReady))
                return;
            Absorb(ref slot, entry, EntryParts.All);
            Claim(ref slot);
            QueueToAll(number);
            return;
        }
        if (Absorb(ref slot, entry, EntryParts.All))
        {
            Revise(ref slot);
            QueueToAll(number);
        }
        else if (_now + TimeSpan.FromSeconds(entry.TimeoutSeconds + (1.5 * ScanSeconds)) > slot.ToldUntil)
            QueueToAll(number);
    }

    private void TakeOffloaded()
    {
        if (Counters.Offloaded++ == 0)
            Notice?.Invoke("offload", "a flowtable forwards connections past their tracking: peers are not told of their changes");
    }

    /// <summary>An entry that no news told of. Where another life of the tuple is known, the walk may only be behind the news: ask again.</summary>
    private void Find(int number, in ConntrackEntry entry)
    {
        if (number >= 0)
        {
            var isThere = _table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original;
            if (!isThere || found.Reply != entry.Reply)
                return;
        }
        TakeNew(entry);
        number = _store.Find(entry.Original);
        if (number >= 0)
            _store[number].FromScan = true;
    }

    private void Sweep(int number)
    {
        ref var slot = ref _store[number];
        if (slot.Phase == SlotPhase.Ended)
        {
            if (_now >= slot.ToldUntil && slot.Queued == 0 && MayForget())
                _store.Free(number);
        }
        else if (slot.Phase == SlotPhase.Live && slot.SeenInScan != _walk.Number)
            Miss(number);
    }

    private void Miss(int number)
    {
        ref var slot = ref _store[number];
        var entry = slot.State.Entry;
        if (_table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original && found.Reply == entry.Reply)
        {
            slot.SeenInScan = _walk.Number;
            Meet(found);
            return;
        }
        if (slot.InKernel || (slot.State.Owner == _options.NodeId && IsForwarding))
            Lost(number);
        else if (slot.Asking == 0)
        {
            Install(number);
            Settle();
            if (slot.Phase != SlotPhase.Live || slot.InKernel)
                return;
            // Another flow stands in its way here. Ours of old lives where it is forwarded, or nowhere; others' are asked about.
            if (slot.State.Owner == _options.NodeId)
                Forget(number);
            else if (PeerOf(slot.State.Owner) is { } owner && IsAlive(owner))
                Queue(owner, number, asks: true);
        }
    }

    // A while after a take-over all that lives belongs to who forwards. What does not may have ended where nobody could tell.
    private void AskAboutStray(int number)
    {
        if (_walk.IsUrgent || (PeerOf(_store[number].State.Owner) is { } owner && IsAlive(owner) && owner.IsForwarding))
            return;
        foreach (var peer in _peers)
        {
            if (IsAlive(peer) && peer.IsForwarding)
                Queue(peer, number, asks: true);
        }
    }

    private void MakeLiberalSlice()
    {
        if (_liberalCursor < 0)
            return;
        var count = 0;
        for (; _liberalCursor < _store.High && count < LiberalAtOnce; _liberalCursor++)
        {
            ref var slot = ref _store[_liberalCursor];
            if (slot.Phase == SlotPhase.Live && slot.InKernel && slot.State.Entry.HasTcp && slot.State.Owner == _options.NodeId)
                _liberal[count++] = slot.State.Entry.Original;
        }
        if (count > 0)
            _table.MakeLiberal(_liberal.AsSpan(0, count));
        if (_liberalCursor >= _store.High)
            _liberalCursor = -1;
    }
}
