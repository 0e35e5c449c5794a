using Redoubt.Core;
using Redoubt.Daemon.StateSync;

namespace Redoubt.Tests.StateSync;

public sealed class CapacityWatchTests
{
    [Fact]
    public void An_alarm_is_raised_once_and_is_over_when_a_walk_passed_without_a_refusal()
    {
        var watch = new CapacityWatch(TimeSpan.FromSeconds(10));
        List<bool> told = [];
        void Alarm(string id, string? text) => told.Add(text is not null);
        var now = new Instant(1_000_000_000);
        watch.Look(now, 0, Alarm);
        Assert.Empty(told);
        watch.Look(now, 5, Alarm);
        watch.Look(now + TimeSpan.FromSeconds(10), 9, Alarm);
        Assert.Equal([true], told);
        watch.Look(now + TimeSpan.FromSeconds(24), 9, Alarm);
        Assert.Equal([true], told);
        watch.Look(now + TimeSpan.FromSeconds(25), 9, Alarm);
        Assert.Equal([true, false], told);
        watch.Look(now + TimeSpan.FromSeconds(26), 10, Alarm);
        watch.Clear(Alarm);
        watch.Clear(Alarm);
        Assert.Equal([true, false, true, false], told);
    }
}
