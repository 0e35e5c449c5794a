using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.Failover;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Tests.Failover;

public class HoldPaceTests
{
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _hold = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan _alone = TimeSpan.FromSeconds(3);

    private readonly HoldPace _pace = new(_interval, _hold, _alone);

    private readonly HeartbeatSession _session = new(
        new HeartbeatOptions
        {
            Node = 1,
            Peers = [],
            Paths = ["lan"],
            Segments = 1,
            Groups = ["main"],
            Secret = new ClusterSecret(new byte[32]),
            Random = new byte[32],
        }
    );

    private static Instant At(double seconds) => new((long)(seconds * 1e9));

    [Theory]
    [InlineData(HoldLevel.Profile)]
    [InlineData(HoldLevel.Slow)]
    [InlineData(HoldLevel.Slowest)]
    public void A_lease_has_ended_before_a_peer_takes_over(HoldLevel level)
    {
        Assert.True(_pace.KernelLease(level) < _pace.Hold(level));
        Assert.True(_pace.Lease(level) < _pace.KernelLease(level), "we stop believing in it before the kernel ends it");
        Assert.True(_pace.Lease(level) > _interval, "or a punctual node would lose it");
    }

    [Fact]
    public void A_shorter_hold_is_announced_only_after_the_shorter_lease_is_in_force_and_renewed()
    {
        _pace.Turn(_session, HoldLevel.Profile, At(1));
        Assert.Equal((HoldLevel.Alone, HoldLevel.Profile), (_pace.Announced, _pace.InForce));
        _pace.Turn(_session, HoldLevel.Profile, At(2));
        Assert.Equal(_alone, _session.Hold);

        _pace.Renewed();
        _pace.Turn(_session, HoldLevel.Profile, At(3));

        Assert.Equal((HoldLevel.Profile, _hold), (_pace.Announced, _session.Hold));
    }

    [Fact]
    public void A_longer_lease_comes_into_force_only_after_the_longer_hold_was_announced_for_as_long_as_peers_waited()
    {
        A_shorter_hold_is_announced_only_after_the_shorter_lease_is_in_force_and_renewed();

        _pace.Turn(_session, HoldLevel.Alone, At(4));
        Assert.Equal((HoldLevel.Alone, HoldLevel.Profile), (_pace.Announced, _pace.InForce));
        _pace.Turn(_session, HoldLevel.Alone, At(4.2));
        Assert.Equal(HoldLevel.Profile, _pace.InForce);
        _pace.Turn(_session, HoldLevel.Alone, At(4.26));
        Assert.Equal(HoldLevel.Alone, _pace.InForce);
    }

    [Fact]
    public void Who_misses_its_peers_for_a_moment_goes_on_asking_for_the_short_hold()
    {
        A_shorter_hold_is_announced_only_after_the_shorter_lease_is_in_force_and_renewed();

        Unheard(At(4));
        Unheard(At(4.49));
        Assert.Equal((HoldLevel.Profile, HoldLevel.Profile), (_pace.Announced, _pace.InForce));
        Assert.Equal(HoldLevel.Slow, _pace.Wanted(anyAlive: true, HoldLevel.Slow, At(4.495)));

        Unheard(At(4.5));
        Unheard(At(4.99));
        Assert.Equal(HoldLevel.Profile, _pace.Announced);

        Unheard(At(5));
        Assert.Equal((HoldLevel.Alone, HoldLevel.Profile), (_pace.Announced, _pace.InForce));
    }

    [Fact]
    public void While_nobody_is_heard_no_longer_lease_comes_into_force_by_lateness()
    {
        A_shorter_hold_is_announced_only_after_the_shorter_lease_is_in_force_and_renewed();

        _pace.Turn(_session, _pace.Wanted(anyAlive: false, HoldLevel.Slowest, At(4)), At(4));

        Assert.Equal((HoldLevel.Profile, HoldLevel.Profile), (_pace.Announced, _pace.InForce));
    }

    private void Unheard(Instant now) => _pace.Turn(_session, _pace.Wanted(anyAlive: false, HoldLevel.Profile, now), now);

    [Fact]
    public void Who_is_late_before_the_first_short_hold_was_announced_does_not_stay_with_the_longest()
    {
        _pace.Turn(_session, HoldLevel.Profile, At(1));
        _pace.Turn(_session, HoldLevel.Slow, At(1.01));
        Assert.Equal((HoldLevel.Alone, HoldLevel.Slow), (_pace.Announced, _pace.InForce));

        _pace.Renewed();
        _pace.Turn(_session, HoldLevel.Slow, At(1.02));

        Assert.Equal((HoldLevel.Slow, HoldLevel.Slow, 3 * _hold), (_pace.Announced, _pace.InForce, _session.Hold));
    }
}
