using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Whatever the network and the nodes went through: once it is quiet, every table holds what the forwarding node's holds.</summary>
public sealed class ClusterTests
{
    internal static ConntrackEntry Flow(int number, int variant = 0)
    {
        var original = new ConntrackTuple
        {
            Family = 2,
            Protocol = (byte)(number % 3 == 0 ? 17 : 6),
            Source = new IpAddressValue(0, 0x0a010000u + (uint)number),
            SourcePort = 40000,
            Destination = new IpAddressValue(0, 0xc0000202),
            DestinationPort = 443,
        };
        return new ConntrackEntry
        {
            Original = original,
            // Variants collide with each other's ports on purpose: what one flow gives up another takes.
            Reply = new ConntrackTuple
            {
                Family = 2,
                Protocol = original.Protocol,
                Source = original.Destination,
                SourcePort = 443,
                Destination = new IpAddressValue(0, 0xc6336401),
                DestinationPort = (ushort)(10000 + ((number + (variant * 3)) % 60)),
            },
            Status =
                ConntrackEntry.StatusSeenReply
                | ConntrackEntry.StatusAssured
                | ConntrackEntry.StatusConfirmed
                | ConntrackEntry.StatusSourceNat,
            TimeoutSeconds = original.Protocol == 6 ? 432_000u : 120u,
            HasTcp = original.Protocol == 6,
            TcpState = original.Protocol == 6 ? (byte)3 : (byte)0,
        };
    }

    private static void Traffic(SimulatedTable kernel, Random random, int operations)
    {
        for (var i = 0; i < operations; i++)
        {
            var number = random.Next(60);
            var flow = Flow(number, random.Next(3));
            switch (random.Next(6))
            {
                case 0 or 1:
                    kernel.Put(flow, isEcho: false);
                    break;
                case 2:
                    kernel.Remove(flow.Original, 0, isEcho: false);
                    break;
                case 3:
                    // Port reuse within one turn.
                    kernel.Remove(flow.Original, 0, isEcho: false);
                    kernel.Put(flow, isEcho: false);
                    break;
                case 4:
                    flow.Mark = (uint)random.Next(5);
                    kernel.Change(flow, isEcho: false);
                    break;
                default:
                    kernel.Touch(flow.Original, flow.TimeoutSeconds);
                    break;
            }
        }
    }

    private static string Differences(SimulatedCluster cluster, int master)
    {
        var expected = cluster.Nodes[master].Table.Entries.ToDictionary(e => e.Original, e => (e.Reply, e.Mark, e.TcpState));
        List<string> found = [];
        foreach (var node in cluster.Nodes)
        {
            if (!node.Engine.IsReady)
                found.Add("a node is not ready: " + node.Engine.ReadyReason);
            var held = node
                .Table.Entries.Where(e => !node.KeptKernel || expected.ContainsKey(e.Original) || Known(node, e.Original) != "unknown")
                .ToDictionary(e => e.Original, e => (e.Reply, e.Mark, e.TcpState));
            var name = $"node {Array.IndexOf(cluster.Nodes, node) + 1} of {cluster.Nodes.Length}, master {master + 1}";
            found.AddRange(
                expected
                    .Keys.Except(held.Keys)
                    .Select(k => $"{name} lacks {k.Source.Low & 0xffff}, {Known(node, k)}; master {Known(cluster.Nodes[master], k)}")
            );
            found.AddRange(
                held.Keys.Except(expected.Keys)
                    .Select(k => $"{name} has {k.Source.Low & 0xffff} besides, {Known(node, k)}; master {Known(cluster.Nodes[master], k)}")
            );
            found.AddRange(
                held.Where(h => expected.TryGetValue(h.Key, out var e) && e != h.Value)
                    .Select(h => $"{name} differs in {h.Key.Source.Low & 0xffff}: {h.Value}, master {expected[h.Key]}")
            );
            if (node.Engine.Count != held.Count)
                found.Add($"{name} knows {node.Engine.Count} and holds {held.Count}");
            node.Engine.Visit(s =>
            {
                if (!held.ContainsKey(s.Entry.Original))
                    found.Add(
                        $"{name} lists {s.Entry.Original.Source.Low & 0xffff} without holding it, owner {s.Owner} term {s.Term} {s.Identity}; master {Known(cluster.Nodes[master], s.Entry.Original)}"
                    );
                return true;
            });
        }
        if (found.Count > 0)
            found.Insert(
                0,
                string.Join(", ", cluster.Nodes.Select(n => $"{n.Engine.Peer(0)}{(cluster.Nodes.Length > 2 ? n.Engine.Peer(1) : "")}"))
            );
        return string.Join("; ", found.Take(6));
    }

