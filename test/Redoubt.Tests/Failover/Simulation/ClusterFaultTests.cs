using Redoubt.Core.Carp;

namespace Redoubt.Tests.Failover.Simulation;

/// <summary>Single faults of the matrix, each with what it must lead to, in virtual time.</summary>
public class ClusterFaultTests
{
    private static readonly TimeSpan _beat = TimeSpan.FromMilliseconds(50);

    /// <summary>F-2.</summary>
    [Fact]
    public void A_dead_master_is_followed_within_its_hold_time_and_some_heartbeats_and_returns_without_an_overlap()
    {
        var cluster = new ScriptedCluster();
        Assert.Same(cluster.First, cluster.Master);

        cluster.First.PowerOff();
        cluster.Go(TimeSpan.FromMilliseconds(250));
        Assert.Same(cluster.Second, cluster.Master);

        cluster.First.Start(cluster.Now);
        cluster.Go(TimeSpan.FromSeconds(8));
        Assert.Same(cluster.First, cluster.Master);
        Assert.Equal(TimeSpan.Zero, cluster.Overlap);
    }

    /// <summary>F-3, F-4, F-15: a process that is killed, frozen for a minute, or suspended with its machine for ten.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(600)]
    public void A_master_that_sleeps_loses_its_lease_and_wakes_up_as_a_backup(int seconds)
    {
        var cluster = new ScriptedCluster();

        cluster.First.Freeze();
        cluster.Go(TimeSpan.FromMilliseconds(250));
        Assert.Same(cluster.Second, cluster.Master);
        cluster.Go(TimeSpan.FromSeconds(seconds));
        cluster.First.Wake(cluster.Now);
        cluster.Go(TimeSpan.FromMilliseconds(1));

        Assert.NotEqual(CarpState.Master, cluster.First.Machine(0).State);
        Assert.Same(cluster.Second, cluster.Master);
        // It demotes itself for a while, then it is the better one again.
        cluster.Go(TimeSpan.FromSeconds(10));
        Assert.Same(cluster.First, cluster.Master);
        Assert.Equal(TimeSpan.Zero, cluster.Overlap);
    }

    /// <summary>F-5: shorter than its lease.</summary>
    [Fact]
    public void A_short_sleep_changes_nothing()
    {
        var cluster = new ScriptedCluster();
        var before = cluster.Transitions;
        for (var i = 0; i < 20; i++)
        {
            cluster.First.Freeze();
            cluster.Go(TimeSpan.FromMilliseconds(60));
            cluster.First.Wake(cluster.Now);
            cluster.Go(TimeSpan.FromSeconds(20));
        }
        Assert.Equal(before, cluster.Transitions);
    }

    /// <summary>F-6.</summary>
    [Fact]
    public void A_lost_cable_moves_the_whole_group_within_a_few_heartbeats()
    {
        var cluster = new ScriptedCluster();

        cluster.First.SetLink(0, false, cluster.Now);
        cluster.First.Run(cluster.Now);
        cluster.Go(4 * _beat);

        Assert.Same(cluster.Second, cluster.Master);
        Assert.Equal(TimeSpan.Zero, cluster.Overlap);
    }

    /// <summary>F-7: ten times a second for 30 s.</summary>
    [Fact]
    public void A_link_that_flaps_moves_the_group_away_once_and_back_once()
    {
        var cluster = new ScriptedCluster();
        var masters = new List<ClusterNode>();
        void Go(int milliseconds)
        {
            for (var i = 0; i < milliseconds; i += 5)
            {
                cluster.Go(TimeSpan.FromMilliseconds(5));
                if (cluster.Master is { } master && masters.LastOrDefault() != master)
                    masters.Add(master);
            }
        }
        Go(10);
        var before = cluster.Transitions;
        for (var i = 0; i < 300; i++)
        {
            cluster.First.SetLink(0, false, cluster.Now);
            cluster.First.Run(cluster.Now);
            Go(50);
            cluster.First.SetLink(0, true, cluster.Now);
            cluster.First.Run(cluster.Now);
            Go(50);
        }
        Assert.Equal([cluster.First, cluster.Second], masters);
        Go(10_000);

        Assert.Equal([cluster.First, cluster.Second, cluster.First], masters);
        Assert.Equal(before + (2 * 2 * 2), cluster.Transitions); // twice, on two segments, released here and claimed there
        Assert.Equal(TimeSpan.Zero, cluster.Overlap);
    }

