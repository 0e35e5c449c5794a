using System.Net;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Tests.Conntrack;

/// <summary>The kernel holds what it was asked to hold.</summary>
public sealed class ConntrackTableTests : IDisposable
{
    private readonly ConntrackNamespace _namespace = new();

    public void Dispose() => _namespace.Dispose();

    public static TheoryData<string, ConntrackTuple, ConntrackTuple> Flows()
    {
        var data = new TheoryData<string, ConntrackTuple, ConntrackTuple>();
        foreach (
            var (a, b, x, y) in new[]
            {
                ("10.0.0.1", "192.0.2.2", "198.51.100.1", "10.9.9.9"),
                ("2001:db8::1", "2001:db8::2", "2001:db8:a::1", "2001:db8:b::1"),
            }
        )
        {
            var family = a.Contains(':', StringComparison.Ordinal) ? "6" : "4";
            foreach (byte protocol in new byte[] { 6, 17, 132 })
            {
                var o = Tuple(protocol, a, 40000, b, 443);
                data.Add($"ip{family} {protocol} plain", o, Tuple(protocol, b, 443, a, 40000));
                data.Add($"ip{family} {protocol} snat", o, Tuple(protocol, b, 443, x, 61000));
                data.Add($"ip{family} {protocol} port alone", o, Tuple(protocol, b, 443, a, 61000));
                data.Add($"ip{family} {protocol} dnat", o, Tuple(protocol, y, 8443, a, 40000));
                data.Add($"ip{family} {protocol} both", o, Tuple(protocol, y, 8443, x, 61000));
            }
            var (ping, question, answer) =
                family == "4" ? ((byte)1, (ushort)0x0800, (ushort)0) : ((byte)58, (ushort)0x8000, (ushort)0x8100);
            var echo = Tuple(ping, a, 4660, b, question);
            data.Add($"ip{family} ping plain", echo, Tuple(ping, b, 4660, a, answer));
            data.Add($"ip{family} ping snat", echo, Tuple(ping, b, 4660, x, answer));
            data.Add($"ip{family} ping snat other id", echo, Tuple(ping, b, 7777, x, answer));
            data.Add($"ip{family} ping dnat", echo, Tuple(ping, y, 4660, a, answer));
            data.Add($"ip{family} ping both", echo, Tuple(ping, y, 7777, x, answer));
            data.Add($"ip{family} gre", Tuple(47, a, 17, b, 34), Tuple(47, b, 34, a, 17));
            data.Add($"ip{family} esp", Tuple(50, a, 0, b, 0), Tuple(50, b, 0, a, 0));
            data.Add($"ip{family} esp snat", Tuple(50, a, 0, b, 0), Tuple(50, b, 0, x, 0));
            data.Add($"ip{family} zone", Tuple(17, a, 1, b, 2) with { Zone = 9 }, Tuple(17, b, 2, a, 1) with { Zone = 9 });
            data.Add($"ip{family} zone of one direction", Tuple(17, a, 1, b, 2) with { Zone = 9 }, Tuple(17, b, 2, a, 1));
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void An_entry_is_created_found_listed_changed_and_deleted_and_each_step_is_news(
        string flow,
        ConntrackTuple original,
        ConntrackTuple reply
    )
    {
        _namespace.Run(() =>
        {
            Assert.True(ConntrackSysctl.EnableEvents(), flow);
            using var table = new ConntrackTable();
            using var events = new ConntrackEvents(news: true, updates: true, destroys: true, 1 << 20);
            var entry = Entry(original, reply);

            Assert.Equal(Errno.None, table.Create(entry));
            Assert.Equal(Errno.Exists, table.Create(entry));
            Assert.Equal(1, table.Count());

            Assert.True(table.TryGet(original, isReply: false, out var byOriginal));
            Assert.True(table.TryGet(reply, isReply: true, out var byReply));
            Assert.False(table.TryGet(original with { Source = new(0, 1) }, isReply: false, out _));
            Assert.Equal(byOriginal.KernelId, byReply.KernelId);
            Check(entry, byOriginal);

            var listed = new List<ConntrackEntry>();
            Assert.Equal(
                Errno.None,
                table.Dump(
                    (in e) =>
                    {
                        listed.Add(e);
                        return true;
                    }
                )
            );
            Check(entry, Assert.Single(listed));

            var update = entry;
            update.Mark = 77;
            update.TimeoutSeconds = 500;
            update.Status |= ConntrackEntry.StatusAssured;
            update.TcpState = 4;
            Assert.Equal(Errno.None, table.Update(update));
            Assert.True(table.TryGet(original, isReply: false, out var updated));
            Check(update, updated);
            Assert.Equal(byOriginal.KernelId, updated.KernelId);

            Assert.Equal(Errno.None, table.Delete(original, updated.KernelId));
            Assert.Equal(Errno.NoEntry, table.Delete(original, updated.KernelId));
            Assert.Equal(Errno.NoEntry, table.Update(update));
            Assert.False(table.TryGet(original, isReply: false, out _));
            Assert.Equal(0, table.Count());

            foreach (var kind in new[] { ConntrackEventKind.New, ConntrackEventKind.Update, ConntrackEventKind.Destroy })
            {
                Assert.Equal(Errno.None, events.TryRead(out var news));
                Assert.Equal(kind, news.Kind);
                Assert.Equal(table.Port, news.Port);
                Assert.NotEqual(events.Port, news.Port);
                Assert.Equal((original, reply), (news.Entry.Original, news.Entry.Reply));
                Assert.Equal(updated.KernelId, news.Entry.KernelId);
            }
            Assert.Equal(Errno.TryAgain, events.TryRead(out _));
            Assert.Equal((0L, 0L), (events.Malformed, table.Malformed));
        });
    }

    [Fact]
    public void A_wrong_id_deletes_nothing()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var entry = Udp(1);
            Assert.Equal(Errno.None, table.Create(entry));
            Assert.True(table.TryGet(entry.Original, isReply: false, out var before));

            Assert.Equal(Errno.NoEntry, table.Delete(entry.Original, before.KernelId ^ 1));
            Assert.Equal(1, table.Count());
            Assert.Equal(Errno.None, table.Delete(entry.Original, kernelId: 0));
            Assert.Equal(0, table.Count());
        });
    }

    [Fact]
    public void A_stale_id_does_not_delete_the_next_entry_of_the_same_tuple()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            Assert.Equal(Errno.None, table.Create(Udp(1)));
            Assert.True(table.TryGet(Udp(1).Original, isReply: false, out var stale));
            Assert.Equal(Errno.None, table.Delete(stale.Original, stale.KernelId));
            // The id is a hash of the entry's place in memory and of its tuple: others take the place first.
            for (ushort port = 2; port < 200; port++)
                Assert.Equal(Errno.None, table.Create(Udp(port)));
            Assert.Equal(Errno.None, table.Create(Udp(1)));
            Assert.True(table.TryGet(stale.Original, isReply: false, out var fresh));

            Assert.NotEqual(stale.KernelId, fresh.KernelId);
            Assert.Equal(Errno.NoEntry, table.Delete(stale.Original, stale.KernelId));
            Assert.True(table.TryGet(stale.Original, isReply: false, out _));
        });
    }

    [Fact]
    public void An_id_returns_where_a_tuple_returns_at_once()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var same = 0;
            const int rounds = 200;
            for (var round = 0; round < rounds; round++)
            {
                Assert.Equal(Errno.None, table.Create(Udp(1)));
                Assert.True(table.TryGet(Udp(1).Original, isReply: false, out var first));
                Assert.Equal(Errno.None, table.Delete(first.Original, first.KernelId));
                Assert.Equal(Errno.None, table.Create(Udp(1)));
                Assert.True(table.TryGet(Udp(1).Original, isReply: false, out var second));
                Assert.Equal(Errno.None, table.Delete(second.Original, 0));
                if (first.KernelId == second.KernelId)
                    same++;
            }
            TestContext.Current.TestOutputHelper!.WriteLine($"same id after delete and create of one tuple: {same} of {rounds}");
        });
    }

    [Fact]
    public void A_busy_reply_tuple_is_told_and_no_other_port_is_chosen()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var first = Entry(Tuple(6, "10.0.0.1", 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", 61000));
            var second = Entry(Tuple(6, "10.0.0.2", 40000, "192.0.2.2", 443), first.Reply);
            // Its reply is busy although it is only translated at its destination.
            var third = Entry(Tuple(6, "198.51.100.1", 61000, "203.0.113.3", 443), first.Reply);
            // And one that is not translated at all.
            var fourth = Entry(Tuple(6, "198.51.100.1", 61000, "192.0.2.2", 443), first.Reply);
            Assert.Equal(Errno.None, table.Create(first));

            Assert.Equal(Errno.Exists, table.Create(second));
            Assert.Equal(Errno.Exists, table.Create(third));
            Assert.Equal(Errno.Exists, table.Create(fourth));
            Assert.Equal(1, table.Count());
            Assert.True(table.TryGet(first.Reply, isReply: true, out var stale));
            Assert.Equal(Errno.None, table.Delete(stale.Original, stale.KernelId));
            Assert.Equal(Errno.None, table.Create(second));
        });
    }

    [Fact]
    public void Tcp_is_liberal_in_both_directions_and_keeps_its_scale()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var entry = Entry(Tuple(6, "10.0.0.1", 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "10.0.0.1", 40000));
            entry.WindowScaleOriginal = 7;
            entry.WindowScaleReply = 9;
            entry.TcpFlagsOriginal = entry.TcpFlagsReply = 0x03;
            Assert.Equal(Errno.None, table.Create(entry));

            Assert.True(table.TryGet(entry.Original, isReply: false, out var held));
            Assert.Equal((0x0b, 0x0b), (held.TcpFlagsOriginal, held.TcpFlagsReply));
            Assert.Equal((7, 9), (held.WindowScaleOriginal, held.WindowScaleReply));
        });
    }

    [Fact]
    public void MakeLiberal_changes_nothing_else()
    {
        _namespace.Feed("nft", "-f -", "table inet t { chain c { type filter hook output priority 0; ct state invalid drop; }; }");
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 8080);
            listener.Start();
            using var client = new System.Net.Sockets.TcpClient();
            client.Client.Bind(new IPEndPoint(IPAddress.Loopback, 40001));
            client.Connect(IPAddress.Loopback, 8080);
            using var accepted = listener.AcceptTcpClient();
            var tuple = Tuple(6, "127.0.0.1", 40001, "127.0.0.1", 8080);
            Assert.True(table.TryGet(tuple, isReply: false, out var before));
            Assert.Equal(0, before.TcpFlagsOriginal & ConntrackEntry.TcpFlagBeLiberal);

            Assert.Equal(Errno.None, table.MakeLiberal(tuple));
            Assert.True(table.TryGet(tuple, isReply: false, out var after));
            Assert.Equal(before.TcpFlagsOriginal | 8, after.TcpFlagsOriginal);
            Assert.Equal(before.TcpFlagsReply | 8, after.TcpFlagsReply);
            Assert.Equal(
                (before.TcpState, before.WindowScaleOriginal, before.Status),
                (after.TcpState, after.WindowScaleOriginal, after.Status)
            );
            Assert.InRange(after.TimeoutSeconds, before.TimeoutSeconds - 5, before.TimeoutSeconds);
            client.GetStream().WriteByte(1);
            Assert.Equal(1, accepted.GetStream().ReadByte());
        });
    }

    [Fact]
    public void An_older_status_does_not_stop_the_rest_of_an_update()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var entry = Udp(1);
            entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
            Assert.Equal(Errno.None, table.Create(entry));
            entry.Status = ConntrackEntry.StatusSeenReply;
            entry.Mark = 5;

            Assert.Equal(Errno.None, table.Update(entry));
            Assert.True(table.TryGet(entry.Original, isReply: false, out var held));
            Assert.Equal(5u, held.Mark);
            Assert.Equal(ConntrackEntry.StatusAssured, held.Status & ConntrackEntry.StatusAssured);
        });
    }

    [Fact]
    public void A_batch_says_of_each_change_what_became_of_it()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            const int count = 1000; // several sends, the last one not full
            var changes = new ConntrackChange[count];
            var results = new Errno[count];
            for (var i = 0; i < count; i++)
                changes[i] = new(ConntrackChangeKind.Create, Udp((ushort)(i % 10 == 3 ? 1 : 1000 + i)));

            Assert.Equal(Errno.None, table.Apply(changes, results));
            for (var i = 0; i < count; i++)
                Assert.Equal(i % 10 == 3 && i != 3 ? Errno.Exists : Errno.None, results[i]);
            Assert.Equal(901, table.Count());

            var bad = Udp(5000);
            bad.Original = bad.Original with { Family = 10, Protocol = 6 };
            bad.HasTcp = true;
            bad.TcpState = 200;
            var mixed = new ConntrackChange[]
            {
                new(ConntrackChangeKind.Update, Udp(1)),
                new(ConntrackChangeKind.Update, Udp(7)),
                new(ConntrackChangeKind.Create, bad),
                new(ConntrackChangeKind.Delete, Udp(1)),
                new(ConntrackChangeKind.Delete, Udp(1)),
                new(ConntrackChangeKind.Create, Udp(1)),
            };
            Assert.Equal(Errno.None, table.Apply(mixed, results));
            Assert.Equal([Errno.None, Errno.NoEntry, new Errno(34), Errno.None, Errno.NoEntry, Errno.None], results[..mixed.Length]);
            Assert.Equal(901, table.Count());
        });
    }

    [Fact]
    public void A_full_batch_of_failures_is_told_whole()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var changes = new ConntrackChange[ConntrackLimits.MaxBatch * 20];
            var results = new Errno[changes.Length];
            Array.Fill(changes, new(ConntrackChangeKind.Update, Udp(1)));

            Assert.Equal(Errno.None, table.Apply(changes, results));
            Assert.All(results, result => Assert.Equal(Errno.NoEntry, result));
        });
    }

    [Fact]
    public void Making_changes_allocates_nothing()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var tuple = Udp(1).Original;
            var changes = new ConntrackChange[200];
            var results = new Errno[200];
            for (var i = 0; i < 200; i++)
                changes[i] = new(i < 100 ? ConntrackChangeKind.Create : ConntrackChangeKind.Delete, Udp((ushort)(1 + (i % 100))));
            table.Apply(changes, results);
            table.TryGet(tuple, isReply: false, out _);
            table.Count();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < 20; round++)
                table.Apply(changes, results);
            var applied = GC.GetAllocatedBytesForCurrentThread();
            table.TryGet(tuple, isReply: false, out _);
            var got = GC.GetAllocatedBytesForCurrentThread();
            table.Count();
            var counted = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal((0, 0, 0), (applied - before, got - applied, counted - got));
            Assert.All(results, result => Assert.Equal(Errno.None, result));
        });
    }

    [Fact]
    public void A_dump_can_be_read_in_slices_while_the_table_changes()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var changes = new ConntrackChange[5000];
            for (var i = 0; i < changes.Length; i++)
                changes[i] = new(ConntrackChangeKind.Create, Udp((ushort)(i + 1)));
            var results = new Errno[changes.Length];
            Assert.Equal(Errno.None, table.Apply(changes, results));
            Assert.All(results, result => Assert.Equal(Errno.None, result));

            using var dump = table.BeginDump();
            var seen = new HashSet<ushort>();
            while (!dump.IsComplete)
            {
                for (var slice = 0; slice < 500 && dump.TryRead(out var entry); slice++)
                    seen.Add(entry.Original.SourcePort);
                Assert.Equal(Errno.None, table.Update(Udp(1))); // another socket: no mixing
            }
            Assert.Equal(5000, seen.Count);
            Assert.Equal((Errno.None, 0L), (dump.Errno, dump.Malformed));
            Assert.False(dump.TryRead(out _));

            using var none = table.BeginDump(family: 10);
            Assert.False(none.TryRead(out _));
            Assert.True(none.IsComplete);

            var stopped = 0;
            table.Dump((in _) => ++stopped < 10);
            Assert.Equal(10, stopped);
        });
    }

    [Fact]
    public void What_we_make_is_what_the_conntrack_tool_shows()
    {
        _namespace.Run(() =>
        {
            using var table = new ConntrackTable();
            var entry = Entry(Tuple(6, "10.0.0.1", 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", 61000));
            entry.Status |= ConntrackEntry.StatusAssured;
            Assert.Equal(Errno.None, table.Create(entry));
        });

        var shown = _namespace.Shell("conntrack", "-L --src-nat");
        Assert.Contains(
            "ESTABLISHED src=10.0.0.1 dst=192.0.2.2 sport=40000 dport=443 src=192.0.2.2 dst=198.51.100.1 sport=443 dport=61000 [ASSURED] mark=42",
            shown,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Sysctls_are_read_and_set_or_refused()
    {
        _namespace.Run(() =>
        {
            Assert.True(ConntrackSysctl.EnableEvents());
            Assert.True(ConntrackSysctl.TryRead("nf_conntrack_events", out var events) && events == 1);
            Assert.True(ConntrackSysctl.SetTcpLoose(false));
            Assert.True(ConntrackSysctl.TryRead("nf_conntrack_tcp_loose", out var loose) && loose == 0);
            Assert.True(ConntrackSysctl.TryGetTcpBeLiberal(out var liberal) && !liberal);
            Assert.True(ConntrackSysctl.TryGetMax(out var max) && max > 0);
            Assert.True(ConntrackSysctl.TryGetCount(out var count) && count == 0);
            Assert.False(ConntrackSysctl.TryWrite("nf_conntrack_max", max)); // read-only in a namespace
            Assert.False(ConntrackSysctl.TryRead("nf_conntrack_nonsense", out _));
            Assert.False(ConntrackSysctl.TryRead("nf_/../../core/rmem_max", out _));
        });
    }

    internal static ConntrackEntry Udp(ushort port) =>
        Entry(Tuple(17, "10.0.0.1", port, "192.0.2.2", 53), Tuple(17, "192.0.2.2", 53, "10.0.0.1", port));

    internal static ConntrackEntry Entry(ConntrackTuple original, ConntrackTuple reply) =>
        new()
        {
            Original = original,
            Reply = reply,
            Status = ConntrackEntry.StatusSeenReply,
            TimeoutSeconds = 300,
            Mark = 42,
            HasTcp = original.Protocol == 6,
            TcpState = 3,
        };

    internal static ConntrackTuple Tuple(byte protocol, string source, ushort sourcePort, string destination, ushort destinationPort) =>
        new()
        {
            Family = source.Contains(':', StringComparison.Ordinal) ? (byte)10 : (byte)2,
            Protocol = protocol,
            Source = IpAddressValue.From(IPAddress.Parse(source)),
            Destination = IpAddressValue.From(IPAddress.Parse(destination)),
            SourcePort = sourcePort,
            DestinationPort = destinationPort,
        };

    private static void Check(in ConntrackEntry wanted, in ConntrackEntry held)
    {
        Assert.Equal(wanted.Original, held.Original);
        Assert.Equal(wanted.Reply, held.Reply);
        Assert.Equal(wanted.Mark, held.Mark);
        Assert.InRange(held.TimeoutSeconds, wanted.TimeoutSeconds - 10, wanted.TimeoutSeconds);
        Assert.Equal(wanted.Status & ConntrackMessage.SettableStatus, held.Status & ConntrackMessage.SettableStatus);
        var mirror = ConntrackMessage.Mirror(wanted.Original);
        Assert.Equal(
            mirror.Source != wanted.Reply.Source || (wanted.HasPorts && mirror.SourcePort != wanted.Reply.SourcePort),
            (held.Status & ConntrackEntry.StatusDestinationNat) != 0
        );
        if (wanted.HasTcp)
        {
            Assert.Equal(wanted.TcpState, held.TcpState);
            Assert.Equal((8, 8), (held.TcpFlagsOriginal & 8, held.TcpFlagsReply & 8));
        }
    }
}
