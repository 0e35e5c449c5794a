using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>What a backup has of a flow is enough to go on with it.</summary>
public sealed class TakeOverTests
{
    private static readonly HelperName _ftp = Name("ftp");

    private static HelperName Name(string name)
    {
        Assert.True(HelperName.TryRead(System.Text.Encoding.ASCII.GetBytes(name), out var helper));
        return helper;
    }

    private static SimulatedCluster Started()
    {
        var cluster = new SimulatedCluster(seed: 2, nodes: 2);
        cluster.Nodes[0].Engine.SetForwarding(cluster.Now, true);
        cluster.Run(TimeSpan.FromSeconds(3));
        return cluster;
    }

    private static ConntrackEntry Held(SimulatedCluster cluster, ConntrackTuple tuple) =>
        cluster.Nodes[1].Table.Entries.Single(e => e.Original == tuple);

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 3)]
    [InlineData(9, 3)]
    [InlineData(3, 3)]
    [InlineData(7, 7)]
    public void A_young_connection_is_called_established_by_who_takes_over_and_no_other_is_touched(byte before, byte after)
    {
        var cluster = Started();
        var flow = ClusterTests.Flow(1) with { TcpState = before, Status = ConntrackEntry.StatusConfirmed };
        cluster.Nodes[0].Table.Put(flow, isEcho: false);
        cluster.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(before, Held(cluster, flow.Original).TcpState);
        Assert.Equal(0L, cluster.Nodes[1].Engine.Counters.Promoted);

        cluster.Isolated = 0;
        cluster.Nodes[1].SetForwarding(true);
        cluster.Run(SimulatedCluster.Step);
        Assert.Equal(after, Held(cluster, flow.Original).TcpState);
        Assert.Equal(before == after ? 0 : 1, cluster.Nodes[1].Engine.Counters.Promoted);
    }

    [Fact]
    public void An_expected_flow_is_expected_by_the_peer_too_also_by_one_that_comes_later_and_no_longer_than_it_is()
    {
        var cluster = Started();
        var control = ClusterTests.Flow(1) with { Helper = _ftp };
        var expected = new ExpectedFlow
        {
            Master = control.Original,
            Tuple = control.Original with { SourcePort = 0, DestinationPort = 40001 },
            MaskSource = new IpAddressValue(0, uint.MaxValue),
            TimeoutSeconds = 300,
            Helper = _ftp,
        };
        var (master, backup) = (cluster.Nodes[0], cluster.Nodes[1]);
        master.Table.Put(control, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        master.Engine.TakeExpectation(cluster.Now, expected, isGone: false, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal([expected.Tuple], backup.Table.Expected.Select(e => e.Tuple));

        backup.Restart(keepsKernel: false);
        backup.Table.Expected.Clear();
        cluster.Run(TimeSpan.FromSeconds(5));
        Assert.Equal([expected.Tuple], backup.Table.Expected.Select(e => e.Tuple));

        master.Engine.TakeExpectation(cluster.Now, expected, isGone: true, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        Assert.Empty(backup.Table.Expected);
    }

    [Fact]
    public void A_flow_that_a_flowtable_forwards_is_warned_of_once_and_counted()
    {
        var cluster = Started();
        var master = cluster.Nodes[0];
        List<string> notices = [];
        master.Engine.Notice = (kind, _) => notices.Add(kind);
        master.Table.Put(ClusterTests.Flow(1), isEcho: false);
        cluster.Run(TimeSpan.FromSeconds(5));
        Assert.DoesNotContain("offload", notices);
        Assert.Equal(0, master.Engine.Counters.Offloaded);
        var flow = ClusterTests.Flow(2);
        master.Table.Put(flow with { Status = flow.Status | ConntrackEntry.StatusOffload }, isEcho: false);
        cluster.Run(TimeSpan.FromSeconds(10));
        Assert.Single(notices, "offload");
        Assert.True(master.Engine.Counters.Offloaded > 1);
    }

    [Fact]
    public void An_expectation_of_a_connection_nobody_knows_is_not_told_and_one_connection_has_few()
    {
        var cluster = Started();
        var control = ClusterTests.Flow(1) with { Helper = _ftp };
        var engine = cluster.Nodes[0].Engine;
        ExpectedFlow Expect(ushort port) =>
            new()
            {
                Master = control.Original,
                Tuple = control.Original with { DestinationPort = port },
                TimeoutSeconds = 300,
                Helper = _ftp,
            };
        engine.TakeExpectation(cluster.Now, Expect(1), isGone: false, isEcho: false);
        Assert.Equal(0, engine.ExpectedCount);
        cluster.Nodes[0].Table.Put(control, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        for (ushort port = 1; port <= 100; port++)
            engine.TakeExpectation(cluster.Now, Expect(port), isGone: false, isEcho: false);
        Assert.Equal(6, engine.ExpectedCount);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        Assert.Equal(6, cluster.Nodes[1].Table.Expected.Count);
    }

    [Fact]
    public void An_expectation_is_read_as_it_was_written_and_refused_when_cut_or_impossible()
    {
        foreach (var family in new byte[] { 2, 10 })
        {
            var tuple = new ConntrackTuple
            {
                Family = family,
                Protocol = 6,
                Source = new IpAddressValue(family == 10 ? 1ul : 0, 2),
                Destination = new IpAddressValue(family == 10 ? 3ul : 0, 4),
                SourcePort = 5,
                DestinationPort = 6,
                Zone = 7,
            };
            var flow = new ExpectedFlow
            {
                Master = tuple,
                Tuple = tuple with { SourcePort = 0, DestinationPort = 8 },
                MaskSource = new IpAddressValue(0, 9),
                MaskPort = 10,
                TimeoutSeconds = 300,
                Flags = 1,
                Class = 2,
                Helper = _ftp,
                HasNat = true,
                NatDirection = 1,
                NatAddress = new IpAddressValue(0, 11),
                NatPort = 12,
                Function = ExpectedFunction.FollowMaster,
            };
            var action = LinuxExpectation.ActionOf(flow);
            var bytes = new byte[LinuxExpectation.LengthOf(action)];
            var identity = new StateIdentity(13, 14);
            LinuxExpectation.Write(bytes, flow, identity, isGone: true);
            Assert.True(LinuxExpectation.TryRead(bytes, action, out var read, out var master, out var isGone));
            Assert.Equal((flow, identity, true), (read, master, isGone));
            for (var length = 0; length < bytes.Length; length++)
                Assert.False(LinuxExpectation.TryRead(bytes.AsSpan(0, length), action, out _, out _, out _));
            foreach (var (at, value) in new[] { (2, 2), (3, 9), (12, 0), (40, 0), (41, 0), (4, 0xff) })
            {
                var bad = bytes.ToArray();
                bad[at] = (byte)value;
                Assert.False(LinuxExpectation.TryRead(bad, action, out _, out _, out _), $"byte {at}");
            }
        }
    }

    [Fact]
    public void A_new_state_costs_no_memory_once_the_table_has_grown()
    {
        var cluster = Started();
        var (master, backup) = (cluster.Nodes[0], cluster.Nodes[1]);
        var copy = new Copying();
        var engine = new StateSyncEngine(
            new StateSyncEngineOptions
            {
                NodeId = 3,
                Epoch = 1,
                ClockStart = 1,
                Seed = 1,
                Peers = 1,
                Scope = new StateScope([]),
            },
            copy,
            copy,
            cluster.Now
        );
        engine.SetForwarding(cluster.Now, true);
        engine.Tick(cluster.Now);
        for (var round = 0; round < 2; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 20_000; i++)
            {
                var flow = ClusterTests.Flow(i % 500);
                engine.TakeNews(cluster.Now, TableNews.New, flow, EntryParts.All, isEcho: false);
                engine.TakeNews(cluster.Now, TableNews.Update, flow with { Mark = 1 }, EntryParts.Mark, isEcho: false);
                if (i % 64 == 0)
                    engine.Tick(cluster.Now);
            }
            if (round == 1)
                Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.True(engine.Count > 0 && master.Engine.Count + backup.Engine.Count == 0);
    }

    private sealed class Copying : IStateTable, IDatagramSink
    {
        public TableAnswer Create(in ConntrackEntry entry) => TableAnswer.Done;

        public TableAnswer Update(in ConntrackEntry entry) => TableAnswer.Done;

        public void Install(ReadOnlySpan<TableInstall> installs, Span<TableAnswer> answers) => answers.Clear();

        public TableAnswer Delete(in ConntrackTuple original, uint kernelId) => TableAnswer.Done;

        public bool TryGet(in ConntrackTuple tuple, bool isReply, out ConntrackEntry entry)
        {
            entry = default;
            return false;
        }

        public TableAnswer Expect(in ExpectedFlow flow) => TableAnswer.Done;

        public TableAnswer Unexpect(in ExpectedFlow flow) => TableAnswer.Done;

        public void MakeLiberal(ReadOnlySpan<ConntrackTuple> originals) { }

        public void BeginScan() { }

        public int Scan(Span<ConntrackEntry> entries) => 0;

        public bool Send(int peer, int link, ReadOnlySpan<byte> datagram) => true;
    }
}