    /// <summary>F-14: once, and then to and fro as often as heartbeats go.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_wall_clock_that_jumps_by_a_day_moves_nobody_and_is_seen_by_the_peer(int days)
    {
        var cluster = new ScriptedCluster();
        var before = cluster.Transitions;

        cluster.First.WallError = TimeSpan.FromDays(days);
        cluster.Go(TimeSpan.FromSeconds(10));
        Assert.InRange(
            cluster.Second.Coordinator.Session.Peers.Single(p => p.Node == cluster.First.Id).ClockOffset,
            (days * 86_400_000L) - 1000,
            (days * 86_400_000L) + 1000
        );
        for (var i = 0; i < 600; i++)
        {
            foreach (var node in cluster.Nodes)
                node.WallError = TimeSpan.FromDays(days * ((i + node.Index) % 3));
            cluster.Go(TimeSpan.FromMilliseconds(50));
        }

        Assert.Equal((before, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
        cluster.First.PowerOff();
        cluster.Go(TimeSpan.FromMilliseconds(250));
        Assert.Same(cluster.Second, cluster.Master);
    }

    /// <summary>F-26: the kernel refuses every frame on one segment, and takes them again.</summary>
    [Fact]
    public void A_master_whose_advertisements_do_not_leave_gives_the_group_away_and_gets_it_back_when_they_do()
    {
        var cluster = new ScriptedCluster();

        cluster.First.SetSending(0, works: false);
        cluster.Go(TimeSpan.FromSeconds(5));
        Assert.True(cluster.First.CannotSend);
        Assert.Same(cluster.Second, cluster.Master);
        cluster.Go(TimeSpan.FromMinutes(1));
        Assert.Same(cluster.Second, cluster.Master);

        cluster.First.SetSending(0, works: true);
        cluster.Go(TimeSpan.FromSeconds(2));
        Assert.Same(cluster.Second, cluster.Master);
        cluster.Go(TimeSpan.FromSeconds(3));
        Assert.False(cluster.First.CannotSend);
        Assert.Same(cluster.First, cluster.Master);
        Assert.Equal(TimeSpan.Zero, cluster.Overlap);
    }

    /// <summary>The twin of the last: less than three rounds.</summary>
    [Fact]
    public void A_refusal_or_two_changes_nothing()
    {
        var cluster = new ScriptedCluster();
        var before = cluster.Transitions;
        for (var i = 0; i < 20; i++)
        {
            cluster.First.SetSending(0, works: false);
            cluster.Go(TimeSpan.FromSeconds(1.5));
            cluster.First.SetSending(0, works: true);
            cluster.Go(TimeSpan.FromSeconds(3));
            Assert.False(cluster.First.CannotSend);
        }
        Assert.Equal((before, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
    }

    /// <summary>F-8, F-9: one direction of one segment.</summary>
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void A_segment_that_carries_one_way_only_moves_nobody(int from, int to)
    {
        var cluster = new ScriptedCluster();
        var before = cluster.Transitions;

        cluster.Wire(0).Cut(from, to);
        cluster.Go(TimeSpan.FromSeconds(30));

        Assert.Equal((before, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
    }

    /// <summary>F-10, F-11: the sync link, or a segment, is cut whole.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public void A_cut_path_moves_nobody_while_another_carries(int path)
    {
        var cluster = new ScriptedCluster();
        var before = cluster.Transitions;

        cluster.Wire(path).Cut(0, 1);
        cluster.Wire(path).Cut(1, 0);
        cluster.Go(TimeSpan.FromSeconds(30));
        cluster.Wire(path).Heal();
        cluster.Go(TimeSpan.FromSeconds(5));

        Assert.Equal((before, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
    }

    /// <summary>F-12: nothing can tell the two apart from two dead ones.</summary>
    [Fact]
    public void After_a_total_partition_the_better_of_two_masters_stays_and_the_other_leaves_within_two_heartbeats()
    {
        var cluster = new ScriptedCluster();
        cluster.OnWires(w =>
        {
            w.Cut(0, 1);
            w.Cut(1, 0);
        });
        cluster.Go(TimeSpan.FromSeconds(10));
        Assert.Equal(2, cluster.Owners(0));

        cluster.OnWires(w => w.Heal());
        cluster.Go(3 * _beat);

        Assert.Same(cluster.First, cluster.Master);
        cluster.Go(TimeSpan.FromSeconds(10));
        Assert.Same(cluster.First, cluster.Master);
    }

    /// <summary>F-13: equal priorities, which the validator calls a fault, and a boot in the same moment.</summary>
    [Fact]
    public void Two_equal_nodes_that_boot_together_settle_on_the_lower_id()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var cluster = new ScriptedCluster(firstSkew: 100, secondSkew: 100, seed);
            Assert.Same(cluster.First, cluster.Master);
            var settled = cluster.Transitions;
            cluster.Go(TimeSpan.FromSeconds(30));
            Assert.Equal((settled, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
        }
    }

    /// <summary>F-16: three paths, each of which loses a third, doubles, and delays by up to 40 ms, which reorders.</summary>
    [Fact]
    public void Loss_doubling_and_reordering_below_the_hold_time_move_nobody()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var cluster = new ScriptedCluster(seed: seed);
            var before = cluster.Transitions;
            cluster.OnWires(w => (w.Loss, w.Duplication, w.LongestDelay) = (0.2, 0.3, TimeSpan.FromMilliseconds(40)));
            cluster.Go(TimeSpan.FromSeconds(60));
            Assert.Equal((before, TimeSpan.Zero), (cluster.Transitions, cluster.Overlap));
        }
    }

    /// <summary>The twin of the last: what is beyond is told apart.</summary>
    [Fact]
    public void Loss_of_everything_is_noticed()
    {
        var cluster = new ScriptedCluster();
        cluster.OnWires(w => w.Loss = 1);
        cluster.Go(TimeSpan.FromMilliseconds(400));
        Assert.Equal(2, cluster.Owners(0));
    }
}
