namespace Redoubt.Core.StateSync;

// What our kernel says. A node that forwards owns what passes through it; what a node that does not forward sees in its kernel is a copy, or none of
// its business: unknown flows are left alone there until it forwards, and the scan of the take-over finds them.
public sealed partial class StateSyncEngine
{
    /// <summary>A piece of news; <paramref name="isEcho"/> where our own change of the table caused it.</summary>
    public void TakeNews(Instant now, TableNews kind, in ConntrackEntry entry, EntryParts parts, bool isEcho)
    {
        _now = now;
        Settle();
        Counters.Events++;
        if (isEcho)
        {
            Counters.Echoes++;
            TakeEcho(kind, entry);
            return;
        }
        switch (kind)
        {
            case TableNews.New:
                if (IsForwarding && _options.Scope.Includes(entry))
                    TakeNew(entry);
                break;
            case TableNews.Update:
                TakeUpdate(entry, parts);
                break;
            default:
                TakeDestroy(entry);
                break;
        }
    }

    /// <summary>The kernel dropped news: what is missing is found by walking the table at once.</summary>
    public void TakeOverrun(Instant now)
    {
        _now = now;
        Settle();
        Counters.Overruns++;
        Notice?.Invoke("overrun", "the kernel dropped news of connections; comparing with the whole table");
        _walk.Start(_now, isUrgent: true);
    }

    // The only thing an echo tells that we did not know.
    private void TakeEcho(TableNews kind, in ConntrackEntry entry)
    {
        if (kind == TableNews.Destroy || entry.KernelId == 0)
            return;
        var number = _store.Find(entry.Original);
        if (number < 0)
            return;
        ref var slot = ref _store[number];
        if (slot.InKernel && slot.State.Entry.Reply == entry.Reply)
            slot.State = slot.State with { Entry = slot.State.Entry with { KernelId = entry.KernelId } };
    }

    private void TakeNew(in ConntrackEntry entry)
    {
        var number = _store.Find(entry.Original);
        if (number >= 0)
        {
            ref var slot = ref _store[number];
            // The scan was faster than the news.
            if (slot.Phase == SlotPhase.Live && slot.FromScan && slot.State.Entry.KernelId == entry.KernelId)
            {
                slot.FromScan = false;
                return;
            }
            if (slot.Phase == SlotPhase.Ended)
            {
                slot.Phase = SlotPhase.Live;
                slot.State.Owner = 0;
                Count++;
            }
            Begin(ref slot, entry);
        }
        else
        {
            number = _store.Add(entry.Original);
            if (number < 0)
            {
                Counters.StoreFull++;
                return;
            }
            Count++;
            Begin(ref _store[number], entry);
        }
        QueueToAll(number);
    }

    /// <summary>A new life, ours.</summary>
    private void Begin(ref StateSlot slot, in ConntrackEntry entry)
    {
        SetOwner(ref slot, _options.NodeId);
        slot.State = new ReplicatedState
        {
            Identity = new StateIdentity(++_clock, _creator),
            Term = 1,
            Owner = _options.NodeId,
            Entry = Completed(entry),
        };
        slot.InKernel = true;
        slot.InstalledUntil = Instant.Zero;
        slot.FromScan = false;
        slot.SeenInScan = _walk.Number;
        _digest.Note(ref slot);
    }

    // The kernel tells a TCP entry's first packet without its state.
    private static ConntrackEntry Completed(in ConntrackEntry entry)
    {
        var complete = entry with { Status = entry.Status & ToldStatus };
        return entry.Original.Protocol == 6 && entry.TcpState == 0 ? complete with { HasTcp = true, TcpState = 1 } : complete;
    }

    private void TakeUpdate(in ConntrackEntry entry, EntryParts parts)
    {
        var number = _store.Find(entry.Original);
        if (number < 0 || _store[number].Phase == SlotPhase.Ended || _store[number].State.Entry.Reply != entry.Reply)
        {
            TakeUnknown(entry, parts);
            return;
        }
        ref var slot = ref _store[number];
        slot.InKernel = true;
        slot.FromScan = false;
        if (!IsForwarding)
            return;
        var changed = Absorb(ref slot, entry, parts);
        if (slot.State.Owner != _options.NodeId)
            Claim(ref slot);
        else if (changed)
            Revise(ref slot);
        else
            return;
        // A rule took it out of the replication: the copies go, the flow itself stays.
        if (!_options.Scope.Includes(slot.State.Entry))
            End(number, ref slot);
        QueueToAll(number);
    }

    // An update names only what changed. Whether the flow is replicated, and what it is, only the whole entry says.
    private void TakeUnknown(in ConntrackEntry entry, EntryParts parts)
    {
        if (!IsForwarding || !_options.Scope.Includes(entry))
            return;
        if ((parts & EntryParts.All) == EntryParts.All)
            TakeNew(entry);
        else if (
            _table.TryGet(entry.Original, isReply: false, out var whole)
            && whole.Original == entry.Original
            && whole.Reply == entry.Reply
            && _options.Scope.Includes(whole)
        )
            TakeNew(whole);
    }

    private void Claim(ref StateSlot slot)
    {
        Counters.Claims++;
        SetOwner(ref slot, _options.NodeId);
        slot.State.Term++;
        slot.State.Revision = 0;
        _digest.Note(ref slot);
    }

    private void Revise(ref StateSlot slot)
    {
        slot.State.Revision++;
        _digest.Note(ref slot);
    }

