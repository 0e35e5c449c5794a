using System.Net;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Two links between nodes: whatever one of them does, states arrive.</summary>
public sealed class LinkTests
{
    private static ConntrackEntry Flow(int number) =>
        new()
        {
            Original = Tuple("10.0.0.5", number, "10.1.0.7", 53),
            Reply = Tuple("10.1.0.7", 53, "10.0.0.5", number),
            Status = ConntrackEntry.StatusConfirmed,
            TimeoutSeconds = 600,
        };

    private static ConntrackTuple Tuple(string source, int sourcePort, string destination, int destinationPort) =>
        new()
        {
            Family = 2,
            Protocol = 17,
            Source = IpAddressValue.From(IPAddress.Parse(source)),
            SourcePort = (ushort)sourcePort,
            Destination = IpAddressValue.From(IPAddress.Parse(destination)),
            DestinationPort = (ushort)destinationPort,
        };

    private static SimulatedCluster Started(int seed = 1, int links = 2, int nodes = 2)
    {
        var cluster = new SimulatedCluster(seed, nodes, links: links);
        cluster.Nodes[0].SetForwarding(true);
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.All(cluster.Nodes, n => Assert.True(n.Engine.IsReady));
        return cluster;
    }

    private static void Put(SimulatedCluster cluster, int from, int count)
    {
        for (var i = 0; i < count; i++)
        {
            cluster.Nodes[0].Table.Put(Flow(from + i), isEcho: false);
            cluster.Run(SimulatedCluster.Step);
        }
    }

    private static void Same(SimulatedCluster cluster) =>
        Assert.All(
            cluster.Nodes,
            n =>
                Assert.Equal(
                    cluster.Nodes[0].Table.Entries.Select(e => e.Original).ToHashSet(),
                    n.Table.Entries.Select(e => e.Original).ToHashSet()
                )
        );

    [Fact]
    public void The_second_link_takes_over_and_the_first_one_again_once_it_has_carried_for_a_while()
    {
        var cluster = Started();
        List<string> told = [];
        cluster.Nodes[0].Engine.Notice = (kind, _) => told.Add(kind);
        cluster.IsCut = (_, _, link) => link == 0;
        Put(cluster, 1000, 100);
        cluster.Run(TimeSpan.FromMilliseconds(500));
        Same(cluster);
        Assert.Equal(1, cluster.Nodes[0].Engine.Counters.LinkChanges);
        Assert.True(cluster.Nodes[0].Engine.Peer(0).IsAlive);
        Assert.Equal(1, cluster.Nodes[0].Engine.Peer(0).Link);
        Assert.Equal(["sync-link"], told);

        cluster.IsCut = (_, _, _) => false;
        cluster.Run(TimeSpan.FromSeconds(4));
        Assert.Equal(1, cluster.Nodes[0].Engine.Peer(0).Link);
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.Equal(0, cluster.Nodes[0].Engine.Peer(0).Link);
        Put(cluster, 2000, 10);
        cluster.Run(TimeSpan.FromMilliseconds(500));
        Same(cluster);
    }

    [Fact]
    public void A_link_that_carries_one_direction_only_is_left_by_who_is_not_heard()
    {
        var cluster = Started();
        cluster.IsCut = (from, _, link) => link == 0 && from == 0;
        Put(cluster, 1000, 100);
        cluster.Run(TimeSpan.FromMilliseconds(500));
        Same(cluster);
        Assert.Equal(1, cluster.Nodes[0].Engine.Peer(0).Link);
        Assert.Equal(0, cluster.Nodes[1].Engine.Peer(0).Link);
    }

