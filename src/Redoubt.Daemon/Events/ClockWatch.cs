using System.Globalization;
using Redoubt.Control;
using Redoubt.Core;

namespace Redoubt.Daemon.Events;

/// <summary>
/// Marks in the log where the wall clock was set: the times of events before and after it cannot be compared. Nothing that the node decides about roles or leases asks that
/// clock. Owned by one thread, which looks about once a second; clocks that are slewed, as by NTP, do not jump.
/// </summary>
internal sealed class ClockWatch(EventLog events, TimeProvider? clock = null)
{
    /// <summary>How far the clock has to go from one look to the next; NTP steps from 128 ms on, and slews by half a millisecond a second.</summary>
    public static readonly TimeSpan Jump = TimeSpan.FromSeconds(1);

    /// <summary>Between two events; what comes meanwhile is told as one.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private DateTimeOffset _bootTime; // by the wall clock at the last look
    private Instant _tellAt = Instant.Zero;
    private TimeSpan _untold;
    private int _jumps;
    private bool _looked;

    /// <summary>Compares the wall clock with the clock since boot.</summary>
    public void Look(Instant now)
    {
        var bootTime = _clock.GetUtcNow() - (now - Instant.Zero);
        var jump = bootTime - _bootTime;
        _bootTime = bootTime;
        if (_looked && jump.Duration() >= Jump)
        {
            _untold += jump;
            _jumps++;
        }
        _looked = true;
        if (_jumps == 0 || now < _tellAt)
            return;
        events.Add(EventKind.Clock, Text());
        (_untold, _jumps, _tellAt) = (TimeSpan.Zero, 0, now + Pause);
    }

    private string Text()
    {
        var sum = string.Create(
            CultureInfo.InvariantCulture,
            $"{(_untold < TimeSpan.Zero ? "back" : "forward")} by {_untold.Duration():d\\.hh\\:mm\\:ss}"
        );
        return _jumps == 1
            ? $"the wall clock was set {sum}: times of events before and after this one cannot be compared"
            : $"the wall clock was set {_jumps} times, in sum {sum}: times of the last events cannot be compared";
    }
}
