using System.Diagnostics;
using System.Globalization;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>What is lost on the way, in the kernel or at the backup, is made good.</summary>
public sealed class StateSyncLossTests : IDisposable
{
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    private static ConntrackEntry Flow(int number)
    {
        var client = string.Create(CultureInfo.InvariantCulture, $"10.1.{number >> 8}.{number & 255}");
        return Entry(Tuple(6, client, 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", (ushort)(10000 + number)));
    }

    [Theory]
    [InlineData(8 << 20)]
    [InlineData(2048)]
    public void A_burst_arrives_completely_also_where_the_kernel_drops_its_news(int buffer)
    {
        const int burst = 5000;
        var often = TimeSpan.FromSeconds(1);
        var a = _pair.Start(_pair.A, forwarding: true, o => o with { EventBuffer = buffer, DigestPeriod = often });
        var b = _pair.Start(_pair.B, forwarding: false, o => o with { DigestPeriod = often });
        _pair.UntilInSync();
        SyncPair.Change(
            _pair.A,
            table =>
            {
                var changes = Enumerable.Range(0, burst).Select(i => new ConntrackChange(ConntrackChangeKind.Create, Flow(i))).ToArray();
                table.Apply(changes, new Errno[burst]);
            }
        );
        _pair.Until("all are at the backup", () => SyncPair.Count(_pair.B, 6) == burst);
        Assert.Equal(burst, SyncPair.Count(_pair.A, 6));
        _pair.Until("both know them", () => a.Snapshot().Entries == burst && b.Snapshot().Entries == burst);
        var since = Stopwatch.StartNew();
        _pair.Until(
            "a comparison says that they are the same",
            () => b.Snapshot().Peers[0] is { Agreement: TableAgreement.Equal } p && p.ComparedAgo < since.Elapsed
        );
        if (buffer < 1 << 20)
            Assert.True(SyncPair.Counter(a, "overruns") > 0, _pair.Describe());
        else
            Assert.Equal(0, SyncPair.Counter(b, "statesSent"));
    }

    [Fact]
    public void An_entry_that_goes_at_the_backup_alone_stays_at_the_master_and_comes_back()
    {
        _pair.Start(_pair.A, forwarding: true);
        var b = _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        var flow = Flow(1);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("it is at the backup", () => SyncPair.Get(_pair.B, flow.Original) is not null);
        SyncPair.Change(_pair.B, t => Assert.Equal(Errno.None, t.Delete(flow.Original, 0)));
        _pair.Until("the backup asked", () => SyncPair.Counter(b, "asksSent") > 0);
        _pair.Until("it is back", () => SyncPair.Get(_pair.B, flow.Original) is not null);
        Assert.NotNull(SyncPair.Get(_pair.A, flow.Original));
    }

    [Fact]
    public void What_a_peer_put_in_is_no_news_of_ours_though_this_node_forwards_too()
    {
        const int burst = 500;
        var a = _pair.Start(_pair.A, forwarding: true);
        var b = _pair.Start(_pair.B, forwarding: true);
        _pair.UntilInSync();
        for (var i = 0; i < burst; i++)
            SyncPair.Create(_pair.A, Flow(i));
        _pair.Until("all are at B, and it heard its own doing", () => SyncPair.Counter(b, "echoes") >= burst);
        Assert.Equal(burst, SyncPair.Count(_pair.B, 6));
        _pair.Until("walks passed", () => SyncPair.Counter(b, "scans") >= 3);
        Assert.Equal(0, SyncPair.Counter(b, "statesSent"));
        Assert.Equal((burst, 0), (a.Snapshot().OwnedEntries, b.Snapshot().OwnedEntries));

        // What begins at B itself is.
        SyncPair.Create(_pair.B, Flow(burst));
        _pair.Until("B's own is at A", () => SyncPair.Get(_pair.A, Flow(burst).Original) is not null);
    }

    [Fact]
    public void Own_entries_become_liberal_when_mastership_is_given_up_and_not_before()
    {
        var a = _pair.Start(_pair.A, forwarding: true);
        _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        var flow = Flow(1);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("A knows it", () => a.Snapshot().OwnedEntries == 1);
        a.SetForwarding(false);
        _pair.Until(
            "it is liberal",
            () =>
                SyncPair.Get(_pair.A, flow.Original) is { } e
                && (e.TcpFlagsOriginal & e.TcpFlagsReply & ConntrackEntry.TcpFlagBeLiberal) != 0
        );
    }

    [Fact]
    public void The_node_that_takes_over_becomes_the_owner_and_its_word_ends_the_flow()
    {
        var a = _pair.Start(_pair.A, forwarding: true);
        var b = _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        var flow = Flow(1);
        SyncPair.Create(_pair.A, flow);
        _pair.Until("it is at the backup", () => b.Snapshot().Entries == 1);
        a.SetForwarding(false);
        b.SetForwarding(true);
        _pair.Until("B owns it", () => b.Snapshot().OwnedEntries == 1 && a.Snapshot().OwnedEntries == 0);
        SyncPair.Change(_pair.B, t => Assert.Equal(Errno.None, t.Delete(flow.Original, 0)));
        _pair.Until("it is gone at A", () => SyncPair.Get(_pair.A, flow.Original) is null);
    }
}
