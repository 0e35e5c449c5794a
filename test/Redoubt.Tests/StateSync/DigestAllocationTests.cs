using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Comparing is done for ever: it must cost no memory.</summary>
public sealed class DigestAllocationTests
{
    private const int States = 300;

    [Fact]
    public void Hellos_scans_and_comparisons_of_equal_tables_allocate_nothing()
    {
        var wire = new Wire();
        var now = new Instant(1_000_000_000);
        StateSyncEngine[] nodes = [Make(1, wire, now, new StillTable(States)), Make(2, wire, now, new StillTable(0))];
        nodes[0].SetForwarding(now, true);
        Run(nodes, wire, ref now, TimeSpan.FromSeconds(40));
        Assert.Equal(States, nodes[1].Count);
        var compared = nodes[1].Counters.DigestsReceived;

        Assert.Equal(0, Allocated.During(600, _ => Run(nodes, wire, ref now, TimeSpan.FromMilliseconds(50))));
        Assert.True(nodes[1].Counters.DigestsReceived >= compared + 2);
        Assert.Equal(TableAgreement.Equal, nodes[0].Peer(0).Agreement);
    }

    private static void Run(StateSyncEngine[] nodes, Wire wire, ref Instant now, TimeSpan span)
    {
        for (var end = now + span; now < end; now += TimeSpan.FromMilliseconds(10))
        {
            for (var i = 0; i < 2; i++)
            {
                wire.Sender = i;
                nodes[i].Tick(now);
                while (wire.TryTake(out var to, out var datagram))
                {
                    wire.Sender = to;
                    nodes[to].Receive(now, 0, datagram);
                }
            }
        }
    }

    private static StateSyncEngine Make(byte node, Wire wire, Instant now, StillTable table) =>
        new(
            new StateSyncEngineOptions
            {
                NodeId = node,
                Epoch = node,
                ClockStart = 1,
                Seed = node,
                Peers = 1,
                Scope = new StateScope([]),
                MaxEntries = 4096,
            },
            table,
            wire,
            now
        );

    private sealed class Wire : IDatagramSink
    {
        private readonly byte[][] _datagrams = [.. Enumerable.Range(0, 256).Select(_ => new byte[1500])];
        private readonly (int To, int Length)[] _heads = new (int, int)[256];
        private byte _first;
        private byte _next;

        public int Sender { get; set; }

        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram)
        {
            datagram.CopyTo(_datagrams[_next]);
            _heads[_next++] = (1 - Sender, datagram.Length);
            return true;
        }

        public bool TryTake(out int to, out ReadOnlySpan<byte> datagram)
        {
            (to, var length) = _heads[_first];
            datagram = _datagrams[_first].AsSpan(0, length);
            if (_first == _next)
                return false;
            _first++;
            return true;
        }
    }

    /// <summary>A table in which nothing happens but what it is told.</summary>
    private sealed class StillTable(int count) : IStateTable
    {
        private readonly ConntrackEntry[] _entries =
        [
            .. Enumerable
                .Range(0, States)
                .Select(i =>
                {
                    var flow = ClusterTests.Flow(1);
                    return flow with
                    {
                        Original = flow.Original with { Source = new IpAddressValue(0, 0x0a020000u + (uint)i) },
                        Reply = flow.Reply with { DestinationPort = (ushort)(10000 + i) },
                        KernelId = (uint)i + 1,
                    };
                }),
        ];
        private int _count = count;
        private int _walked;

        public TableAnswer Create(in ConntrackEntry entry)
        {
            _count++;
            return TableAnswer.Done;
        }

        public TableAnswer Update(in ConntrackEntry entry) => TableAnswer.Done;

        public void Install(ReadOnlySpan<TableInstall> installs, Span<TableAnswer> answers)
        {
            for (var i = 0; i < installs.Length; i++)
                answers[i] = installs[i].IsUpdate ? TableAnswer.Done : Create(installs[i].Entry);
        }

        public TableAnswer Delete(in ConntrackTuple original, uint kernelId) => TableAnswer.Missing;

        public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry)
        {
            entry = default;
            return false;
        }

        public TableAnswer Expect(in ExpectedFlow flow) => TableAnswer.Refused;

        public TableAnswer Unexpect(in ExpectedFlow flow) => TableAnswer.Missing;

        public void MakeLiberal(ReadOnlySpan<ConntrackTuple> originals) { }

        public void BeginScan() => _walked = 0;

        public int Scan(Span<ConntrackEntry> entries)
        {
            var slice = _entries.AsSpan(_walked, Math.Min(entries.Length, Math.Min(_count, States) - _walked));
            slice.CopyTo(entries);
            _walked += slice.Length;
            return slice.Length;
        }
    }
}