    private const uint ToldStatus =
        ConntrackEntry.StatusSeenReply
        | ConntrackEntry.StatusAssured
        | ConntrackEntry.StatusConfirmed
        | ConntrackEntry.StatusSourceNat
        | ConntrackEntry.StatusDestinationNat;

    /// <summary>Takes over what the kernel tells; true where a peer should know it.</summary>
    private static bool Absorb(ref StateSlot slot, in ConntrackEntry entry, EntryParts parts)
    {
        var known = slot.State.Entry;
        var next = known;
        if ((parts & EntryParts.Status) != 0)
            next.Status = entry.Status & ToldStatus;
        if ((parts & EntryParts.Timeout) != 0)
            next.TimeoutSeconds = entry.TimeoutSeconds;
        if ((parts & EntryParts.Mark) != 0)
            next.Mark = entry.Mark;
        if (entry.KernelId != 0)
            next.KernelId = entry.KernelId;
        if ((parts & EntryParts.Tcp) != 0 && entry.TcpState != 0)
        {
            next.HasTcp = true;
            next.TcpState = entry.TcpState;
            next.TcpFlagsOriginal = entry.TcpFlagsOriginal;
            next.TcpFlagsReply = entry.TcpFlagsReply;
            next.WindowScaleOriginal = entry.WindowScaleOriginal;
            next.WindowScaleReply = entry.WindowScaleReply;
        }
        if ((parts & EntryParts.Sctp) != 0 && entry.SctpState != 0)
        {
            next.SctpState = entry.SctpState;
            next.SctpTagOriginal = entry.SctpTagOriginal;
            next.SctpTagReply = entry.SctpTagReply;
        }
        if ((parts & EntryParts.Labels) != 0)
            next.Labels = entry.Labels;
        // What is left out of a walk has none; a helper stays for life.
        if ((parts & EntryParts.Helper) != 0 && !entry.Helper.IsEmpty)
            next.Helper = entry.Helper;
        if ((parts & EntryParts.Adjust) != 0)
            (next.AdjustOriginal, next.AdjustReply) = (entry.AdjustOriginal, entry.AdjustReply);
        slot.State.Entry = next;
        const byte flags = unchecked((byte)~ConntrackEntry.TcpFlagBeLiberal);
        return next.Status != known.Status
            || next.Mark != known.Mark
            || next.TcpState != known.TcpState
            || ((next.TcpFlagsOriginal ^ known.TcpFlagsOriginal) & flags) != 0
            || ((next.TcpFlagsReply ^ known.TcpFlagsReply) & flags) != 0
            || next.SctpState != known.SctpState
            || next.SctpTagOriginal != known.SctpTagOriginal
            || next.SctpTagReply != known.SctpTagReply
            || next.Labels != known.Labels
            || next.Helper != known.Helper
            || next.AdjustOriginal != known.AdjustOriginal
            || next.AdjustReply != known.AdjustReply
            || next.WindowScaleOriginal != known.WindowScaleOriginal
            || next.WindowScaleReply != known.WindowScaleReply;
    }

    private void TakeDestroy(in ConntrackEntry entry)
    {
        var number = _store.Find(entry.Original);
        if (number < 0)
            return;
        ref var slot = ref _store[number];
        if (slot.Phase != SlotPhase.Live || slot.State.Entry.Reply != entry.Reply)
            return;
        var id = slot.State.Entry.KernelId;
        if (id != 0 && entry.KernelId != 0 && id != entry.KernelId)
            return;
        // Put back a moment ago, before this news of its predecessor was read: an echo that was still older may have named its id.
        if (slot.InKernel && (id == 0 || slot.InstalledUntil != Instant.Zero) && Holds(ref slot))
            return;
        Lost(number);
    }

    // Asks the kernel, and takes its id.
    private bool Holds(ref StateSlot slot)
    {
        var known = slot.State.Entry;
        if (!_table.TryGet(known.Original, isReply: false, out var found) || found.Original != known.Original || found.Reply != known.Reply)
            return false;
        slot.State = slot.State with { Entry = known with { KernelId = found.KernelId } };
        return true;
    }

    /// <summary>Who forwards decides about its own states and about those of owners that do not forward any more.</summary>
    private bool HasTheWord(byte owner)
    {
        if (!IsForwarding)
            return false;
        return owner == _options.NodeId || PeerOf(owner) is not { } peer || !IsAlive(peer) || !peer.IsForwarding;
    }

    /// <summary>Our kernel does not hold the entry any more. The word of the node that forwards ends the state; any other node asks.</summary>
    private void Lost(int number)
    {
        ref var slot = ref _store[number];
        slot.InKernel = false;
        slot.State = slot.State with { Entry = slot.State.Entry with { KernelId = 0 } };
        if (HasTheWord(slot.State.Owner))
        {
            if (slot.State.Owner != _options.NodeId)
                Claim(ref slot);
            End(number, ref slot);
            QueueToAll(number);
            return;
        }
        var isAsked = false;
        foreach (var peer in _peers)
        {
            // Also one that is silent for the moment: where its session goes on, nothing else would bring the state back.
            if (!peer.IsOpen || (slot.State.Owner != peer.Node && (slot.State.Owner != _options.NodeId || !peer.IsForwarding)))
                continue;
            Queue(peer, number, asks: true);
            isAsked |= (slot.Queued & peer.Bit) != 0;
        }
        if (isAsked)
            return;
        if (slot.State.Owner != _options.NodeId)
        {
            Forget(number);
            return;
        }
        // Nobody forwards it as far as we hear. Who has taken it over meanwhile did so in a later term, and is not moved by this end.
        End(number, ref slot);
        QueueToAll(number);
    }
}
