using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>One time range of a schedule: days, and hours of each of them.</summary>
/// <param name="Weekdays">Bit 0 is Monday, bit 6 Sunday; 0 where <paramref name="Dates"/> says the days.</param>
/// <param name="Dates">Month (1..12) and day of the month (1..31) of every year.</param>
/// <param name="Start">First minute of the day, 0..1439.</param>
/// <param name="End">Minute of the day at which it ends, 1..1440.</param>
public sealed record ScheduleRange(int Weekdays, ImmutableArray<(int Month, int Day)> Dates, int Start, int End)
{
    /// <summary>Whether it takes in that minute of local time.</summary>
    public bool Contains(DateTime local) => IsOn(local) && MinuteOf(local) >= Start && MinuteOf(local) < End;

    /// <summary>Whether that day is one of its days.</summary>
    public bool IsOn(DateTime day) => (Weekdays >> (((int)day.DayOfWeek + 6) % 7) & 1) != 0 || Dates.Contains((day.Month, day.Day));

    private static int MinuteOf(DateTime local) => (local.Hour * 60) + local.Minute;
}

/// <summary>schedules/schedule: the times at which rules exist, in the node's local time.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Ranges">Active in any of them.</param>
public sealed record Schedule(string Name, ImmutableArray<ScheduleRange> Ranges)
{
    // A range on a date comes once a year; who asks again after that long misses nothing.
    private const int Horizon = 366;

    /// <summary>Whether rules of this schedule exist at that local time.</summary>
    public bool IsActive(DateTime local) => Ranges.Any(r => r.Contains(local));

    /// <summary>The next local time after <paramref name="local"/> at which that may be different; at most a year ahead.</summary>
    public DateTime NextChange(DateTime local)
    {
        var now = IsActive(local);
        for (var ahead = 0; ahead <= Horizon; ahead++)
        {
            var day = local.Date.AddDays(ahead);
            var edges = Ranges.Where(r => r.IsOn(day)).SelectMany(r => new[] { r.Start, r.End }).Append(0).Distinct().Order();
            foreach (var edge in edges.Select(m => day.AddMinutes(m)).Where(e => e > local))
            {
                if (IsActive(edge) != now)
                    return edge;
            }
        }
        return local.Date.AddDays(Horizon);
    }
}
