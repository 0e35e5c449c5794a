using Redoubt.Control;
using Redoubt.Daemon.Events;

namespace Redoubt.Tests.Events;

public sealed class AlarmBoardTests : IDisposable
{
    private readonly EventLog _events = new(null);

    public void Dispose() => _events.Dispose();

    [Fact]
    public void Health_is_that_of_the_worst_alarm_and_returns_when_all_are_cleared()
    {
        var board = new AlarmBoard(_events);
        Assert.Equal(Health.Healthy, board.Health);
        Assert.Empty(board.Reasons);

        board.Raise("a", "something is less than it should be");
        Assert.Equal(Health.Degraded, board.Health);

        board.Raise("b", "nothing works", AlarmSeverity.Failed);
        Assert.Equal(Health.Failed, board.Health);
        Assert.Equal(["nothing works", "something is less than it should be"], board.Reasons);

        board.Clear("b");
        board.Clear("a");
        Assert.Equal(Health.Healthy, board.Health);
    }

    [Fact]
    public void Raising_again_replaces_the_text_without_another_event()
    {
        var board = new AlarmBoard(_events);

        board.Raise("a", "first");
        board.Raise("a", "second");
        board.Clear("a");
        board.Clear("a");

        Assert.Equal([("a", "raised"), ("a", "cleared")], _events.Snapshot().Select(e => (e.Alarm!, e.To!)));
    }

    [Fact]
    public void A_flapping_alarm_does_not_wash_out_the_log()
    {
        var board = new AlarmBoard(_events);

        for (var i = 0; i < 10_000; i++)
        {
            board.Raise("a", "x");
            board.Clear("a");
        }

        Assert.InRange(_events.Snapshot().Count, 2, 3 * AlarmBoard.EventsPerMinute);
    }

    [Fact]
    public void More_alarms_than_can_be_kept_are_counted_and_shown_as_one()
    {
        var board = new AlarmBoard(_events);

        for (var i = 0; i < AlarmBoard.Limit + 5; i++)
            board.Raise($"a{i}", "x");

        Assert.Equal(AlarmBoard.Limit, board.Active.Length);
        Assert.Equal(5, board.Overflow);
        Assert.Contains("5 more", board.Reasons[^1], StringComparison.Ordinal);
    }
}
