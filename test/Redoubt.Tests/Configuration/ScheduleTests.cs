using Redoubt.Core.Configuration;

namespace Redoubt.Tests.Configuration;

public class ScheduleTests
{
    private static readonly Schedule Office = Read(
        "<position>1,2,3,4,5</position><hour>8:00-17:59</hour>",
        "<month>12,12</month><day>24,31</day><hour>8:00-12:00</hour>"
    );

    [Theory]
    [InlineData("2026-11-23T08:00", true)] // a Monday
    [InlineData("2026-11-23T17:59", true)]
    [InlineData("2026-11-23T18:00", false)]
    [InlineData("2026-11-23T07:59", false)]
    [InlineData("2026-11-22T09:00", false)] // a Sunday
    [InlineData("2028-12-24T09:00", true)] // a Sunday that has a date of its own
    [InlineData("2028-12-24T12:00", false)]
    public void A_schedule_is_active_in_its_ranges(string time, bool active) =>
        Assert.Equal(active, Office.IsActive(DateTime.Parse(time, null)));

    [Theory]
    [InlineData("2026-11-23T07:00", "2026-11-23T08:00")]
    [InlineData("2026-11-23T08:00", "2026-11-23T18:00")]
    [InlineData("2026-11-27T18:00", "2026-11-30T08:00")] // Friday evening to Monday
    public void The_next_change_is_the_next_edge(string time, string next) =>
        Assert.Equal(DateTime.Parse(next, null), Office.NextChange(DateTime.Parse(time, null)));

    [Fact]
    public void A_schedule_of_the_whole_week_changes_at_most_once_a_year()
    {
        var always = Read("<position>1,2,3,4,5,6,7</position><hour>0:00-23:59</hour>");
        var time = new DateTime(2026, 3, 1, 12, 0, 0);

        Assert.True(always.IsActive(time));
        Assert.True(always.NextChange(time) > time.AddDays(300));
    }

    [Fact]
    public void Between_two_changes_nothing_changes()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var time = new DateTime(2026, 1, 1).AddMinutes(random.Next(525_600));
            var next = Office.NextChange(time);
            var between = time.AddTicks((long)((next - time).Ticks * random.NextDouble() * 0.999));
            Assert.Equal(Office.IsActive(time), Office.IsActive(between));
            Assert.NotEqual(Office.IsActive(time), Office.IsActive(next));
        }
    }

    [Theory]
    [InlineData("<position>8</position><hour>8:00-9:00</hour>", "is no weekday")]
    [InlineData("<position>1</position><hour>9:00-8:00</hour>", "is no time range")]
    [InlineData("<position>1</position><hour>8-9</hour>", "is no time range")]
    [InlineData("<position>1</position><hour>8:00-24:30</hour>", "is no time range")]
    [InlineData("<month>1,2</month><day>1</day><hour>8:00-9:00</hour>", "not equally many")]
    [InlineData("<month>13</month><day>1</day><hour>8:00-9:00</hour>", "is no date")]
    [InlineData("<hour>8:00-9:00</hour>", "the days are missing")]
    public void A_wrong_range_is_named(string range, string says) =>
        Assert.Contains(Result(range).Errors, p => p.Message.Contains(says, StringComparison.Ordinal));

    private static Schedule Read(params string[] ranges) => Result(ranges).Configuration!.Schedules[0];

    private static ConfigurationResult Result(params string[] ranges) =>
        ConfigVectors.Read(
            ConfigVectors
                .Text("good/pair.xml")
                .Replace(
                    "</pfsense>",
                    $"<schedules><schedule><name>s</name>{string.Concat(ranges.Select(r => $"<timerange>{r}</timerange>"))}</schedule></schedules></pfsense>",
                    StringComparison.Ordinal
                )
        );
}
