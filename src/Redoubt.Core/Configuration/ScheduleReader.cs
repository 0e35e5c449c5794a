using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads schedules/schedule.</summary>
internal sealed class ScheduleReader(Problems problems)
{
    public ImmutableArray<Schedule> Read(ConfigElement? section)
    {
        var schedules = ImmutableArray.CreateBuilder<Schedule>();
        var names = new HashSet<string>();
        var entries = section?.All("schedule").ToList() ?? [];
        if (entries.Count > ConfigurationLimits.Schedules)
            problems.Error(section!, "there are too many schedules", "at most 1000");
        foreach (var entry in entries.Take(ConfigurationLimits.Schedules))
        {
            var name = entry.Value("name", problems);
            if (name.Length is 0 or > 64)
                problems.Error(entry.First("name") ?? entry, $"{Quote(name)} is no name of a schedule", "up to 64 characters");
            else if (!names.Add(name))
                problems.Error(entry.First("name")!, $"schedule {Quote(name)} occurs more than once", "another name");
            else
                schedules.Add(new Schedule(name, Ranges(entry)));
        }
        return schedules.ToImmutable();
    }

    private ImmutableArray<ScheduleRange> Ranges(ConfigElement entry)
    {
        var ranges = ImmutableArray.CreateBuilder<ScheduleRange>();
        foreach (var element in entry.All("timerange").Take(ConfigurationLimits.ScheduleRanges))
        {
            var hours = Hours(element);
            var days = Weekdays(element);
            var dates = Dates(element);
            if (hours is null || days is null || dates is null)
                continue;
            if (days == 0 && dates.Value.IsEmpty)
                problems.Error(element, "the days are missing", "weekdays in <position>, or <month> and <day>");
            else
                ranges.Add(new ScheduleRange(days.Value, dates.Value, hours.Value.Start, hours.Value.End));
        }
        return ranges.ToImmutable();
    }

    // Ends are written as 17:59 for "until six": the last minute of an hour belongs to the range.
    private (int Start, int End)? Hours(ConfigElement range)
    {
        var element = range.Single("hour", problems);
        var text = element?.Value(problems) ?? "";
        var parts = text.Split('-');
        if (parts.Length == 2 && Minute(parts[0]) is { } start && Minute(parts[1]) is { } end)
        {
            end = end % 60 == 59 ? end + 1 : end;
            if (start < end)
                return (start, end);
        }
        problems.Error(element ?? range, $"{Quote(text)} is no time range", "h:mm-h:mm, the earlier first");
        return null;
    }

    private static int? Minute(string text)
    {
        var parts = text.Trim().Split(':');
        if (parts.Length != 2 || !Small(parts[0], 0, 24, out var hour) || !Small(parts[1], 0, 59, out var minute))
            return null;
        return hour < 24 || minute == 0 ? (hour * 60) + minute : null;
    }

    private int? Weekdays(ConfigElement range)
    {
        var element = range.Single("position", problems);
        var days = 0;
        foreach (var text in Split(element))
        {
            if (!Small(text, 1, 7, out var day))
            {
                problems.Error(element!, $"{Quote(text)} is no weekday", "1 (Monday) to 7 (Sunday)");
                return null;
            }
            days |= 1 << (day - 1);
        }
        return days;
    }

    private ImmutableArray<(int Month, int Day)>? Dates(ConfigElement range)
    {
        var monthElement = range.Single("month", problems);
        var months = Split(monthElement);
        var days = Split(range.Single("day", problems));
        if (months.Length != days.Length)
        {
            problems.Error(monthElement ?? range, "months and days are not equally many", "a month for each day");
            return null;
        }
        var dates = ImmutableArray.CreateBuilder<(int, int)>();
        for (var i = 0; i < months.Length; i++)
        {
            if (!Small(months[i], 1, 12, out var month) || !Small(days[i], 1, 31, out var day))
            {
                problems.Error(monthElement!, $"{Quote(months[i] + "/" + days[i])} is no date", "month 1 to 12, day 1 to 31");
                return null;
            }
            dates.Add((month, day));
        }
        return dates.ToImmutable();
    }

    private string[] Split(ConfigElement? element) =>
        (element?.Value(problems) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static bool Small(string text, int min, int max, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= min && number <= max;
}
