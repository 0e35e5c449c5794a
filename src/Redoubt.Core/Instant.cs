namespace Redoubt.Core;

/// <summary>
/// A point on the machine's boot-time clock (CLOCK_BOOTTIME), in nanoseconds since boot.
/// The core is told the time with every call; it never asks.
/// </summary>
/// <param name="Nanoseconds">Nanoseconds since boot. The clock keeps counting while the machine is suspended.</param>
public readonly record struct Instant(long Nanoseconds) : IComparable<Instant>
{
    /// <summary>Later than every real instant: a timer that is not armed.</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>The instant of boot; earlier than every real instant.</summary>
    public static readonly Instant Zero = new(0);

    /// <summary>The earlier of two instants.</summary>
    public static Instant Earlier(Instant a, Instant b) => a < b ? a : b;

    /// <inheritdoc />
    public int CompareTo(Instant other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>Adds a span; <see cref="Never"/> stays <see cref="Never"/>, and the sum saturates there.</summary>
    public static Instant operator +(Instant instant, TimeSpan span)
    {
        if (instant == Never)
            return Never;
        var sum = (Int128)instant.Nanoseconds + ((Int128)span.Ticks * 100);
        return sum >= long.MaxValue ? Never : new Instant((long)sum);
    }

    /// <summary>Goes back by a span; <see cref="Never"/> stays <see cref="Never"/>.</summary>
    public static Instant operator -(Instant instant, TimeSpan span) => instant + span.Negate();

    /// <summary>The time from <paramref name="earlier"/> to <paramref name="later"/>, in steps of 100 ns; a distance to
    /// <see cref="Never"/> is <see cref="TimeSpan.MaxValue"/>.</summary>
    public static TimeSpan operator -(Instant later, Instant earlier) =>
        later == Never ? TimeSpan.MaxValue : new TimeSpan((later.Nanoseconds - earlier.Nanoseconds) / 100);

    /// <summary>True when <paramref name="a"/> is before <paramref name="b"/>.</summary>
    public static bool operator <(Instant a, Instant b) => a.Nanoseconds < b.Nanoseconds;

    /// <summary>True when <paramref name="a"/> is after <paramref name="b"/>.</summary>
    public static bool operator >(Instant a, Instant b) => a.Nanoseconds > b.Nanoseconds;

    /// <summary>True when <paramref name="a"/> is not after <paramref name="b"/>.</summary>
    public static bool operator <=(Instant a, Instant b) => a.Nanoseconds <= b.Nanoseconds;

    /// <summary>True when <paramref name="a"/> is not before <paramref name="b"/>.</summary>
    public static bool operator >=(Instant a, Instant b) => a.Nanoseconds >= b.Nanoseconds;

    /// <inheritdoc />
    public override string ToString() => this == Never ? "never" : FormattableString.Invariant($"{Nanoseconds / 1e9:F6}s");
}
