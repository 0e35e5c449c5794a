using System.Globalization;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>What one kernel tracks, the other holds too.</summary>
public sealed class StateSyncLoopTests : IDisposable
{
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    private static ConntrackEntry Flow(int number = 0)
    {
        var client = string.Create(CultureInfo.InvariantCulture, $"10.1.{number >> 8}.{number & 255}");
        var entry = Entry(Tuple(6, client, 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", (ushort)(10000 + number)));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        return entry;
    }

    [Fact]
    public void An_entry_of_the_master_appears_at_the_backup_translated_and_liberal_changes_and_goes()
    {
        _pair.Start(_pair.A, forwarding: true);
        _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        var flow = Flow(1);

        SyncPair.Create(_pair.A, flow);
        _pair.Until("the entry is at the backup", () => SyncPair.Get(_pair.B, flow.Original) is not null);
        var copy = SyncPair.Get(_pair.B, flow.Original)!.Value;
        Assert.Equal(flow.Reply, copy.Reply);
        Assert.Equal(42u, copy.Mark);
        Assert.Equal(3, copy.TcpState);
        Assert.NotEqual(0u, copy.Status & ConntrackEntry.StatusAssured);
        Assert.NotEqual(0u, copy.Status & ConntrackEntry.StatusSourceNat);
        Assert.NotEqual(0, copy.TcpFlagsOriginal & ConntrackEntry.TcpFlagBeLiberal);
        Assert.NotEqual(0, copy.TcpFlagsReply & ConntrackEntry.TcpFlagBeLiberal);

        flow.Mark = 77;
        SyncPair.Change(_pair.A, t => Assert.Equal(Errno.None, t.Update(flow)));
        _pair.Until("the mark is at the backup", () => SyncPair.Get(_pair.B, flow.Original)?.Mark == 77);

        SyncPair.Change(_pair.A, t => Assert.Equal(Errno.None, t.Delete(flow.Original, 0)));
        _pair.Until("the entry is gone from the backup", () => SyncPair.Get(_pair.B, flow.Original) is null);
    }

    [Fact]
    public void An_entry_that_a_node_sees_without_forwarding_is_not_told()
    {
        _pair.Start(_pair.A, forwarding: true);
        _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        SyncPair.Create(_pair.B, Flow(1));
        SyncPair.Create(_pair.A, Flow(2));
        _pair.Until("the master's entry is at the backup", () => SyncPair.Get(_pair.B, Flow(2).Original) is not null);
        Assert.Null(SyncPair.Get(_pair.A, Flow(1).Original));
    }

    [Fact]
    public void Who_joins_late_gets_everything_and_is_ready_only_then()
    {
        var a = _pair.Start(_pair.A, forwarding: true);
        _pair.Until("the lone node is ready", () => a.IsReady);
        for (var i = 0; i < 300; i++)
            SyncPair.Create(_pair.A, Flow(i));
        _pair.Until("A knows them", () => a.Count() == 300);
        var b = _pair.Start(_pair.B, forwarding: false);
        _pair.Until("B is ready", () => b.IsReady);
        Assert.Equal(300, SyncPair.Count(_pair.B, 6));
        Assert.Equal(1, SyncPair.Counter(b, "bulksReceived"));
    }
}
