using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux;

/// <summary>CLOCK_BOOTTIME: unlike .NET's own timestamp it keeps counting while the machine is suspended.</summary>
public static class BootClock
{
    /// <summary>Now, in nanoseconds since boot.</summary>
    public static unsafe Instant Now
    {
        get
        {
            LibC.TimeSpec time;
            LibC.ClockGetTime(LibC.CLOCK_BOOTTIME, &time);
            return new Instant((time.Seconds * 1_000_000_000) + time.Nanoseconds);
        }
    }
}
