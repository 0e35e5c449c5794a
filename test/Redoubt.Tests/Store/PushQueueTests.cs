using Redoubt.Control;
using Redoubt.Daemon.Configuration;
using Redoubt.Daemon.Control;

namespace Redoubt.Tests.Store;

public sealed class PushQueueTests : IDisposable
{
    private readonly ManualTime _clock = new();
    private readonly PushQueue _queue;

    public PushQueueTests() => _queue = new PushQueue(_clock);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void A_change_after_a_quiet_time_is_pushed_at_once()
    {
        using var follower = _queue.Attach()!;
        _queue.Want("first");
        _queue.Turn();
        End(Taken(follower)!);
        _clock.Pass(2);
        _queue.Want("second");
        _queue.Turn();

        Assert.Equal("second", Taken(follower)!.Reason);
    }

    [Fact]
    public void Changes_that_follow_closely_on_a_push_are_one_push_together()
    {
        using var follower = _queue.Attach()!;
        _queue.Want("first");
        _queue.Turn();
        End(Taken(follower)!);
        for (var i = 0; i < 3; i++)
        {
            _clock.Pass(0.4);
            _queue.Want($"edit {i}");
            Assert.InRange(_queue.Turn(), TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(1));
            Assert.Null(Taken(follower));
        }
        _clock.Pass(1);
        _queue.Turn();

        Assert.Equal("edit 2", Taken(follower)!.Reason);
        Assert.Equal(Timeout.InfiniteTimeSpan, _queue.Turn());
        Assert.Null(Taken(follower));
    }

    [Fact]
    public void Somebody_who_never_stops_editing_is_pushed_nevertheless()
    {
        using var follower = _queue.Attach()!;
        _queue.Want("first");
        _queue.Turn();
        End(Taken(follower)!);
        PushWanted? pushed = null;
        var seconds = 0.0;
        while (pushed is null && seconds < 20)
        {
            _clock.Pass(0.5);
            seconds += 0.5;
            _queue.Want("again");
            _queue.Turn();
            pushed = Taken(follower);
        }

        Assert.NotNull(pushed);
        Assert.InRange(seconds, 5, 6);
    }

    [Fact]
    public void One_is_under_way_at_a_time()
    {
        using var follower = _queue.Attach()!;
        _queue.Want("first");
        _queue.Turn();
        var first = Taken(follower)!;
        _clock.Pass(3);
        _queue.Want("second");
        _queue.Turn();
        Assert.Null(Taken(follower));

        End(first);
        _queue.Turn();

        Assert.Equal("second", Taken(follower)!.Reason);
    }

    [Fact]
    public void What_is_wanted_while_nobody_pushes_waits_until_somebody_does()
    {
        _queue.Want("early");
        Assert.Equal(Timeout.InfiniteTimeSpan, _queue.Turn());

        using var follower = _queue.Attach()!;
        Assert.Null(_queue.Attach());
        _queue.Turn();

        Assert.Equal("early", Taken(follower)!.Reason);
    }

    private void End(PushWanted push) =>
        _queue.Ended(
            new ConfigPushResult
            {
                Id = push.Id,
                Peer = "192.0.2.2",
                Ok = true,
            }
        );

    private static PushWanted? Taken(PushSubscription follower) => follower.Reader.TryRead(out var push) ? push : null;
}
