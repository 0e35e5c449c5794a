using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// Packets make no news. So the whole table is walked once per period, in slices: own flows that peers would drop are told again, flows that no
// news told of are found, and what was not met is looked up singly before it counts as gone.
public sealed partial class PlainPfsyncEngine
{
    private const int LiberalAtOnce = 1024;

    // Between two looks at a timeout: what differs by more was moved by a packet.
    private const double TimeoutSlack = 3;

    private readonly ConntrackTuple[] _liberal = new ConntrackTuple[LiberalAtOnce];
    private readonly TableWalk _walk;
    private bool _isLeaving;
    private int _liberalCursor = -1;

    private void Scan()
    {
        if (!_walk.Turn(_now))
            return;
        Counters.Scans++;
        _isLeaving = false;
    }

    private void Meet(in ConntrackEntry entry)
    {
        var number = _store.FindOriginal(entry.Original);
        if (number < 0 || _store[number].Entry.Reply != entry.Reply)
        {
            if (((IsForwarding && IsReady) || _isLeaving) && _options.Scope.Includes(entry))
                TakeNew(entry);
            return;
        }
        ref var flow = ref _store[number];
        flow.SeenInScan = _walk.Number;
        flow.InKernel = true;
        var isMoved = Math.Abs(entry.TimeoutSeconds - (flow.KernelUntil - _now).TotalSeconds) > TimeoutSlack;
        if (!IsForwarding && !_isLeaving)
        {
            SetOurs(ref flow, false);
            return;
        }
        if (isMoved)
            Claim(number);
        if (!flow.IsOurs)
            return;
        var changed = Absorb(ref flow, entry, EntryParts.All);
        if (changed)
            Tell(number, PfPending.UpdateCompressed);
        else
            Refresh(number, ref flow);
    }

    // Told again when a third of its time at the peers is gone. Now and then whole, for who missed its beginning.
    private void Refresh(int number, ref PfFlow flow)
    {
        ref var half = ref flow.In.IsKnown ? ref flow.In : ref flow.Out;
        var full = PfTimeout.Seconds(PfStateMap.Timeout(flow.Entry.Original.Protocol, half));
        if (flow.ToldUntil - _now > TimeSpan.FromSeconds(full * 2 / 3.0))
            return;
        Tell(number, flow.Refreshes >= RefreshesUntilWhole ? PfPending.Update : PfPending.UpdateCompressed);
    }

    private void Sweep(int number)
    {
        ref var flow = ref _store[number];
        if (flow is { IsLive: true, InKernel: true } && flow.SeenInScan != _walk.Number)
            Miss(number);
        else if (flow is { IsLive: true, InKernel: false })
            Outlive(number);
    }

    private void Miss(int number)
    {
        var entry = _store[number].Entry;
        if (_table.TryGet(entry.Original, isReply: false, out var found) && found.Original == entry.Original && found.Reply == entry.Reply)
            Meet(found);
        else
            Gone(number);
    }

    // Known and not in our kernel, for want of room or because only pf can go on with it: tried again, until the time is over that it would have had there.
    private void Outlive(int number)
    {
        ref var flow = ref _store[number];
        if (flow.WaitsUntil != default)
            return;
        if (_now >= flow.KernelUntil)
            Forget(number);
        else if (IsPortable(flow))
            Put(ref flow, Seconds(flow.KernelUntil - _now) + 1);
    }

    private void MakeLiberalSlice()
    {
        if (_liberalCursor < 0)
            return;
        var count = 0;
        for (; _liberalCursor < _store.High && count < LiberalAtOnce; _liberalCursor++)
        {
            ref var flow = ref _store[_liberalCursor];
            if (flow is { IsLive: true, InKernel: true } && flow.Entry.HasTcp)
                _liberal[count++] = flow.Entry.Original;
        }
        if (count > 0)
            _table.MakeLiberal(_liberal.AsSpan(0, count));
        if (_liberalCursor >= _store.High)
            _liberalCursor = -1;
    }
}
