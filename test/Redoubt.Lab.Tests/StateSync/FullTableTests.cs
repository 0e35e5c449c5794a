using System.Collections.Concurrent;
using System.Globalization;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>The backup's kernel has no room, and then it has.</summary>
public sealed class FullTableTests : IDisposable
{
    private const int Flows = 100;
    private const string FullAlarm = "state-sync-table-full";
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    // Assured: the kernel drops nothing of this for something new.
    private static ConntrackEntry Flow(string network, int number)
    {
        var client = string.Create(CultureInfo.InvariantCulture, $"{network}.{number >> 16}.{(number >> 8) & 255}.{number & 255}");
        var entry = Entry(Tuple(6, client, 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, client, 40000));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        entry.TimeoutSeconds = 3600;
        return entry;
    }

    private static void Fill(ConntrackTable table, int count)
    {
        var changes = new ConntrackChange[8192];
        var results = new Errno[changes.Length];
        for (var first = 0; first < count; first += changes.Length)
        {
            for (var i = 0; i < changes.Length; i++)
                changes[i] = new ConntrackChange(ConntrackChangeKind.Create, Flow("10", first + i));
            table.Apply(changes, results);
        }
    }

    [Fact]
    public void What_does_not_fit_is_counted_and_told_of_and_comes_when_there_is_room()
    {
        var max = int.Parse(File.ReadAllText("/proc/sys/net/netfilter/nf_conntrack_max"), CultureInfo.InvariantCulture);
        Assert.SkipWhen(max > 300_000, $"nf_conntrack_max is {max}: too much to fill");
        var alarms = new ConcurrentQueue<(string Id, string? Text)>();
        _pair.Start(_pair.A, forwarding: true);
        var b = _pair.Start(_pair.B, forwarding: false);
        b.Alarm = (id, text) => alarms.Enqueue((id, text));
        _pair.UntilInSync();
        SyncPair.Change(_pair.B, table => Fill(table, max));

        for (var i = 0; i < Flows; i++)
            SyncPair.Create(_pair.A, Flow("172", i));
        _pair.Until("the alarm is raised", () => alarms.Any(a => a is { Id: FullAlarm, Text: not null }));
        Assert.True(SyncPair.Counter(b, "kernelFull") > 0, _pair.Describe());
        Assert.Equal(Flows, SyncPair.Count(_pair.A, 6));

        _pair.B.Shell("conntrack", "-F");
        _pair.Until("all are at the backup", () => SyncPair.Count(_pair.B, 6) == Flows);
        _pair.Until("the alarm is over", () => alarms.Last() is { Id: FullAlarm, Text: null });
        Assert.Single(alarms, a => a.Text is not null && a.Id == FullAlarm);
    }
}
