namespace Redoubt.Core.StateSync;

// What becomes of a peer's states in our kernel: many are put in with one request, and an answer that is no yes is dealt with singly.
public sealed partial class StateSyncEngine
{
    private const int InstallsAtOnce = 128;
    private readonly TableInstall[] _installs = new TableInstall[InstallsAtOnce];
    private readonly int[] _installSlots = new int[InstallsAtOnce];
    private readonly TableAnswer[] _answers = new TableAnswer[InstallsAtOnce];
    private int _installCount;

    /// <summary>Puts the slot's state into the kernel, or renews it there: with the next <see cref="Settle()"/>.</summary>
    private void Install(int number)
    {
        ref var slot = ref _store[number];
        var span = InstalledSpan(slot.State.Entry);
        Put(number, ref slot, slot.State.Entry with { TimeoutSeconds = (uint)span.TotalSeconds });
    }

    private void Put(int number, ref StateSlot slot, ConntrackEntry entry)
    {
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
