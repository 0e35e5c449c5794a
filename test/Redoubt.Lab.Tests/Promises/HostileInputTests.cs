using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Redoubt.Core.Carp;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>Rubbish on the wire is counted, and changes nothing.</summary>
public sealed class HostileInputTests
{
    private const int Count = 100_000;
    private const int Batch = 20; // each millisecond: what the daemon can read, so that genuine packets are not lost among it
    private const int Seed = 112;

    [Fact]
    public void A_hundred_thousand_hostile_advertisements_are_refused_and_counted_and_no_vhid_changes_its_state()
    {
        using var pair = new Pair();
        var observer = pair.Topology.Observer;
        var frames = HostileAdvertisements.Learn(observer, "lan0", Seed);
        var index = Pair.Device(observer, "lan0").Index;
        using var sender = observer.Run(() => new PacketSender(index));
        RedoubtNode[] nodes = [pair.First, pair.Second];
        var before = nodes.Select(Standing).ToList();
        var clock = Stopwatch.StartNew();

        Paced(Count, i => Assert.True(sender.Send(frames.Deliverable(i / 2, i % 2 == 1), mark: 0).IsSuccess));
        var genuine = 4 * ((int)clock.Elapsed.TotalSeconds + 3); // advertisements of both families on the LAN, once more for luck
        for (var i = 0; i < nodes.Length; i++)
        {
            var (node, was) = (nodes[i], before[i]);
            long Arrived() => Standing(node).Received + Standing(node).Dropped - was.Received - was.Dropped;
            Deadline.In(10).Await($"{node.Name} has read all", () => Arrived() >= Count, () => $"{Arrived()}");
            var now = Standing(node);
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{node.Name}: {now.Received - was.Received} received, {now.Dropped - was.Dropped} not taken, "
                    + string.Join(", ", now.Outcomes.Select(o => $"{o.Key} {o.Value - was.Outcomes[o.Key]}"))
            );
            Assert.InRange(Arrived(), Count, Count + genuine);
            Assert.Equal(now.Received, now.Outcomes.Values.Sum());
            Assert.True(now.Accepted - was.Accepted <= genuine, "hostile ones were accepted");
            foreach (
                var outcome in new[]
                {
                    CarpRejection.BadLength,
                    CarpRejection.BadTtl,
                    CarpRejection.BadChecksum,
                    CarpRejection.BadDigest,
                    CarpRejection.UnknownVhid,
                    CarpRejection.Vrrp,
                }
            )
            {
                var name = CarpRejectionText.Text(outcome);
                Assert.True(now.Outcomes[name] > was.Outcomes[name], $"none was {name}");
            }
        }