    private static string Known(SimulatedCluster.Node node, ConntrackTuple original)
    {
        var known = "unknown";
        node.Engine.Visit(s =>
        {
            if (s.Entry.Original == original)
                known = $"owner {s.Owner} term {s.Term} {s.Identity} reply {s.Entry.Reply.DestinationPort}";
            return true;
        });
        return known;
    }

    [Fact]
    public void After_loss_doubling_reordering_partitions_restarts_overruns_and_failovers_every_table_is_the_masters() =>
        Converges(300, nodes: 2);

    [Fact]
    public void Three_nodes_converge_as_two_do() => Converges(150, nodes: 3);

    // The first left an ended state behind on one node, the second an entry that no node knew.
    [Theory]
    [InlineData(264)]
    [InlineData(2684)]
    public void Storms_of_three_nodes_that_once_left_a_difference_converge(int seed) => Storm(seed, nodes: 3);

    // Each left a row too many or too few on one node once.
    [Theory]
    [InlineData(296)]
    [InlineData(880)]
    [InlineData(3361)]
    [InlineData(4800)]
    [InlineData(31701)]
    public void Storms_that_once_left_a_difference_converge(int seed) => Storm(seed, nodes: 2);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Nodes_that_were_apart_for_longer_than_a_session_lasts_converge(int nodes) =>
        Seeds.ForEach(25, seed => Storm(seed, nodes, areApartForLong: true));

    // Left an entry that no node knew: it had been put back between the news of its predecessor and their reading.
    [Fact]
    public void A_storm_with_long_partitions_that_once_left_a_difference_converges() => Storm(880, nodes: 2, areApartForLong: true);

    private static void Converges(int storms, int nodes) => Seeds.ForEach(storms, seed => Storm(seed, nodes));

    private static void Storm(int seed, int nodes, bool areApartForLong = false)
    {
        var random = new Random(seed);
        var cluster = new SimulatedCluster(seed, nodes) { LossPercent = random.Next(30) };
        var master = 0;
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        for (var round = 0; round < 20; round++)
        {
            Traffic(cluster.Nodes[master].Table, random, random.Next(30));
            var other = (master + 1 + random.Next(cluster.Nodes.Length - 1)) % cluster.Nodes.Length;
            switch (random.Next(12))
            {
                case 0:
                    cluster.Isolated = other;
                    break;
                case 1:
                    cluster.Nodes[other].Restart(keepsKernel: false);
                    break;
                case 2:
                    cluster.Nodes[master].Restart(keepsKernel: true);
                    break;
                case 3:
                    cluster.Nodes[master].Overrun();
                    break;
                case 4:
                    cluster.Nodes[master].SetForwarding(false);
                    master = other;
                    cluster.Nodes[master].SetForwarding(true);
                    break;
                case 5:
                    foreach (var entry in cluster.Nodes[other].Table.Entries.Take(2).ToList())
                        cluster.Nodes[other].Table.Remove(entry.Original, 0, isEcho: false);
                    break;
                case 6:
                    cluster.Nodes[other].Engine.RequestSync(cluster.Now);
                    break;
                default:
                    cluster.Isolated = -1;
                    break;
            }
            cluster.Run(TimeSpan.FromMilliseconds(10 * random.Next(1, 60)));
            if (areApartForLong && cluster.Isolated >= 0)
                cluster.Run(TimeSpan.FromSeconds(10.5));
        }
        cluster.Isolated = -1;
        cluster.LossPercent = 0;
        var differences = "";
        for (var tries = 0; tries < 8; tries++)
        {
            cluster.Run(TimeSpan.FromSeconds(3));
            differences = Differences(cluster, master);
            if (differences.Length == 0)
                break;
        }
        Assert.True(differences.Length == 0, differences);
    }
}