    [Fact]
    public void With_both_links_cut_the_peer_is_gone_and_with_none_cut_nothing_changes()
    {
        var cluster = Started();
        Put(cluster, 1000, 50);
        cluster.Run(TimeSpan.FromSeconds(30));
        Assert.All(cluster.Nodes, n => Assert.Equal(0, n.Engine.Counters.LinkChanges));
        cluster.IsCut = (_, _, _) => true;
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.All(cluster.Nodes, n => Assert.False(n.Engine.Peer(0).IsAlive));
        cluster.IsCut = (_, _, link) => link == 0;
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.All(cluster.Nodes, n => Assert.True(n.Engine.Peer(0).IsAlive));
        Put(cluster, 2000, 10);
        cluster.Run(TimeSpan.FromSeconds(1));
        Same(cluster);
    }

    [Fact]
    public void A_session_opens_over_the_second_link_alone()
    {
        var cluster = new SimulatedCluster(1, 2, links: 2) { IsCut = (_, _, link) => link == 0 };
        cluster.Nodes[0].SetForwarding(true);
        cluster.Run(TimeSpan.FromSeconds(2));
        Put(cluster, 1000, 20);
        cluster.Run(TimeSpan.FromSeconds(1));
        Same(cluster);
    }

    [Fact]
    public void A_second_link_that_fails_changes_nothing()
    {
        var cluster = Started();
        cluster.IsCut = (_, _, link) => link == 1;
        Put(cluster, 1000, 20);
        cluster.Run(TimeSpan.FromSeconds(3));
        Same(cluster);
        Assert.All(cluster.Nodes, n => Assert.Equal(0, n.Engine.Counters.LinkChanges));
    }

    [Fact]
    public void A_version_that_knows_one_link_says_nothing_of_links_and_is_sent_all_over_the_first()
    {
        var hello = new PfsyncHello { IsReady = true };
        var message = new byte[PfsyncHello.Length];
        hello.Write(message);
        Assert.Equal(0, PfsyncHello.Read(message).Links);
        (hello with { Links = 3 }).Write(message);
        Assert.Equal(3, PfsyncHello.Read(message).Links);
        Assert.True(PfsyncHello.Read(message).IsReady);

        // Byte 45 of every hello is put to 0 on its way.
        var cluster = new SimulatedCluster(1, 2, isEncrypted: false, links: 2)
        {
            Spoil = (_, datagram) =>
            {
                if (
                    datagram.Length >= PfsyncHeader.Length + 4 + PfsyncHello.Length
                    && datagram[PfsyncHeader.Length] == (byte)PfsyncAction.Hello
                )
                    datagram[PfsyncHeader.Length + 4 + 45] = 0;
            },
        };
        cluster.Nodes[0].SetForwarding(true);
        cluster.Run(TimeSpan.FromSeconds(2));
        Put(cluster, 1000, 20);
        cluster.Run(TimeSpan.FromSeconds(1));
        Same(cluster);
        Assert.All(cluster.Nodes, n => Assert.Equal(0, n.Engine.Counters.LinkChanges));
    }

    [Fact]
    public void While_one_link_of_each_pair_works_no_peer_is_missed_and_tables_converge() =>
        Seeds.ForEach(
            40,
            seed =>
            {
                var random = new Random(seed);
                var cluster = Started(seed, nodes: 2 + (seed % 2));
                var downs = 0;
                foreach (var node in cluster.Nodes)
                    node.Engine.Notice = (kind, _) => downs += kind == "peer-down" ? 1 : 0;
                for (var i = 0; i < 30; i++)
                {
                    // Another link of a pair fails only after the first had time to be missed and to be back.
                    var cut = random.Next(3);
                    var direction = random.Next(3);
                    cluster.IsCut = (from, to, link) => link == cut && (direction == 2 || (from < to) == (direction == 0));
                    Put(cluster, (seed * 100) + (i * 20), random.Next(20));
                    cluster.Run(TimeSpan.FromMilliseconds(random.Next(1500)));
                    cluster.IsCut = (_, _, _) => false;
                    cluster.Run(TimeSpan.FromMilliseconds(400));
                }
                cluster.Run(TimeSpan.FromSeconds(2));
                Same(cluster);
                Assert.Equal(0, downs);
            }
        );
}
