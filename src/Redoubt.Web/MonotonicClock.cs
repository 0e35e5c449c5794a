using System.Diagnostics;
using Redoubt.Core;

namespace Redoubt.Web;

/// <summary>The time for waits and back-offs; it stands still while the machine is suspended, which none of them minds.</summary>
internal static class MonotonicClock
{
    /// <summary>Now.</summary>
    public static Instant Now => new((long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency)));
}
