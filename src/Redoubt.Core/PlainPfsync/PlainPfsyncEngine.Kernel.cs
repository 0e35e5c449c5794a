using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// What our kernel says. Only a node that forwards tells of it; on the others it is a copy.
public sealed partial class PlainPfsyncEngine
{
    /// <inheritdoc />
    public void TakeNews(Instant now, TableNews kind, in ConntrackEntry entry, EntryParts parts, bool isEcho)
    {
        _now = now;
        Counters.Events++;
        if (isEcho)
        {
            Counters.Echoes++;
            return;
        }
        switch (kind)
        {
            case TableNews.New:
                if (IsForwarding && _options.Scope.Includes(entry))
                    TakeNew(entry);
                break;
            case TableNews.Update:
                TakeChange(entry, parts);
                break;
            default:
                TakeDestroy(entry);
                break;
        }
    }

    /// <inheritdoc />
    public void TakeOverrun(Instant now)
    {
        _now = now;
        Counters.Overruns++;
        Notice?.Invoke("overrun", "the kernel dropped news of connections; comparing with the whole table");
        _walk.Start(_now, isUrgent: true);
    }

    private void TakeNew(in ConntrackEntry entry)
    {
        if (!PfStateMap.CanTell(entry))
        {
            Counters.OutOfScope++;
            return;
        }
        var number = _store.FindOriginal(entry.Original);
        if (number >= 0)
        {
            // The walk was faster than the news, or a peer told of it first.
            if (_store[number] is { InKernel: true } && _store[number].Entry.Reply == entry.Reply)
            {
                TakeChange(entry, EntryParts.All);
                return;
            }
            // An earlier life of the tuple.
            End(number);
        }
        number = _store.Add(PfStateMap.Inner(entry), _now);
        if (number < 0)
        {
            Counters.StoreFull++;
            return;
        }
        var whole = entry;
        // The kernel tells a TCP entry's first packet without its state.
        if (entry.Original.Protocol == 6 && entry.TcpState == 0)
            (whole.HasTcp, whole.TcpState) = (true, 1);
        _store.SetEntry(number, whole);
        ref var flow = ref _store[number];
        flow.InKernel = true;
        flow.SeenInScan = _walk.Number;
        flow.KernelUntil = _now + TimeSpan.FromSeconds(entry.TimeoutSeconds);
        SetOurs(ref flow, true);
        Begin(number);
    }

    /// <summary>Both states of a flow begin, under names of ours.</summary>
    private void Begin(int number)
    {
        ref var flow = ref _store[number];
        var id = NextId();
        _store.SetReference(number, isOut: false, new PfReference(id, _options.HostId));
        _store.SetReference(number, isOut: true, new PfReference(id | 1, _options.HostId));
        flow.In.Source = flow.In.Destination = PfStateMap.UnknownPeer(flow.Entry.Original.Protocol);
        flow.In.Interface = flow.Out.Interface = PfName.All;
        flow.In.Flags = flow.Out.Flags = 0;
        PfStateMap.Advance(flow.Entry, ref flow.In);
        (flow.Out.Source, flow.Out.Destination) = (flow.In.Source, flow.In.Destination);
        Tell(number, PfPending.Insert);
    }

    private void TakeChange(in ConntrackEntry entry, EntryParts parts)
    {
        var number = _store.FindOriginal(entry.Original);
        if (number < 0 || _store[number].Entry.Reply != entry.Reply)
        {
            TakeUnknown(entry, parts);
            return;
        }
        ref var flow = ref _store[number];
        flow.InKernel = true;
        if (!IsForwarding)
            return;
        Claim(number);
        var changed = Absorb(ref flow, entry, parts);
        // A rule took it out of the replication: the copies go, the flow itself stays.
        if (!_options.Scope.Includes(flow.Entry))
            End(number);
        else if (changed)
            Tell(number, PfPending.UpdateCompressed);
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

    private void TakeDestroy(in ConntrackEntry entry)
    {
        var number = _store.FindOriginal(entry.Original);
        if (number < 0 || !_store[number].InKernel || _store[number].Entry.Reply != entry.Reply)
            return;
        if (_table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original && found.Reply == entry.Reply)
            return;
        Gone(number);
    }

    /// <summary>Our kernel does not hold it any more. Where we forward that is its end; else only our copy ran out, and a word of the peer brings it back.</summary>
    private void Gone(int number)
    {
        if (IsForwarding)
            End(number);
        else
            Forget(number);
    }

    private void Claim(int number)
    {
        ref var flow = ref _store[number];
        if (flow.IsOurs)
            return;
        Counters.Claims++;
        SetOurs(ref flow, true);
        if (!flow.In.IsKnown && !flow.Out.IsKnown)
            Begin(number);
    }

    /// <summary>Takes over what the kernel tells; true where peers should know.</summary>
    private bool Absorb(ref PfFlow flow, in ConntrackEntry entry, EntryParts parts)
    {
        if ((parts & EntryParts.Status) != 0)
            flow.Entry.Status = entry.Status;
        if ((parts & EntryParts.Timeout) != 0)
            flow.KernelUntil = _now + TimeSpan.FromSeconds(entry.TimeoutSeconds);
        if ((parts & EntryParts.Mark) != 0)
            flow.Entry.Mark = entry.Mark;
        if ((parts & EntryParts.Tcp) != 0 && entry.TcpState != 0)
        {
            flow.Entry.HasTcp = true;
            flow.Entry.TcpState = entry.TcpState;
            flow.Entry.TcpFlagsOriginal = entry.TcpFlagsOriginal;
            flow.Entry.TcpFlagsReply = entry.TcpFlagsReply;
            flow.Entry.WindowScaleOriginal = entry.WindowScaleOriginal;
            flow.Entry.WindowScaleReply = entry.WindowScaleReply;
        }
        // Both, not one or the other.
        return PfStateMap.Advance(flow.Entry, ref flow.In) | PfStateMap.Advance(flow.Entry, ref flow.Out);
    }
}
