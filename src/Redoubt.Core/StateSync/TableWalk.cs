namespace Redoubt.Core.StateSync;

/// <summary>Takes an entry that a walk came by.</summary>
internal delegate void EntryMet(in ConntrackEntry entry);

/// <summary>
/// Walks over the whole table of connections once per period, in slices, and then over what its owner holds: for refreshes make no news, and news may be lost. An
/// urgent walk runs slice upon slice; the usual one is spread over the period.
/// </summary>
/// <param name="table">The table.</param>
/// <param name="period">From the start of a walk to that of the next.</param>
/// <param name="meet">Takes each entry of the table.</param>
/// <param name="sweep">Takes the number of each thing that the owner holds, after the last entry.</param>
/// <param name="high">Above the last such number.</param>
internal sealed class TableWalk(IStateTable table, TimeSpan period, EntryMet meet, Action<int> sweep, Func<int> high)
{
    private const int SliceEntries = 512;
    private static readonly TimeSpan _sliceInterval = TimeSpan.FromMilliseconds(20);

    private readonly ConntrackEntry[] _slice = new ConntrackEntry[SliceEntries];
    private bool _isWalking;
    private int _sweepCursor = -1;
    private Instant _started;

    /// <summary>Which walk this is, from 1.</summary>
    public uint Number { get; private set; }

    /// <summary>It runs without a pause.</summary>
    public bool IsUrgent { get; private set; }

    /// <summary>The table was seen whole once.</summary>
    public bool IsTableKnown { get; private set; }

    /// <summary>When the next slice is due.</summary>
    public Instant Next { get; private set; }

    /// <summary>Starts from the beginning, leaving a walk that is under way.</summary>
    public void Start(Instant now, bool isUrgent)
    {
        Number++;
        IsUrgent = isUrgent;
        _isWalking = true;
        _sweepCursor = -1;
        _started = Next = now;
        table.BeginScan();
    }

    /// <summary>Does the slices that are due; true where a walk came to its end.</summary>
    public bool Turn(Instant now)
    {
        if (now < Next)
            return false;
        if (!_isWalking && _sweepCursor < 0)
        {
            Start(now, isUrgent: false);
            return false;
        }
        var slices = 1 + (int)(IsUrgent ? 3 : 2L * high() * _sliceInterval.Ticks / (period.Ticks * SliceEntries));
        while (slices-- > 0 && (_isWalking || _sweepCursor >= 0))
        {
            if (_isWalking)
                WalkSlice();
            else
                SweepSlice();
        }
        if (_isWalking || _sweepCursor >= 0)
        {
            Next = IsUrgent ? now : now + _sliceInterval;
            return false;
        }
        IsUrgent = false;
        Next = _started + period;
        if (Next < now)
            Next = now;
        return true;
    }

    private void WalkSlice()
    {
        var count = table.Scan(_slice);
        for (var i = 0; i < count; i++)
            meet(_slice[i]);
        if (count > 0)
            return;
        _isWalking = false;
        IsTableKnown = true;
        _sweepCursor = 0;
    }

    private void SweepSlice()
    {
        var end = Math.Min(high(), _sweepCursor + SliceEntries);
        // What is done with one may start a walk anew.
        for (var walk = Number; _sweepCursor < end && walk == Number; _sweepCursor++)
            sweep(_sweepCursor);
        if (_sweepCursor >= high())
            _sweepCursor = -1;
    }
}
