using Redoubt.Core;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public class TimerHealthTests
{
    private static readonly TimeSpan _slack = TimeSpan.FromMilliseconds(60);
    private readonly TimerHealth _health = new();

    private static Instant At(double seconds) => new((long)(seconds * 1e9));

    [Fact]
    public void A_punctual_node_stays_as_it_is()
    {
        for (var i = 1; i < 1000; i++)
            _health.OnTick(TimeSpan.FromMilliseconds(20), _slack, At(i));

        Assert.Equal(HoldLevel.Profile, _health.Level);
        Assert.False(_health.IsSick(At(1000)));
    }

    [Fact]
    public void Four_late_ticks_in_a_minute_back_the_timers_off_and_five_good_minutes_bring_them_back()
    {
        _health.OnTick(TimeSpan.FromMilliseconds(40), _slack, At(1));
        _health.OnTick(TimeSpan.FromMilliseconds(40), _slack, At(2));
        _health.OnTick(TimeSpan.FromMilliseconds(40), _slack, At(3));
        Assert.Equal(HoldLevel.Profile, _health.Level);
        _health.OnTick(TimeSpan.FromMilliseconds(40), _slack, At(4));
        Assert.Equal(HoldLevel.Slow, _health.Level);

        _health.OnTick(TimeSpan.Zero, _slack, At(303));
        Assert.Equal(HoldLevel.Slow, _health.Level);
        _health.OnTick(TimeSpan.Zero, _slack, At(305));
        Assert.Equal(HoldLevel.Profile, _health.Level);
    }

    [Fact]
    public void Late_ticks_far_apart_do_not()
    {
        for (var i = 0; i < 20; i++)
            _health.OnTick(TimeSpan.FromMilliseconds(40), _slack, At(1 + (i * 100)));

        Assert.Equal(HoldLevel.Profile, _health.Level);
    }

    [Fact]
    public void One_sleep_beyond_the_lease_backs_off_at_once_and_a_long_one_makes_sick_for_a_while()
    {
        _health.OnTick(TimeSpan.FromMilliseconds(70), _slack, At(1));
        Assert.Equal(HoldLevel.Slow, _health.Level);
        Assert.False(_health.IsSick(At(1)));

        _health.OnTick(TimeSpan.FromSeconds(2), _slack, At(2));
        Assert.Equal(HoldLevel.Slowest, _health.Level);
        Assert.True(_health.IsSick(At(2)));
        Assert.False(_health.IsSick(At(8)));
    }

    [Fact]
    public void A_node_that_is_alone_cannot_be_late() =>
        Assert.Equal(
            HoldLevel.Profile,
            new Func<HoldLevel>(() =>
            {
                _health.OnTick(TimeSpan.FromSeconds(1), TimeSpan.MaxValue, At(1));
                return _health.Level;
            })()
        );
}
