namespace Redoubt.Core.Carp;

/// <summary>The formulas of carp.md section 5, in whole microseconds as BSD truncates them.</summary>
public static class CarpTimes
{
    /// <summary>The largest advskew FreeBSD puts on the wire.</summary>
    public const byte SkewLimit = 240;

    private const long Second = 1_000_000;

    /// <summary>advbase seconds and advskew/256 s.</summary>
    public static TimeSpan Interval(byte advBase, byte advSkew) => Micro((advBase * Second) + Skew(advSkew));

    /// <summary>How often a node of this flavour advertises; OpenBSD makes 1/256 s of 0/0.</summary>
    public static TimeSpan AdvertInterval(CarpFlavour flavour, byte advBase, byte advSkew) =>
        flavour == CarpFlavour.OpenBsd && advBase == 0 && advSkew == 0 ? Micro(Skew(1)) : Interval(advBase, advSkew);

    /// <summary>How long a node waits for the master before it takes over. <paramref name="advSkew"/> is the configured one.</summary>
    public static TimeSpan MasterDown(CarpFlavour flavour, byte advBase, byte advSkew, byte deadRatio = 3) =>
        flavour switch
        {
            CarpFlavour.OpenBsd when advBase == 0 => Micro(3 * Skew(advSkew == 0 ? (byte)1 : advSkew)),
            CarpFlavour.Ucarp => Micro((deadRatio * advBase * Second) + Skew(advSkew)),
            _ => Micro((3 * advBase * Second) + Skew(advSkew)),
        };

    /// <summary>advskew as it is advertised and compared, with the demotion in it.</summary>
    public static byte EffectiveSkew(CarpFlavour flavour, byte advSkew, int demotion) =>
        flavour switch
        {
            CarpFlavour.FreeBsd => (byte)Math.Clamp((long)advSkew + demotion, 0, SkewLimit),
            CarpFlavour.Ucarp when demotion > 0 => Math.Max(advSkew, SkewLimit),
            _ => advSkew,
        };

    /// <summary>
    /// How long the kernel may answer for the addresses after an advertisement was sent: shorter than any peer with the same
    /// advbase waits (3 advbase), longer than the interval.
    /// </summary>
    public static TimeSpan Lease(byte advBase, TimeSpan interval)
    {
        var left = TimeSpan.FromSeconds(3 * advBase) - interval;
        var least = interval + (TimeSpan.FromSeconds(advBase) / 2);
        return left > least ? left : least;
    }

    private static long Skew(byte advSkew) => advSkew * Second / 256;

    private static TimeSpan Micro(long microseconds) => TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond);
}
