using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>The first packet of a flow waits until every peer that lives has acknowledged the flow, and never longer than the limit.</summary>
public sealed class HoldTests
{
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _limit = TimeSpan.FromMilliseconds(20);

    private static SimulatedCluster Started(int nodes = 2, int maxHeld = 256)
    {
        var cluster = new SimulatedCluster(1, nodes);
        if (maxHeld != cluster.MaxHeld)
        {
            cluster.MaxHeld = maxHeld;
            cluster.Nodes[0].Restart(keepsKernel: false);
        }
        cluster.Nodes[0].SetForwarding(true);
        cluster.Run(TimeSpan.FromSeconds(4));
        Assert.All(cluster.Nodes, n => Assert.True(n.Engine.IsReady));
        return cluster;
    }

    // Each translated to a port of its own.
    private static ConntrackEntry Flow(int number)
    {
        var flow = ClusterTests.Flow(number);
        flow.Reply = flow.Reply with { DestinationPort = (ushort)(10_000 + number) };
        return flow;
    }

    // As the loop does it: the kernel's news is read before it is asked about the frame.
    private static bool Offer(SimulatedCluster cluster, int number, bool isKnown = true)
    {
        var node = cluster.Nodes[0];
        var flow = Flow(number);
        if (isKnown)
            node.Table.Put(flow, isEcho: false);
        node.ReadNews();
        return node.Engine.Hold(cluster.Now, number, flow.Reply);
    }

    private static bool Has(SimulatedCluster cluster, int node, int number) =>
        cluster.Nodes[node].Table.TryGet(Flow(number).Original, isReply: false, out _);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_frame_goes_when_the_last_peer_has_acknowledged_and_not_before(int nodes)
    {
        var cluster = Started(nodes);
        var (engine, released) = (cluster.Nodes[0].Engine, cluster.Nodes[0].Released);
        for (var i = 0; i < 20; i++)
        {
            Assert.True(Offer(cluster, i));
            for (var ticks = 0; released.Count <= i; ticks++)
            {
                Assert.True(ticks < 20, "never released");
                Assert.True(engine.Deadline <= cluster.Now + _limit || ticks == 0);
                cluster.Run(_tick, _tick);
                if (released.Count > i)
                    Assert.All(Enumerable.Range(1, nodes - 1), n => Assert.True(Has(cluster, n, i)));
            }
        }
        Assert.Equal(Enumerable.Range(0, 20), released);
        Assert.Equal((20L, 20L, 0L), (engine.Counters.Held, engine.Counters.HoldsAcknowledged, engine.Counters.HoldsExpired));
    }

    [Fact]
    public void With_one_of_two_peers_silent_a_frame_goes_at_the_limit_and_wakes_the_loop_for_it()
    {
        var cluster = Started(3);
        cluster.Frozen = 2;
        var from = cluster.Now;
        Assert.True(Offer(cluster, 1));
        cluster.Nodes[0].Turn();
        while (cluster.Nodes[0].Released.Count == 0)
        {
            Assert.True(cluster.Now < from + _limit);
            Assert.True(cluster.Nodes[0].Engine.Deadline <= from + _limit);
            cluster.Run(_tick, _tick);
        }
        Assert.Equal(from + _limit, cluster.Now);
        Assert.True(Has(cluster, 1, 1));
        Assert.Equal(1, cluster.Nodes[0].Engine.Counters.HoldsExpired);
    }

    // Nothing else is due that soon: what was sent to the silent peer is repeated ever more seldom.
    [Fact]
    public void The_loop_is_woken_for_every_frame_in_time()
    {
        var cluster = Started();
        cluster.Frozen = 1;
        for (var i = 0; i < 60; i++)
        {
            var until = cluster.Now + _limit;
            Assert.True(Offer(cluster, i));
            cluster.Nodes[0].Turn();
            Assert.True(cluster.Nodes[0].Engine.Deadline <= until, $"frame {i}");
            cluster.Run(_limit - _tick, _tick);
            Assert.Equal(i, cluster.Nodes[0].Released.Count);
            cluster.Run(_tick, _tick);
            Assert.Equal(i + 1, cluster.Nodes[0].Released.Count);
            // A second of silence, and nobody would be waited for.
            if (i % 30 != 29)
                continue;
            cluster.Frozen = -1;
            cluster.Run(TimeSpan.FromSeconds(1));
            cluster.Frozen = 1;
        }
    }

