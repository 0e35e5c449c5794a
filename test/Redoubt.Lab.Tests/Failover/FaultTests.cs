using System.Buffers.Binary;
using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Verdicts;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>What becomes of a cluster with heartbeats when something breaks, on real kernels.</summary>
public sealed class FaultTests
{
    private static readonly VipState?[] _firstHolds = [VipState.Master, VipState.Master, VipState.Backup, VipState.Backup];
    private static readonly VipState?[] _secondHolds = [VipState.Backup, VipState.Backup, VipState.Master, VipState.Master];

    [Fact]
    public void A_lost_cable_moves_all_addresses_and_they_return_together()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = Watch(pair);

        using (fw1.Lan.Unplug())
        {
            fw2.WaitForState(VipState.Master, Deadline.In(10));
            Assert.NotEqual(VipState.Master, fw1.State(Topology.WanVhid));
        }
        Await(pair, _firstHolds);

        var result = watch.Stop();
        Assert.Empty(result.TwoOwners);
        Assert.Contains(
            "better and asked",
            Last(fw1, "wan@2", "BACKUP")?.Message + Last(fw2, "wan@2", "BACKUP")?.Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Without_the_sync_link_nobody_moves_and_without_the_LAN_neither_but_it_is_told()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        var before = Transitions(fw1) + Transitions(fw2);

        using (fw2.Sync.Cut())
            Deadline
                .In(10)
                .Await("the sync link is missed", () => fw1.Status().Cluster!.Peers[0].Paths is ["lan", "wan"] or ["wan", "lan"]);
        using (fw2.Lan.Cut())
        {
            // Longer than CARP waits: its timers alone would make a second master.
            Deadline
                .In(15)
                .Await(
                    "the cut is told",
                    () => fw2.Status().Reasons.Any(r => r.Contains("fw1 lives, but is not heard on lan", StringComparison.Ordinal))
                );
            Assert.Equal(_firstHolds, States(pair));
        }

        Assert.Equal(before, Transitions(fw1) + Transitions(fw2));
        Deadline.In(10).Await("all is well again", () => fw2.Status().Reasons.Count == 0);
    }

