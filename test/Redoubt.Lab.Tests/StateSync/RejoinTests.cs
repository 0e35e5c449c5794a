using System.Collections.Concurrent;
using System.Globalization;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>A backup that nothing reached for longer than a session lasts: it is told of, and what it missed is all it gets.</summary>
public sealed class RejoinTests : IDisposable
{
    private const int Flows = 3000;
    private const int Changes = 60;
    private readonly SyncPair _pair = new();

    public void Dispose() => _pair.Dispose();

    private static ConntrackEntry Flow(int number)
    {
        var client = string.Create(CultureInfo.InvariantCulture, $"10.1.{number >> 8}.{number & 255}");
        var entry = Entry(Tuple(6, client, 40000, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", (ushort)(10000 + number)));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        entry.TcpState = 3;
        entry.TimeoutSeconds = 3600;
        return entry;
    }

    [Fact]
    public void A_backup_that_went_deaf_is_told_of_after_5_s_and_gets_what_it_missed_and_not_everything()
    {
        var alarms = new ConcurrentQueue<(string Id, string? Text)>();
        var a = _pair.Start(_pair.A, forwarding: true, o => o with { ScanPeriod = TimeSpan.FromSeconds(10) });
        var b = _pair.Start(_pair.B, forwarding: false, o => o with { ScanPeriod = TimeSpan.FromSeconds(10) });
        a.Alarm = (id, text) => alarms.Enqueue((id, text));
        _pair.UntilInSync();
        SyncPair.Change(
            _pair.A,
            table =>
            {
                var changes = Enumerable.Range(0, Flows).Select(i => new ConntrackChange(ConntrackChangeKind.Create, Flow(i))).ToArray();
                table.Apply(changes, new Errno[Flows]);
            }
        );
        _pair.Until("all are at the backup", () => SyncPair.Count(_pair.B, 6) == Flows);
        _pair.UntilInSync();
        Assert.Empty(alarms);

        _pair.B.Feed("nft", "-f -", "table inet deaf { chain in { type filter hook input priority 0; iifname \"sync\" drop; }; }");
        SyncPair.Change(
            _pair.A,
            table =>
            {
                for (var i = 0; i < Changes; i++)
                {
                    if (i % 2 == 0)
                        Assert.Equal(Errno.None, table.Delete(Flow(i * 40).Original, 0));
                    else
                        Assert.Equal(Errno.None, table.Create(Flow(Flows + i)));
                }
            }
        );
        _pair.Until("the master tells of it", () => alarms.Any(x => x.Text is not null));
        Assert.Equal(PeerSilence.DoesNotHear, a.Snapshot().Peers[0].Silence);
        Assert.Equal(PeerSilence.None, b.Snapshot().Peers[0].Silence);
        _pair.Until("the backup has given the session up", () => b.Snapshot().Peers[0].Bulk == "waiting");
        Assert.Equal(Flows, SyncPair.Count(_pair.B, 6));
        var (sent, bulks) = (SyncPair.Counter(a, "statesSent"), SyncPair.Counter(a, "bulksSent"));

        _pair.B.Shell("nft", "delete table inet deaf");
        _pair.Until(
            "the backup has what the master has",
            () => SyncPair.Count(_pair.B, 6) == Flows && SyncPair.Get(_pair.B, Flow(0).Original) is null
        );
        _pair.UntilInSync();
        _pair.Until("the tables are equal", () => b.Snapshot().Peers[0].Agreement == TableAgreement.Equal);
        Assert.NotNull(SyncPair.Get(_pair.B, Flow(Flows + 1).Original));
        Assert.InRange(SyncPair.Counter(a, "statesSent") - sent, Changes / 2, 5 * Changes);
        Assert.Equal(bulks, SyncPair.Counter(a, "bulksSent"));
        Assert.True(SyncPair.Counter(b, "rejoins") == 1, _pair.Describe());
        _pair.Until("the alarm is over", () => alarms.Last().Text is null);
        Assert.Equal(alarms.First().Id, alarms.Last().Id);
    }
}