    [Fact]
    public void Each_of_many_frames_waits_for_its_own_flow()
    {
        var cluster = Started(3);
        var released = cluster.Nodes[0].Released;
        var seen = 0;
        for (var i = 0; i < 300; i++)
        {
            Assert.True(Offer(cluster, i));
            cluster.Run(_tick / 4, _tick / 4);
            for (; seen < released.Count; seen++)
                Assert.True(Has(cluster, 1, released[seen]) && Has(cluster, 2, released[seen]), $"frame {released[seen]}");
        }
        cluster.Run(5 * _tick, _tick);
        Assert.Equal(Enumerable.Range(0, 300), released);
        Assert.Equal(300, cluster.Nodes[0].Engine.Counters.HoldsAcknowledged);
    }

    [Fact]
    public void A_frame_whose_state_was_lost_does_not_go_with_the_one_before_it()
    {
        var cluster = Started();
        Assert.True(Offer(cluster, 1));
        cluster.Nodes[0].Turn();
        cluster.IsCut = (from, _, _) => from == 0;
        Assert.True(Offer(cluster, 2));
        cluster.Nodes[0].Turn();
        cluster.IsCut = (_, _, _) => false;
        cluster.Run(_limit - _tick, _tick);
        Assert.Equal([1], cluster.Nodes[0].Released);
        cluster.Run(_tick, _tick);
        Assert.Equal([1, 2], cluster.Nodes[0].Released);
        Assert.Equal((1L, 1L), (cluster.Nodes[0].Engine.Counters.HoldsAcknowledged, cluster.Nodes[0].Engine.Counters.HoldsExpired));
    }

    [Fact]
    public void Nobody_waits_for_a_peer_that_is_dead()
    {
        var cluster = Started(3);
        cluster.Isolated = 2;
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.True(Offer(cluster, 1));
        cluster.Run(5 * _tick, _tick);
        Assert.Equal([1], cluster.Nodes[0].Released);
        Assert.Equal(1, cluster.Nodes[0].Engine.Counters.HoldsAcknowledged);

        cluster.Isolated = 0;
        cluster.Run(TimeSpan.FromSeconds(2));
        Assert.False(cluster.Nodes[0].Engine.CanHold);
        Assert.False(Offer(cluster, 2));
        Assert.Equal([1], cluster.Nodes[0].Released);
    }

    [Fact]
    public void Who_does_not_forward_holds_nothing_and_lets_go_when_it_stops()
    {
        var cluster = Started();
        cluster.Frozen = 1;
        Assert.True(Offer(cluster, 1));
        cluster.Nodes[0].SetForwarding(false);
        cluster.Nodes[0].Turn();
        Assert.Equal([1], cluster.Nodes[0].Released);
        Assert.False(Offer(cluster, 2));
    }

    [Fact]
    public void When_enough_are_held_the_next_goes_at_once()
    {
        var cluster = Started(maxHeld: 4);
        cluster.Frozen = 1;
        for (var i = 0; i < 4; i++)
            Assert.True(Offer(cluster, i));
        Assert.False(Offer(cluster, 4));
        Assert.Equal(1, cluster.Nodes[0].Engine.Counters.HoldsRefused);
        cluster.Run(_limit, _tick);
        Assert.Equal([0, 1, 2, 3], cluster.Nodes[0].Released);
        Assert.True(Offer(cluster, 5));
    }

    [Fact]
    public void A_flow_that_the_kernel_does_not_know_or_that_is_not_replicated_is_not_held_and_one_whose_news_was_lost_is()
    {
        var cluster = Started();
        var engine = cluster.Nodes[0].Engine;
        Assert.False(Offer(cluster, 1, isKnown: false));
        Assert.Equal(1, engine.Counters.HoldsUnknown);

        var hidden = Flow(2);
        hidden.Mark = ConntrackEntry.MarkNotReplicated;
        cluster.Nodes[0].Table.Put(hidden, isEcho: false);
        Assert.False(engine.Hold(cluster.Now, 2, hidden.Reply));
        Assert.Equal(1, engine.Counters.HoldsNeedless);

        var silent = Flow(3);
        cluster.Nodes[0].Table.Put(silent, isEcho: false);
        cluster.Nodes[0].Table.News.Clear();
        Assert.True(engine.Hold(cluster.Now, 3, silent.Reply));
        cluster.Run(5 * _tick, _tick);
        Assert.Equal([3], cluster.Nodes[0].Released);
        Assert.True(Has(cluster, 1, 3));
    }

