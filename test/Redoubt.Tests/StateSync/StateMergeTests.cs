using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>The order of accounts, the store, and what strangers can do.</summary>
public sealed class StateMergeTests
{
    private static (ReplicatedState State, bool Ended) Random(Random random) =>
        (
            new ReplicatedState
            {
                Identity = new StateIdentity((ulong)random.Next(1, 3), (uint)random.Next(1, 3)),
                Term = (uint)random.Next(1, 3),
                Owner = (byte)random.Next(1, 3),
                Revision = (ushort)(65534 + random.Next(4)),
                Entry = ClusterTests.Flow(1) with { TcpState = (byte)random.Next(1, 10), Mark = (uint)random.Next(2) },
            },
            random.Next(4) == 0
        );

    private static (ReplicatedState State, bool Ended) Join((ReplicatedState State, bool Ended) a, (ReplicatedState State, bool Ended) b) =>
        StateMerge.Compare(a.State, a.Ended, b.State, b.Ended) >= 0 ? a : b;

    [Fact]
    public void Joining_accounts_is_idempotent_commutative_and_associative()
    {
        var random = new Random(7);
        for (var i = 0; i < 100_000; i++)
        {
            var (a, b, c) = (Random(random), Random(random), Random(random));
            static int Order((ReplicatedState State, bool Ended) x, (ReplicatedState State, bool Ended) y) =>
                StateMerge.Compare(x.State, x.Ended, y.State, y.Ended);
            Assert.Equal(0, Order(a, a));
            Assert.Equal(0, Order(Join(a, b), Join(b, a)));
            Assert.Equal(0, Order(Join(Join(a, b), c), Join(a, Join(b, c))));
        }
    }

    [Fact]
    public void The_end_of_an_earlier_life_does_not_end_a_later_one()
    {
        var early = new ReplicatedState
        {
            Identity = new StateIdentity(1, 1),
            Term = 9,
            Owner = 1,
        };
        var late = new ReplicatedState
        {
            Identity = new StateIdentity(2, 1),
            Term = 1,
            Owner = 2,
        };
        Assert.True(StateMerge.Compare(early, true, late, false) < 0);
        Assert.True(StateMerge.Compare(late, true, early, false) > 0);
    }

    [Fact]
    public void The_store_finds_what_was_added_and_nothing_that_was_freed()
    {
        var random = new Random(3);
        var store = new StateStore(600, seed: 5);
        var model = new Dictionary<ConntrackTuple, int>();
        for (var i = 0; i < 50_000; i++)
        {
            var tuple = ClusterTests.Flow(random.Next(1000)).Original;
            if (model.Remove(tuple, out var number))
            {
                Assert.Equal(number, store.Find(tuple));
                store.Free(number);
                Assert.Equal(-1, store.Find(tuple));
                continue;
            }
            number = store.Add(tuple);
            Assert.Equal(model.Count == 600, number < 0);
            if (number >= 0)
                model.Add(tuple, number);
        }
        Assert.Equal(model.Count, store.Count);
        Assert.All(model, m => Assert.Equal(m.Value, store.Find(m.Key)));
    }

    [Fact]
    public void Random_and_damaged_datagrams_change_no_state_and_are_all_counted()
    {
        var random = new Random(11);
        var now = new Instant(1_000_000_000);
        var table = new SimulatedTable(random) { Now = now };
        var sink = new Sink();
        var engine = new StateSyncEngine(
            new StateSyncEngineOptions
            {
                NodeId = 1,
                Epoch = 5,
                ClockStart = 1,
                Seed = 3,
                Peers = 1,
                Scope = new StateScope([]),
            },
            table,
            sink,
            now
        );
        var buffer = new byte[PfsyncLimits.MaxDatagram + 50];
        var refused = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var length = random.Next(buffer.Length + 1);
            var datagram = buffer.AsSpan(0, length);
            random.NextBytes(datagram);
            if (length >= PfsyncHeader.Length && length <= PfsyncLimits.MaxDatagram && random.Next(2) == 0)
                new PfsyncHeader
                {
                    Node = 2,
                    Epoch = 7,
                    Stream = 1,
                    Sequence = (ulong)random.Next(3),
                    Echo = (uint)random.Next(),
                }.Write(datagram, length);
            refused += engine.Receive(now, 0, datagram) == PfsyncRejection.None ? 0 : 1;
        }
        engine.Tick(now);
        Assert.Equal(100_000, refused);
        Assert.Equal(100_000, Enum.GetValues<PfsyncRejection>().Sum(r => engine.Counters[r]));
        Assert.Equal(0, engine.Count + table.Count);
        Assert.Equal(0, engine.Counters.Sessions);
        Assert.Equal(PfsyncRejection.UnknownPeer, engine.Receive(now, 1, buffer));
    }

    private sealed class Sink : IDatagramSink
    {
        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram) => true;
    }
}
