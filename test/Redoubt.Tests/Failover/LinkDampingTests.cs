using Redoubt.Core;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public class LinkDampingTests
{
    private readonly LinkDamping _link = new();
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    public LinkDampingTests() => _link.OnCarrier(true, _now);

    private void Flap(TimeSpan down, TimeSpan up)
    {
        _link.OnCarrier(false, _now);
        Assert.False(_link.IsUsable);
        _now += down;
        _link.OnCarrier(true, _now);
        _now += up;
        _link.OnTurn(_now);
    }

    private static TimeSpan Ms(int ms) => TimeSpan.FromMilliseconds(ms);

    [Fact]
    public void A_link_that_returns_once_or_twice_counts_at_once()
    {
        for (var i = 0; i < 2; i++)
        {
            Flap(Ms(50), TimeSpan.Zero);
            Assert.True(_link.IsUsable);
            Assert.Equal(Instant.Never, _link.Deadline);
        }
    }

    [Fact]
    public void The_third_loss_in_ten_seconds_keeps_it_out_until_it_stays_for_a_second()
    {
        for (var i = 0; i < 300; i++)
        {
            Flap(Ms(50), Ms(50));
            Assert.Equal(i < 2, _link.IsUsable);
        }
        _now += Ms(949);
        _link.OnTurn(_now);
        Assert.True(_link.IsFlapping);
        _now += Ms(1);
        Assert.Equal(_now, _link.Deadline);
        _link.OnTurn(_now);
        Assert.True(_link.IsUsable);
        Assert.False(_link.IsFlapping);
    }

    [Fact]
    public void Losses_that_are_far_between_never_make_it_flap()
    {
        for (var i = 0; i < 100; i++)
        {
            Flap(Ms(50), TimeSpan.FromSeconds(5));
            Assert.True(_link.IsUsable);
        }
    }

    [Fact]
    public void News_that_says_nothing_new_is_no_loss()
    {
        for (var i = 0; i < 10; i++)
            _link.OnCarrier(true, _now);
        _link.OnCarrier(false, _now);
        for (var i = 0; i < 10; i++)
            _link.OnCarrier(false, _now);
        _link.OnCarrier(true, _now);
        Assert.True(_link.IsUsable);
    }

    [Fact]
    public void A_link_that_was_never_there_has_not_been_lost()
    {
        var link = new LinkDamping();
        link.OnCarrier(false, _now);
        Assert.False(link.IsUsable);
        link.OnCarrier(true, _now);
        Assert.True(link.IsUsable);
    }
}