    [Fact]
    public void What_follows_a_frame_waits_with_it_and_goes_at_once_when_the_flow_is_known()
    {
        var cluster = Started();
        Assert.True(Offer(cluster, 1));
        Assert.True(cluster.Nodes[0].Engine.Hold(cluster.Now, 100, Flow(1).Reply));
        cluster.Run(5 * _tick, _tick);
        Assert.Equal([1, 100], cluster.Nodes[0].Released);
        Assert.False(Offer(cluster, 1));
        Assert.Equal(1, cluster.Nodes[0].Engine.Counters.HoldsNeedless);
    }

    // Its new stream begins with a number that the old one had long passed.
    [Fact]
    public void A_peer_that_was_restarted_acknowledges_nothing_of_what_the_former_one_was_sent()
    {
        var cluster = Started();
        for (var i = 0; i < 10; i++)
            Offer(cluster, i);
        cluster.Run(TimeSpan.FromSeconds(1));
        var released = cluster.Nodes[0].Released;
        released.Clear();
        Assert.True(Offer(cluster, 20));
        cluster.Nodes[1].Restart(keepsKernel: false);
        for (var waited = 0; released.Count == 0; waited++)
        {
            Assert.True(waited < 20);
            cluster.Run(_tick, _tick);
            Assert.True(released.Count == 0 || Has(cluster, 1, 20) || waited == 19);
        }
        cluster.Run(TimeSpan.FromMilliseconds(100), _tick);
        Assert.Equal([20], released);
        // A flow of the first moment of the new session.
        Assert.True(Offer(cluster, 21));
        while (released.Count == 1)
            cluster.Run(_tick, _tick);
        Assert.True(Has(cluster, 1, 21));
    }

    [Fact]
    public void In_storms_each_frame_goes_once_and_within_the_limit() =>
        Seeds.ForEach(
            30,
            seed =>
            {
                var random = new Random(seed);
                var cluster = new SimulatedCluster(seed, 3) { LossPercent = random.Next(30) };
                cluster.Nodes[0].SetForwarding(true);
                cluster.Run(TimeSpan.FromSeconds(4));
                var due = new Dictionary<int, long>();
                var node = cluster.Nodes[0];
                var seen = 0;
                for (var i = 0; i < 600; i++)
                {
                    switch (random.Next(60))
                    {
                        case 0:
                            cluster.Nodes[random.Next(1, 3)].Restart(keepsKernel: random.Next(2) == 0);
                            break;
                        case 1:
                            cluster.Frozen = random.Next(3) - 1 is var frozen and not 0 ? frozen : -1;
                            break;
                        case 2:
                            cluster.Isolated = random.Next(4) - 1 is var isolated and not 0 ? isolated : -1;
                            break;
                        case 3:
                            node.Overrun();
                            break;
                        case 4:
                            node.SetForwarding(random.Next(3) > 0);
                            break;
                    }
                    if (random.Next(3) > 0 && Offer(cluster, i))
                        due.Add(i, (cluster.Now + _limit).Nanoseconds);
                    cluster.Run(_tick, _tick);
                    for (; seen < node.Released.Count; seen++)
                    {
                        Assert.True(due.Remove(node.Released[seen], out var until), "released twice, or not held");
                        Assert.True(cluster.Now.Nanoseconds <= until + 1_000_000);
                    }
                }
                cluster.Run(_limit, _tick);
                Assert.Equal(node.Released.Count, node.Released.Distinct().Count());
                Assert.Equal(due.Count, node.Released.Count - seen);
                Assert.Equal(0, node.Engine.HeldCount);
                var counters = node.Engine.Counters;
                Assert.Equal(counters.Held, counters.HoldsAcknowledged + counters.HoldsExpired);
            }
        );
}
