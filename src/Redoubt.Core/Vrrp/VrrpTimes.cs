namespace Redoubt.Core.Vrrp;

/// <summary>The formulas of RFC 3768 and RFC 5798 section 6.1, in whole microseconds, truncated.</summary>
public static class VrrpTimes
{
    private const int SkewSteps = 256;

    /// <summary>How much later than a better one a router takes over: (256 − priority)/256 of a second in version 2, of the interval in version 3.</summary>
    public static TimeSpan Skew(byte version, byte priority, TimeSpan interval)
    {
        var unit = version == 2 ? 1_000_000 : Micro(interval);
        return Micro((SkewSteps - priority) * unit / SkewSteps);
    }

    /// <summary>How long a backup waits. <paramref name="interval"/> is the master's in version 3.</summary>
    public static TimeSpan MasterDown(byte version, byte priority, TimeSpan interval, byte downAdverts = 3) =>
        Micro((downAdverts * Micro(interval))) + Skew(version, priority, interval);

    /// <summary>
    /// How long the kernel may answer for the addresses after an advertisement was sent. Whoever heard only the one before it takes over one
    /// interval earlier than three after this one; the head start of the best backup, 1/256, is left as a margin.
    /// </summary>
    public static TimeSpan Lease(TimeSpan interval) => 2 * interval;

    /// <summary>
    /// The priority as it is advertised and compared: a demotion is taken off, and 1 to 254 are left. 0 would say that this router leaves, and 255
    /// belongs to an owner that is not demoted.
    /// </summary>
    public static byte EffectivePriority(byte priority, int demotion) =>
        demotion == 0 || (priority == VrrpHostOptions.OwnerPriority && demotion < 0)
            ? priority
            : (byte)Math.Clamp((long)priority - demotion, 1, VrrpHostOptions.PriorityLimit);

    private static long Micro(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    private static TimeSpan Micro(long microseconds) => TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond);
}
