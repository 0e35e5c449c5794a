using Redoubt.Core.Cluster;
using Redoubt.Core.Pfsync;

namespace Redoubt.Tests.StateSync;

/// <summary>Who can listen to the sync network and send on it, but has not the secret, costs counters and nothing else.</summary>
public sealed class HostileNetworkTests
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private static SimulatedCluster Two(int flows, bool isEncrypted = true)
    {
        var cluster = new SimulatedCluster(1, 2, isEncrypted) { Recorded = [] };
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        cluster.Run(2 * _second);
        for (var i = 0; i < flows; i++)
            cluster.Nodes[0].Table.Put(ClusterTests.Flow(i), isEcho: false);
        cluster.Run(_second);
        return cluster;
    }

    private static string Trouble(SimulatedCluster cluster) =>
        string.Concat(cluster.Nodes.Select(n => n.Engine.Peer(0)).Where(p => !p.IsInSync).Select(p => p.ToString()));

    [Fact]
    public void A_whole_old_life_sent_again_changes_nothing()
    {
        var cluster = Two(flows: 20);
        foreach (var entry in cluster.Nodes[0].Table.Entries.Take(10).ToList())
            cluster.Nodes[0].Table.Remove(entry.Original, 0, isEcho: false);
        cluster.Run(_second);
        cluster.Nodes[0].Restart(keepsKernel: true);
        cluster.Run(3 * _second);
        var recorded = cluster.Recorded!.Where(d => d.From == 0).ToList();
        var oldEpoch = recorded[0].Datagram[4..12];
        Assert.Equal("", Trouble(cluster));
        var before = cluster.Nodes[1].Table.Entries.Select(e => e.Original).ToHashSet();
        var sessions = cluster.Nodes[1].Engine.Counters.Sessions;
        foreach (var (_, _, datagram) in recorded.Where(d => d.Datagram.AsSpan(4, 8).SequenceEqual(oldEpoch)))
            Assert.NotEqual(PfsyncRejection.None, cluster.Nodes[1].Engine.Receive(cluster.Now, 0, datagram));
        Assert.Equal(sessions, cluster.Nodes[1].Engine.Counters.Sessions);
        cluster.Run(_second);
        Assert.Equal(before, cluster.Nodes[1].Table.Entries.Select(e => e.Original).ToHashSet());
        Assert.Equal(10, before.Count);
        Assert.Equal("", Trouble(cluster));
    }

    [Fact]
    public void The_running_life_sent_again_does_not_make_a_silent_peer_seem_alive()
    {
        var cluster = Two(flows: 5);
        var delivered = cluster.Recorded!.Where(d => d.From == 0).ToList();
        // What is on its way was not delivered yet.
        cluster.Run(SimulatedCluster.Step);
        cluster.Isolated = 0;
        cluster.Run(2 * _second);
        foreach (var (from, _, datagram) in delivered)
            cluster.Nodes[1].Engine.Receive(cluster.Now, from, datagram);
        cluster.Run(TimeSpan.FromMilliseconds(50));
        Assert.False(cluster.Nodes[1].Engine.Peer(0).IsAlive);
    }

    [Fact]
    public void Nodes_of_which_one_has_no_secret_never_sync_and_both_count_why()
    {
        var cluster = new SimulatedCluster(1, 2);
        cluster.Secret = null;
        cluster.Nodes[1].Restart(keepsKernel: false);
        cluster.Run(3 * _second);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.Sessions));
        Assert.True(cluster.Nodes[0].Engine.Counters[PfsyncRejection.NotEncrypted] > 20);
        Assert.True(cluster.Nodes[1].Engine.Counters[PfsyncRejection.Encrypted] > 20);
    }

    [Fact]
    public void Nodes_with_two_secrets_never_sync()
    {
        var cluster = new SimulatedCluster(1, 2);
        cluster.Secret = new ClusterSecret(Enumerable.Repeat((byte)7, 32).ToArray());
        cluster.Nodes[1].Restart(keepsKernel: false);
        cluster.Run(3 * _second);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.Sessions));
        Assert.All(cluster.Nodes, n => Assert.True(n.Engine.Counters[PfsyncRejection.BadSeal] > 20));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nodes_that_agree_sync(bool isEncrypted)
    {
        var cluster = Two(flows: 20, isEncrypted);
        Assert.Equal(20, cluster.Nodes[1].Table.Count);
        var holdsAddress = cluster.Recorded!.Exists(d => d.Datagram.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xc0, 0, 2, 2]) >= 0);
        Assert.Equal(!isEncrypted, holdsAddress);
    }
}
