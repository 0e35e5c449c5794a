using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Redoubt.Lab.Traffic;

/// <summary>Waits for absolute moments of the monotonic clock without spinning; late work catches up instead of drifting.</summary>
internal static partial class Pacing
{
    private const int CLOCK_MONOTONIC = 1;
    private const int TIMER_ABSTIME = 1;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Nanoseconds of the monotonic clock, the clock <see cref="Stopwatch"/> reads.</summary>
    public static long Now => (long)(Stopwatch.GetTimestamp() * ((double)NanosecondsPerSecond / Stopwatch.Frequency));

    /// <summary>Sleeps until the moment (ns); returns at once when it has passed. A signal may end it early.</summary>
    public static void WaitUntil(long moment)
    {
        var time = new TimeSpec(moment / NanosecondsPerSecond, moment % NanosecondsPerSecond);
        _ = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, in time, 0);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct TimeSpec(long Seconds, long Nanoseconds);

    [LibraryImport("libc")]
    private static partial int clock_nanosleep(int clock, int flags, in TimeSpec request, nint remain);
}
