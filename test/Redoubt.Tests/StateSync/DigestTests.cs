using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Two tables that differ are found to differ, and what differs is told: that much, and no more.</summary>
public sealed class DigestTests
{
    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);

    private static SimulatedCluster Made(int nodes, bool isEncrypted = true)
    {
        var cluster = new SimulatedCluster(seed: 3, nodes, isEncrypted);
        foreach (var node in cluster.Nodes)
            node.Table.MissesInScans = false;
        return cluster;
    }

    private static SimulatedCluster Started(int flows, int nodes = 2, bool isEncrypted = true)
    {
        var cluster = Made(nodes, isEncrypted);
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        cluster.Run(3 * _second);
        for (var i = 0; i < flows; i++)
            cluster.Nodes[0].Table.Put(Flow(i), isEcho: false);
        cluster.Run(3 * _second);
        Assert.All(cluster.Nodes, n => Assert.Equal(flows, n.Table.Count));
        return cluster;
    }

    // Long-lived and each with a port of its own: nothing but the test makes a difference.
    private static ConntrackEntry Flow(int number)
    {
        var flow = ClusterTests.Flow(1);
        return flow with
        {
            Original = flow.Original with { Source = new IpAddressValue(0, 0x0a020000u + (uint)number) },
            Reply = flow.Reply with { DestinationPort = (ushort)(10000 + number) },
        };
    }

    private static long Sent(SimulatedCluster cluster) =>
        cluster.Nodes.Sum(n => n.Engine.Counters.StatesSent + n.Engine.Counters.DeletesSent + n.Engine.Counters.AsksSent);

    private static void AssertEqual(SimulatedCluster cluster)
    {
        var expected = Marks(cluster.Nodes[0]);
        foreach (var node in cluster.Nodes)
        {
            Assert.Equal(expected, Marks(node));
            Assert.Equal(expected.Count, node.Engine.Count);
            for (var i = 0; i < cluster.Nodes.Length - 1; i++)
                Assert.Equal(TableAgreement.Equal, node.Engine.Peer(i).Agreement);
        }
    }

    private static SortedDictionary<uint, uint> Marks(SimulatedCluster.Node node) =>
        new(node.Table.Entries.ToDictionary(e => (uint)e.Original.Source.Low, e => e.Mark));

    [Fact]
    public void Equal_tables_are_compared_again_and_again_and_no_state_is_sent()
    {
        var cluster = Started(flows: 500);
        var (sent, compared) = (Sent(cluster), cluster.Nodes[1].Engine.Counters.DigestsReceived);
        cluster.Run(60 * _second);
        Assert.Equal(sent, Sent(cluster));
        Assert.InRange(cluster.Nodes[1].Engine.Counters.DigestsReceived - compared, 11, 13);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.DigestsDifferent));
        AssertEqual(cluster);
        Assert.True(cluster.Nodes[0].Engine.Peer(0).ComparedAgo < 6 * _second);
    }

    [Fact]
    public void States_that_change_all_the_time_are_not_taken_for_a_difference()
    {
        var cluster = Started(flows: 300);
        var random = new Random(5);
        for (var i = 0; i < 3000; i++)
        {
            var flow = Flow(random.Next(300)) with { Mark = (uint)random.Next(100) };
            switch (random.Next(4))
            {
                case 0:
                    cluster.Nodes[0].Table.Remove(flow.Original, 0, isEcho: false);
                    break;
                case 1:
                    cluster.Nodes[0].Table.Put(flow, isEcho: false);
                    break;
                default:
                    cluster.Nodes[0].Table.Change(flow, isEcho: false);
                    break;
            }
            cluster.Run(SimulatedCluster.Step);
        }
        Assert.True(cluster.Nodes[1].Engine.Counters.DigestsReceived >= 3);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.DigestsDifferent));
    }

    /// <summary>Faults that no message tells of: the backup passed over, or misread, what the master told it.</summary>
    [Theory]
    [InlineData("the backup lacks a state", 1)]
    [InlineData("the backup has a state too many", 1)]
    [InlineData("the backup has an older account", 2)]
    [InlineData("the backup has a later account", 3)]
    public void A_planted_difference_is_found_and_repaired(string what, int most)
    {
        var cluster = Started(flows: 200, isEncrypted: false);
        var kernel = cluster.Nodes[0].Table;
        cluster.Spoil = what == "the backup has a later account" ? AsLater : AsUnknown;
        if (what == "the backup lacks a state")
            kernel.Put(Flow(999), isEcho: false);
        else if (what == "the backup has a state too many")
            kernel.Remove(Flow(77).Original, 0, isEcho: false);
        else
            kernel.Change(Flow(77) with { Mark = 7 }, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(500));
        cluster.Spoil = null;
        Assert.NotEqual(Accounts(cluster.Nodes[0]), Accounts(cluster.Nodes[1]));

        var sent = Sent(cluster);
        cluster.Run(14 * _second);

        Assert.True(cluster.Nodes.Sum(n => n.Engine.Counters.DigestsDifferent) >= 1);
        Assert.InRange(Sent(cluster) - sent, 1, most + 1);
        Assert.True(cluster.Nodes.Sum(n => n.Engine.Peer(0).Repaired) >= 1);
        AssertEqual(cluster);
        Assert.Equal(Accounts(cluster.Nodes[0]), Accounts(cluster.Nodes[1]));
        var (count, mark) = what switch
        {
            "the backup lacks a state" => (201, 0u),
            "the backup has a state too many" => (199, 0u),
            _ => (200, 7u),
        };
        Assert.Equal(count, kernel.Count);
        Assert.Equal(mark, Marks(cluster.Nodes[1]).GetValueOrDefault(0x0a020000u + 77));
    }

    private static SortedDictionary<ulong, (uint, ushort)> Accounts(SimulatedCluster.Node node)
    {
        SortedDictionary<ulong, (uint, ushort)> accounts = [];
        node.Engine.Visit(s =>
        {
            accounts[s.Entry.Original.Source.Low] = (s.Term, s.Revision);
            return true;
        });
        return accounts;
    }

    private const int FirstAction = PfsyncHeader.Length;

    // An action that nobody knows is passed over, and acknowledged.
    private static void AsUnknown(int from, byte[] datagram)
    {
        if (from == 0 && (PfsyncAction)datagram[FirstAction] is PfsyncAction.State4Nat or PfsyncAction.Delete4)
            datagram[FirstAction] = 0x7f;
    }

    private static void AsLater(int from, byte[] datagram)
    {
        if (from == 0 && (PfsyncAction)datagram[FirstAction] == PfsyncAction.State4Nat)
            datagram[FirstAction + PfsyncSections.HeaderLength + 21] += 3;
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void After_a_partition_what_differs_is_sent_and_not_everything(int nodes)
    {
        var cluster = Started(flows: 2000, nodes);
        var sessions = cluster.Nodes[0].Engine.Counters.Sessions;
        cluster.Isolated = nodes - 1;
        cluster.Run(12 * _second);
        for (var i = 0; i < 30; i++)
        {
            var flow = Flow(i * 50);
            if (i % 3 == 0)
                cluster.Nodes[0].Table.Remove(flow.Original, 0, isEcho: false);
            else if (i % 3 == 1)
                cluster.Nodes[0].Table.Change(flow with { Mark = 5 }, isEcho: false);
            else
                cluster.Nodes[0].Table.Put(Flow(3000 + i), isEcho: false);
        }
        cluster.Run(_second);
        var sent = Sent(cluster);
        var bulks = cluster.Nodes.Sum(n => n.Engine.Counters.BulksSent);
        cluster.Isolated = -1;
        cluster.Run(4 * _second);
        Assert.True(cluster.Nodes[0].Engine.Counters.Sessions > sessions);
        Assert.Equal(bulks, cluster.Nodes.Sum(n => n.Engine.Counters.BulksSent));
        Assert.Equal(2 * (nodes - 1), cluster.Nodes.Sum(n => n.Engine.Counters.Rejoins));
        // Everybody who was apart from it says what it knows: some times what changed, never the table.
        Assert.InRange(Sent(cluster) - sent, 30, 90 * (nodes - 1));
        Assert.Equal(2000, cluster.Nodes[0].Table.Count);
        AssertEqual(cluster);
    }

    [Fact]
    public void A_peer_that_comes_back_is_in_sync_only_when_all_that_differs_was_told_though_it_takes_more_than_one_round()
    {
        const int changes = PfsyncLimits.DigestRanges * 2;
        var cluster = Started(flows: 2000);
        cluster.Isolated = 1;
        cluster.Run(12 * _second);
        for (var i = 0; i < changes; i++)
            cluster.Nodes[0].Table.Change(Flow(i * 3) with { Mark = 9 }, isEcho: false);
        cluster.Run(_second);
        var bulks = cluster.Nodes[1].Engine.Counters.BulksReceived;
        cluster.Isolated = -1;
        for (var i = 0; i < 100 && cluster.Nodes[1].Engine.Counters.Rejoins == 0; i++)
            cluster.Run(SimulatedCluster.Step);
        Assert.Equal(bulks, cluster.Nodes[1].Engine.Counters.BulksReceived);
        Assert.Equal(changes, Marks(cluster.Nodes[1]).Count(m => m.Value == 9));
    }

    [Fact]
    public void A_state_of_a_node_that_fell_silent_is_compared_among_the_others()
    {
        var cluster = Started(flows: 50, nodes: 3, isEncrypted: false);
        cluster.Nodes[0].SetForwarding(false);
        cluster.Run(4 * _second);
        cluster.Isolated = 0;
        cluster.Run(2 * _second);
        cluster.Nodes[2].SetForwarding(true);
        cluster.Spoil = AsUnknown2;
        cluster.Run(3 * _second);
        cluster.Spoil = null;
        Assert.NotEqual(Accounts(cluster.Nodes[1]), Accounts(cluster.Nodes[2]));
        cluster.Run(14 * _second);
        Assert.Equal(Accounts(cluster.Nodes[1]), Accounts(cluster.Nodes[2]));
        Assert.Equal(50, cluster.Nodes[1].Table.Count);
        Assert.Equal(TableAgreement.Equal, cluster.Nodes[1].Engine.Peer(1).Agreement);
    }

    private static void AsUnknown2(int from, byte[] datagram)
    {
        if (from == 2)
            AsUnknown(0, datagram);
    }

    [Fact]
    public void Digests_spoilt_on_the_way_cost_time_and_no_state()
    {
        var cluster = Started(flows: 300, isEncrypted: false);
        var random = new Random(8);
        cluster.Spoil = (_, datagram) =>
        {
            if ((PfsyncAction)datagram[FirstAction] is >= PfsyncAction.DigestSums and <= PfsyncAction.CompareEnd)
                datagram[random.Next(FirstAction + 1, datagram.Length)] = (byte)random.Next(256);
        };
        for (var i = 0; i < 30; i++)
        {
            cluster.Nodes[0].Table.Change(Flow(i) with { Mark = 3 }, isEcho: false);
            cluster.Isolated = i % 3 == 1 ? 1 : -1;
            cluster.Run(6 * _second);
        }
        Assert.True(cluster.Nodes.Sum(n => n.Engine.Counters.DigestsDifferent) > 5);
        cluster.Spoil = null;
        cluster.Isolated = -1;
        cluster.Run(45 * _second);
        Assert.Equal(300, cluster.Nodes[0].Table.Count);
        AssertEqual(cluster);
    }

    [Fact]
    public void A_peer_that_was_restarted_gets_everything()
    {
        var cluster = Started(flows: 400);
        var bulks = cluster.Nodes[0].Engine.Counters.BulksSent;
        cluster.Nodes[1].Restart(keepsKernel: false);
        cluster.Run(3 * _second);
        Assert.Equal(bulks + 1, cluster.Nodes[0].Engine.Counters.BulksSent);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.Rejoins));
        AssertEqual(cluster);
    }

    [Fact]
    public void Where_most_differs_after_a_partition_the_whole_table_is_sent()
    {
        var cluster = Started(flows: 2000);
        cluster.Isolated = 1;
        cluster.Run(12 * _second);
        for (var i = 0; i < 2000; i++)
            cluster.Nodes[0].Table.Change(Flow(i) with { Mark = 9 }, isEcho: false);
        cluster.Run(_second);
        var bulks = cluster.Nodes[1].Engine.Counters.BulksReceived;
        cluster.Isolated = -1;
        cluster.Run(6 * _second);
        Assert.Equal(bulks + 1, cluster.Nodes[1].Engine.Counters.BulksReceived);
        AssertEqual(cluster);
    }

    [Fact]
    public void A_peer_of_the_version_before_knows_no_digests_and_gets_bulks_as_it_did()
    {
        var cluster = Made(nodes: 2, isEncrypted: false);
        cluster.Spoil = OfTheVersionBefore;
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        cluster.Run(3 * _second);
        for (var i = 0; i < 100; i++)
            cluster.Nodes[0].Table.Put(Flow(i), isEcho: false);
        cluster.Run(20 * _second);
        cluster.Isolated = 1;
        cluster.Run(12 * _second);
        cluster.Nodes[0].Table.Remove(Flow(1).Original, 0, isEcho: false);
        cluster.Isolated = -1;
        cluster.Run(3 * _second);
        Assert.Equal(0, cluster.Nodes.Sum(n => n.Engine.Counters.DigestsSent + n.Engine.Counters.Rejoins));
        Assert.All(cluster.Nodes, n => Assert.Equal(99, n.Table.Count));
        Assert.All(cluster.Nodes, n => Assert.Equal(TableAgreement.Unknown, n.Engine.Peer(0).Agreement));
    }

    // Its hellos carry two flags.
    private static void OfTheVersionBefore(int from, byte[] datagram)
    {
        if ((PfsyncAction)datagram[PfsyncHeader.Length] == PfsyncAction.Hello)
            datagram[PfsyncHeader.Length + PfsyncSections.HeaderLength + 44] &= 3;
    }

    [Fact]
    public void Sums_kept_with_every_change_are_those_that_a_walk_finds()
    {
        var cluster = Started(flows: 100);
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var flow = Flow(random.Next(150)) with { Mark = (uint)random.Next(3) };
            if (random.Next(3) == 0)
                cluster.Nodes[0].Table.Remove(flow.Original, 0, isEcho: false);
            else if (cluster.Nodes[0].Table.Put(flow, isEcho: false) == TableAnswer.Exists)
                cluster.Nodes[0].Table.Change(flow, isEcho: false);
            if (random.Next(20) == 0)
            {
                var other = cluster.Nodes[0].Engine.IsForwarding ? 1 : 0;
                cluster.Nodes[1 - other].SetForwarding(false);
                cluster.Nodes[other].SetForwarding(true);
            }
            cluster.Run(SimulatedCluster.Step);
            Assert.All(cluster.Nodes, n => AssertTrue(n.Engine, cluster.Secret));
        }
    }

    private static void AssertTrue(StateSyncEngine engine, ClusterSecret? secret)
    {
        var walked = new TableDigest(secret);
        for (var i = 0; i < engine.Store.High; i++)
        {
            var slot = engine.Store[i] with { CountedFor = 0, Digest = 0 };
            walked.Note(ref slot);
        }
        for (byte owner = 1; owner <= 2; owner++)
        {
            for (var node = 0; node < TableDigest.Fan; node++)
            {
                var isTrue = walked.NodeSum(owner, node) == engine.Digest.NodeSum(owner, node);
                for (var range = 0; range < TableDigest.Fan; range++)
                    isTrue &= walked.RangeSum(owner, node, range) == engine.Digest.RangeSum(owner, node, range);
                Assert.True(isTrue, $"owner {owner}, node {node}");
            }
        }
    }
}
