using System.Collections.Concurrent;
using Redoubt.Control;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Systemd;

namespace Redoubt.Tests.Systemd;

public class WatchdogTests
{
    private static readonly object _node = new();
    private static readonly LoopPulse _before = new(_node, 10, 20);

    [Theory]
    [InlineData(11, 21L, null)]
    [InlineData(10, 21L, "the election")]
    [InlineData(11, 20L, "the state sync")]
    [InlineData(10, 20L, "the election")]
    [InlineData(11, null, null)]
    [InlineData(10, null, "the election")]
    public void A_loop_that_has_not_turned_stands_still(long election, long? stateSync, string? loop) =>
        Assert.Equal(
            loop,
            new LoopPulse(_node, election, stateSync).StandsStill(stateSync is null ? _before with { StateSync = null } : _before)
        );

    [Fact]
    public void Of_a_node_that_was_started_anew_nothing_is_known_yet() =>
        Assert.Null(new LoopPulse(new object(), 10, 20).StandsStill(_before));

    [Theory]
    [InlineData("30000000", null, 30.0)]
    [InlineData("30000000", "4711", 30.0)]
    [InlineData("30000000", "4712", null)]
    [InlineData("0", null, null)]
    [InlineData("-1", null, null)]
    [InlineData("soon", null, null)]
    [InlineData("99999999999999999999", null, null)]
    [InlineData("9000000000000000000", null, null)]
    [InlineData(null, null, null)]
    public void The_service_manager_says_how_often_and_to_whom(string? microseconds, string? process, double? seconds) =>
        Assert.Equal(seconds, SystemdNotification.ParseInterval(microseconds, process, self: 4711)?.TotalSeconds);

    [Fact]
    public void Only_while_both_loops_turn_the_service_manager_is_told_and_it_is_again_when_they_do()
    {
        using var events = new EventLog(null);
        var alarms = new AlarmBoard(events);
        using var told = new BlockingCollection<string>();
        var (turns, hangs) = (0L, false);
        using (
            var watchdog = new Watchdog(
                TimeSpan.FromMilliseconds(20),
                () => new LoopPulse(_node, Interlocked.Read(ref turns), null),
                () =>
                {
                    if (!Volatile.Read(ref hangs))
                        Interlocked.Increment(ref turns);
                },
                told.Add,
                alarms
            )
        )
        {
            watchdog.Start();
            Assert.Equal("WATCHDOG=1", Take(told));
            Volatile.Write(ref hangs, true);
            Assert.True(SpinWait.SpinUntil(() => alarms.Active.Length == 1, ControlDeadline));
            Assert.Contains("the election stands still", alarms.Active[0].Text, StringComparison.Ordinal);
            Assert.Equal(Health.Failed, alarms.Health);
            while (told.TryTake(out _))
            {
                // What was told before it hung.
            }
            Volatile.Write(ref hangs, false);
            Assert.Equal("WATCHDOG=1", Take(told));
            Assert.Empty(alarms.Active);
        }
    }

    private static readonly TimeSpan ControlDeadline = TimeSpan.FromSeconds(20);

    private static string? Take(BlockingCollection<string> told) => told.TryTake(out var text, ControlDeadline) ? text : null;
}
