using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// Packets make no news. So the whole table is walked once per period, in slices: own flows that peers would drop are told again, flows that no
// news told of are found, and what was not met is looked up singly before it counts as gone.
public sealed partial class PlainPfsyncEngine
{
    private const int SliceEntries = 512;
    private const int LiberalAtOnce = 1024;
    private static readonly TimeSpan _sliceInterval = TimeSpan.FromMilliseconds(20);

    // Between two looks at a timeout: what differs by more was moved by a packet.
    private const double TimeoutSlack = 3;

    private readonly ConntrackEntry[] _slice = new ConntrackEntry[SliceEntries];
    private readonly ConntrackTuple[] _liberal = new ConntrackTuple[LiberalAtOnce];
    private uint _scan;
    private bool _isUrgent;
    private bool _isTableKnown;
    private bool _isWalking;
    private bool _isLeaving;
    private int _sweepCursor = -1;
    private int _liberalCursor = -1;
    private Instant _scanStarted;
    private Instant _nextScanSlice;

    private void StartScan(bool isUrgent)
    {
        _scan++;
        _isUrgent = isUrgent;
        _isWalking = true;
        _sweepCursor = -1;
        _scanStarted = _nextScanSlice = _now;
        _table.BeginScan();
    }

    private void ScanSlice()
    {
        if (_now < _nextScanSlice)
            return;
        if (!_isWalking && _sweepCursor < 0)
        {
            StartScan(isUrgent: false);
            return;
        }
        // An urgent walk runs slice upon slice; the usual one spreads what the store holds over the period.
        var slices = 1 + (int)(_isUrgent ? 3 : 2L * _store.High * _sliceInterval.Ticks / (_options.ScanPeriod.Ticks * SliceEntries));
        while (slices-- > 0 && (_isWalking || _sweepCursor >= 0))
        {
            if (_isWalking)
                WalkSlice();
            else
                SweepSlice();
        }
        if (_isWalking || _sweepCursor >= 0)
        {
            _nextScanSlice = _isUrgent ? _now : _now + _sliceInterval;
            return;
        }
        Counters.Scans++;
        _isUrgent = _isLeaving = false;
        _nextScanSlice = _scanStarted + _options.ScanPeriod;
        if (_nextScanSlice < _now)
            _nextScanSlice = _now;
    }

    private void WalkSlice()
    {
        var count = _table.Scan(_slice);
        for (var i = 0; i < count; i++)
            Meet(_slice[i]);
        if (count > 0)
            return;
        _isWalking = false;
        _isTableKnown = true;
        _sweepCursor = 0;
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
        flow.SeenInScan = _scan;
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

    private void SweepSlice()
    {
        var end = Math.Min(_store.High, _sweepCursor + SliceEntries);
        for (; _sweepCursor < end; _sweepCursor++)
        {
            if (_store[_sweepCursor] is { IsLive: true, InKernel: true } && _store[_sweepCursor].SeenInScan != _scan)
                Miss(_sweepCursor);
            else if (_store[_sweepCursor] is { IsLive: true, InKernel: false })
                Outlive(_sweepCursor);
        }
        if (_sweepCursor >= _store.High)
            _sweepCursor = -1;
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
