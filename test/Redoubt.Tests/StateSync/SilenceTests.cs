using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>A way between two nodes that works in one direction only is seen from the end that would think all is well.</summary>
public sealed class SilenceTests
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private static SimulatedCluster Started()
    {
        var cluster = new SimulatedCluster(seed: 4, nodes: 2);
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        cluster.Run(3 * _second);
        return cluster;
    }

    private static PeerSilence Silence(SimulatedCluster cluster, int node = 0) => cluster.Nodes[node].Engine.Peer(0).Silence;

    [Fact]
    public void A_peer_that_is_heard_and_does_not_hear_is_told_of_after_five_seconds_and_until_it_hears_again()
    {
        var cluster = Started();
        cluster.Deaf = 1;
        cluster.Run(4.5 * _second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
        cluster.Run(1 * _second);
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(PeerSilence.DoesNotHear, Silence(cluster));
            Assert.True(cluster.Nodes[0].Engine.Peer(0).IsAlive);
            cluster.Run(_second);
        }
        cluster.Deaf = -1;
        cluster.Run(_second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
    }

    [Fact]
    public void A_peer_that_never_heard_this_node_is_told_of_too()
    {
        var cluster = new SimulatedCluster(seed: 4, nodes: 2) { Deaf = 1 };
        cluster.Run(4.5 * _second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
        cluster.Run(1.5 * _second);
        Assert.Equal(PeerSilence.DoesNotHear, Silence(cluster));
        cluster.Deaf = -1;
        cluster.Run(2 * _second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
    }

    [Fact]
    public void A_way_that_loses_large_datagrams_is_told_of_though_hellos_pass()
    {
        var cluster = Started();
        cluster.LongestDatagram = 200;
        for (var i = 0; i < 40; i++)
            cluster.Nodes[0].Table.Put(ClusterTests.Flow(i), isEcho: false);
        cluster.Run(4.5 * _second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
        cluster.Run(1 * _second);
        Assert.Equal(PeerSilence.DoesNotAcknowledge, Silence(cluster));
        cluster.LongestDatagram = int.MaxValue;
        cluster.Run(2 * _second);
        Assert.Equal(PeerSilence.None, Silence(cluster));
        Assert.Equal(40, cluster.Nodes[1].Table.Count);
    }

    [Fact]
    public void A_process_that_was_frozen_does_not_accuse_its_peer_of_its_own_silence()
    {
        var cluster = Started();
        cluster.Frozen = 0;
        cluster.Run(8 * _second);
        cluster.Frozen = -1;
        for (var i = 0; i < 100; i++)
        {
            cluster.Run(SimulatedCluster.Step);
            Assert.Equal(PeerSilence.None, Silence(cluster));
        }
        Assert.True(cluster.Nodes[0].Engine.Peer(0).IsAlive);
    }

    [Fact]
    public void Neither_a_quiet_pair_nor_one_that_loses_a_third_of_everything_nor_a_dead_peer_is_half_silent()
    {
        var cluster = Started();
        for (var i = 0; i < 60; i++)
        {
            cluster.LossPercent = i < 30 ? 0 : 33;
            cluster.Isolated = i < 50 ? -1 : 1;
            cluster.Nodes[0].Table.Put(ClusterTests.Flow(i), isEcho: false);
            cluster.Run(_second);
            Assert.Equal(PeerSilence.None, Silence(cluster));
            Assert.Equal(PeerSilence.None, Silence(cluster, node: 1));
        }
    }
}