        Paced(Count / 10, i => Assert.True(sender.Send(frames.Undeliverable(i % 2 == 1), mark: 0).IsSuccess));
        AssertUnchanged(nodes, before);
        foreach (var now in nodes.Select(Standing))
            Assert.Equal(now.Received, now.Outcomes.Values.Sum());
        Assert.True(pair.Topology.Client.Pings(Topology.LanVip));
    }

    [Fact]
    public void A_hundred_thousand_hostile_sync_datagrams_of_the_peers_address_and_of_a_stranger_are_counted_and_connections_stay()
    {
        using var pair = new Pair(stateSync: true);
        var (fw1, fw2, topology) = (pair.First, pair.Second, pair.Topology);
        Deadline.In(15).Await("fw1 is in sync", () => fw1.Status().StateSync.Peers is [{ InSync: true }]);
        using var connections = new OpenConnections(topology, 20);
        var datagrams = HostileDatagrams.Learn(fw1.Place, "sync0", 100, Seed);
        fw2.Kill9();
        Deadline.In(10).Await("fw1 has heard the last of fw2", () => fw1.Status().StateSync.Peers is [{ Alive: false }]);

        const string Stranger = "10.77.3.99";
        fw2.Place.Ip($"addr add {Stranger}/24 dev sync0");
        using var asPeer = SyncSocket(fw2.Place, Topology.SyncAddress(2));
        using var asStranger = SyncSocket(fw2.Place, Stranger);
        var target = new IPEndPoint(IPAddress.Parse(Topology.SyncAddress(1)), HostileDatagrams.SyncPort);
        RedoubtNode[] nodes = [fw1];
        var before = nodes.Select(Standing).ToList();
        var was = SyncCounters(fw1);
        var entries = connections.In(fw1.Place);
        Assert.Equal(connections.Count, entries.Count);

        var strangers = 0;
        Paced(
            Count,
            i =>
            {
                var stranger = i % 5 == 4;
                strangers += stranger ? 1 : 0;
                var payload = datagrams.Make(i / 5 * 4 + i % 5);
                Assert.Equal(payload.Length, (stranger ? asStranger : asPeer).SendTo(payload, target));
            }
        );
        long Since(string name) => SyncCounters(fw1)[name] - was[name];
        Deadline
            .In(10)
            .Await("fw1 has read all", () => Since("datagramsReceived") + SyncDropped(fw1) >= Count, () => $"{Since("datagramsReceived")}");
        var now = SyncCounters(fw1).ToDictionary(c => c.Key, c => c.Value - was[c.Key]);
        var reasons = now.Where(c => c.Key.StartsWith("rejected", StringComparison.Ordinal)).ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{SyncDropped(fw1)} not taken, accepted {now["datagramsAccepted"]}, {string.Join(", ", reasons.Select(c => $"{c.Key} {c.Value}"))}"
        );
        Assert.Equal(Count, now["datagramsReceived"] + SyncDropped(fw1));
        // One reason each, but for what is wrong within a datagram, which may be so several times.
        var refused = now["datagramsReceived"] - now["datagramsAccepted"];
        var within = now["rejectedBadMessage"] + now["rejectedBadSection"];
        Assert.InRange(refused, reasons.Sum(c => c.Value) - within, reasons.Sum(c => c.Value));
        Assert.True(refused > Count / 100 * 98, $"{now["datagramsAccepted"]} were accepted");
        Assert.InRange(now["rejectedUnknownPeer"], 1, strangers);
        AssertUnchanged(nodes, before);
        Assert.Equal(entries, connections.In(fw1.Place));
        connections.Exchange();
        Assert.Equal(0, fw1.InvalidPackets);
    }

    private static IReadOnlyDictionary<string, long> SyncCounters(RedoubtNode node) => node.Status().StateSync.Counters;

    private static long SyncDropped(RedoubtNode node) => Dropped(node.Place, "/proc/net/udp");

    private static Socket SyncSocket(Place place, string address)
    {
        var socket = place.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), HostileDatagrams.SyncPort));
        return socket;
    }

    private static void AssertUnchanged(RedoubtNode[] nodes, List<NodeStanding> before)
    {
        for (var i = 0; i < nodes.Length; i++)
        {
            Assert.True(nodes[i].IsRunning, $"{nodes[i].Name} has ended: {nodes[i].Daemon?.Tail}");
            Assert.Equal(before[i].States, Standing(nodes[i]).States); // a change and its return would show in the time
        }
    }

    private static NodeStanding Standing(RedoubtNode node)
    {
        var carp = node.Status().Carp;
        var lan = carp.Counters.Single(c => c.Interface == "lan");
        return new NodeStanding(
            string.Join(", ", carp.Vips.Select(v => $"{v.Vhid} {v.State} since {v.Since:O}")),
            lan.Received,
            lan.Outcomes,
            Dropped(node.Place, "/proc/net/raw") + Dropped(node.Place, "/proc/net/raw6")
        );
    }

    /// <summary>Datagrams that sockets of a place did not take because their buffer was full: the last column.</summary>
    private static long Dropped(Place place, string table) =>
        place
            .Execute("cat", table)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Skip(1)
            .Sum(l => long.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1], CultureInfo.InvariantCulture));

    private static void Paced(int count, Action<int> send)
    {
        for (var i = 0; i < count; i++)
        {
            send(i);
            if (i % Batch == Batch - 1)
                Thread.Sleep(1); // the pace of the traffic
        }
    }

    private sealed record NodeStanding(string States, long Received, IReadOnlyDictionary<string, long> Outcomes, long Dropped)
    {
        public long Accepted => Outcomes[CarpRejectionText.Text(CarpRejection.None)];
    }
}