    [Fact]
    public void A_node_whose_advertisements_arrive_one_way_only_stays_backup()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);

        using (fw2.Lan.Cut(Direction.ToHost))
        {
            Deadline.In(15).Await("both tell", () => Tells(fw2, "is not heard on lan") && Tells(fw1, "does not hear this node on lan"));
            Assert.Equal(_firstHolds, States(pair));
        }
    }

    [Fact]
    public void Recorded_advertisements_and_heartbeats_of_a_dead_master_keep_nobody_from_taking_over_nor_push_anybody_back()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        var attacker = pair.Topology.Observer;
        var recorded = Record(attacker, fw1, count: 40);
        Assert.Contains(recorded, IsAdvertisement);
        Assert.Contains(recorded, f => !IsAdvertisement(f));

        fw1.Kill9();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        var transitions = Transitions(fw2);
        Replay(attacker, recorded, times: 50);

        Deadline
            .In(10)
            .Await(
                "the recordings are counted",
                () =>
                    fw2.Status() is { } s
                    && s.Cluster!.Heartbeats["replayed"] + s.Cluster.Heartbeats["notChallenged"] > 0
                    && s.Carp.Counters.Sum(c => c.Outcomes["replayed"]) > 0
            );
        Assert.Equal(VipState.Master, fw2.State(Topology.LanVhid));
        Assert.Equal(transitions, Transitions(fw2));
        Assert.False(fw2.Status().Cluster!.Peers[0].Alive);
    }

    [Fact]
    public void Of_three_nodes_any_two_may_die_and_the_order_of_preference_returns()
    {
        RedoubtOptions node = new() { StateSync = false };
        using var lab = LabSession.Build(new LabOptions { Nodes = [node, node, node] });
        lab.StartAll();
        var nodes = lab.RedoubtNodes.ToList();
        nodes[0].WaitForState(VipState.Master, Deadline.In(20));
        foreach (var (first, second) in new[] { (0, 1), (1, 0) })
        {
            nodes[first].Crash();
            nodes[first == 0 ? 1 : 0].WaitForState(VipState.Master, Deadline.In(10));
            nodes[second].Crash();
            nodes[2].WaitForState(VipState.Master, Deadline.In(10));

            lab.Heal();
            nodes[0].WaitForState(VipState.Master, Deadline.In(20));
            nodes[1].WaitForState(VipState.Backup, Deadline.In(20));
            nodes[2].WaitForState(VipState.Backup, Deadline.In(20));
        }
    }

    [Fact]
    public void Under_the_fast_profile_a_kill_leaves_one_owner_and_the_other_node_says_why_it_took_over()
    {
        using var pair = new Pair(redoubtXml: "<failover><profile>fast</profile></failover>");
        var (fw1, fw2) = (pair.First, pair.Second);
        Assert.Equal(10, fw1.Status().Cluster!.IntervalMs);
        using var watch = Watch(pair);

        fw1.Kill9();
        fw2.WaitForState(VipState.Master, Deadline.In(10));

        Assert.Equal("fw1 was heard on no path for its hold time", Last(fw2, "lan@1", "MASTER")!.Reason);
        Assert.Empty(watch.Stop().TwoOwners);
    }

    private static OwnerWatch Watch(Pair pair) =>
        new(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));

    private static VipState?[] States(Pair pair) =>
        [
            pair.First.State(Topology.LanVhid),
            pair.First.State(Topology.WanVhid),
            pair.Second.State(Topology.LanVhid),
            pair.Second.State(Topology.WanVhid),
        ];

    private static void Await(Pair pair, VipState?[] states) =>
        Deadline
            .In(15)
            .Await(
                states[0] == _secondHolds[0] ? "fw2 holds all" : "fw1 holds all",
                () => States(pair).SequenceEqual(states),
                () => string.Join(' ', States(pair))
            );

    private static bool Tells(RedoubtNode node, string what) => node.Status().Reasons.Any(r => r.Contains(what, StringComparison.Ordinal));

    private static int Transitions(RedoubtNode node) => node.Events().Count(e => e.Kind == EventKind.Transition);

    private static EventRecord? Last(RedoubtNode node, string vip, string to) =>
        node.Events()
            .LastOrDefault(e => e.Kind == EventKind.Transition && e.To == to && e.Message.StartsWith(vip, StringComparison.Ordinal));

    private static bool IsAdvertisement(byte[] frame) => frame[23] == 112;

    // IPv4 frames of protocol 112 and heartbeats that a host on the LAN hears from a node.
    private static List<byte[]> Record(Place attacker, RedoubtNode node, int count)
    {
        var index = Pair.Device(attacker, "lan0").Index;
        using var tap = attacker.Run(() => new PacketTap(index));
        var source = IPAddress.Parse(Topology.LanAddress(node.Number)).GetAddressBytes();
        List<byte[]> frames = [];
        var buffer = new byte[2048];
        bool Look()
        {
            while (tap.TryReceive(buffer, out var length, out _))
            {
                var frame = buffer.AsSpan(0, length);
                if (length < 42 || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != 0x0800 || !frame.Slice(26, 4).SequenceEqual(source))
                    continue;
                if (frame[23] == 112 || (frame[23] == 17 && BinaryPrimitives.ReadUInt16BigEndian(frame[36..]) == 7241))
                    frames.Add(frame.ToArray());
            }
            return frames.Count >= count && frames.Exists(IsAdvertisement);
        }
        Deadline.In(10).Await("the attacker has heard enough", Look);
        return frames;
    }

    private static void Replay(Place attacker, List<byte[]> frames, int times)
    {
        var index = Pair.Device(attacker, "lan0").Index;
        using var sender = attacker.Run(() => new PacketSender(index));
        for (var i = 0; i < times; i++)
        {
            foreach (var frame in frames)
                Assert.True(sender.Send(frame, 0).IsSuccess);
        }
    }
}
