using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Daemon.Events;
using Redoubt.Tests.Store;

namespace Redoubt.Tests.Events;

/// <summary>F-14: a wall clock that is set is marked in the log.</summary>
public sealed class ClockWatchTests : IDisposable
{
    private readonly EventLog _events = new(null);
    private readonly ManualTime _wall = new();
    private readonly ClockWatch _watch;
    private Instant _boot = Instant.Zero + TimeSpan.FromHours(5);

    public ClockWatchTests()
    {
        _watch = new ClockWatch(_events, _wall);
        Pass(5);
    }

    public void Dispose() => _events.Dispose();

    // Both clocks go on, and the node looks once a second.
    private void Pass(int seconds, double driftPerSecond = 0)
    {
        for (var i = 0; i < seconds; i++)
        {
            _boot += TimeSpan.FromSeconds(1);
            _wall.Pass(1 + driftPerSecond);
            _watch.Look(_boot);
        }
    }

    private string[] Told => [.. _events.Snapshot().Where(e => e.Kind == EventKind.Clock).Select(e => e.Message)];

    [Theory]
    [InlineData(86_400, "forward by 1.00:00:00")]
    [InlineData(-86_400, "back by 1.00:00:00")]
    [InlineData(1.5, "forward by 0.00:00:01")]
    public void A_jump_is_told_once_with_its_direction(double seconds, string text)
    {
        _wall.Pass(seconds);
        Pass(120);
        Assert.Contains(text, Assert.Single(Told), StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_jumps_to_and_fro_is_told_once_a_minute()
    {
        for (var i = 0; i < 300; i++)
        {
            _wall.Pass(i % 2 == 0 ? 86_400 : -86_400);
            Pass(1);
        }
        Assert.Equal(5, Told.Length);
        Assert.Contains("set 60 times", Told[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_clock_that_is_slewed_and_a_machine_that_slept_are_not_told()
    {
        Pass(3600, driftPerSecond: 0.1);
        _boot += TimeSpan.FromMinutes(10); // the clock since boot counts sleep, too
        _wall.Pass(600);
        Pass(10);
        Assert.Empty(Told);
    }
}
