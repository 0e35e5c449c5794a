using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Traffic;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>Links that come and go, and frames that the kernel does not take.</summary>
public sealed class LinkFaultTests
{
    /// <summary>F-7, for two seconds.</summary>
    [Fact]
    public void A_link_that_flaps_moves_the_addresses_away_once_and_back_once_and_fills_no_log() => Flap(times: 20);

    /// <summary>F-7, for thirty seconds.</summary>
    [Fact(Explicit = true)]
    public void A_link_that_flaps_for_half_a_minute_does_no_more() => Flap(times: 300);

    // Ten times a second: down for a twentieth, up for a twentieth.
    private static void Flap(int times)
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        var (before, begun) = (fw1.Events().Count, Newest(fw2));
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));

        var begin = Pacing.Now;
        for (var i = 0; i < times; i++)
        {
            using (fw1.Lan.Unplug())
                Pacing.WaitUntil(begin + (((i * 100L) + 50) * 1_000_000));
            Pacing.WaitUntil(begin + (((i * 100L) + 100) * 1_000_000));
        }
        Assert.Equal(VipState.Master, fw2.State(Topology.LanVhid));
        Assert.Equal(VipState.Master, fw2.State(Topology.WanVhid));
        Assert.Contains(fw1.Status().Reasons, r => r.Contains("lan comes and goes", StringComparison.Ordinal));
        fw1.WaitForState(VipState.Master, Deadline.In(15));

        Assert.Empty(watch.Stop().TwoOwners);
        Assert.Equal([Topology.LanVhid, Topology.WanVhid], Masterships(fw2, begun));
        Assert.DoesNotContain(fw1.Status().Reasons, r => r.Contains("comes and goes", StringComparison.Ordinal));
        // Two times down and up on one vhid, away, flapping, back: and no line for each of the flaps.
        Assert.InRange(fw1.Events().Count - before, 6, 30);
    }

    /// <summary>F-26: a rule of somebody's drops advertisements on their way out, which their sender hears as ENOBUFS.</summary>
    [Fact]
    public void A_master_whose_advertisements_do_not_leave_gives_the_addresses_away_and_gets_them_back_when_they_do_and_a_deleted_device_does_not_end_it()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        var begun = Newest(fw2);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));

        fw1.Place.Nft(
            "table netdev lost {\ncounter lost {\n}\nchain out {\ntype filter hook egress device \"lan0\" priority 100;\nmeta protocol ip ip protocol 112 counter name lost drop\n}\n}\n"
        );
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.Equal([("cannot send on lan", 240)], fw1.Status().Carp.Demotions.Select(d => (d.Reason, d.Amount)));
        Assert.Contains(fw1.Status().Reasons, r => r.Contains("advertisements do not leave on lan", StringComparison.Ordinal));
        // It goes on asking the kernel, which goes on saying no.
        var refused = Lost(fw1);
        Deadline.In(10).Await("the kernel refuses two more", () => Lost(fw1) >= refused + 2, () => $"{Lost(fw1)}");
        Assert.Equal(VipState.Master, fw2.State(Topology.LanVhid));

        fw1.Place.Nft("delete table netdev lost\n");
        fw1.WaitForState(VipState.Master, Deadline.In(10));
        Assert.Empty(fw1.Status().Carp.Demotions);
        Assert.Empty(fw1.Status().Reasons);
        Assert.Equal([Topology.LanVhid, Topology.WanVhid], Masterships(fw2, begun));
        Assert.Empty(watch.Stop().TwoOwners);

        // The device is deleted under the daemon.
        fw1.Place.Ip("link del dev lan0");
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.Contains("link lan down", fw1.Status().Carp.Demotions.Select(d => d.Reason));
        Assert.Equal(VipState.Init, fw1.State(Topology.LanVhid));
        Assert.Equal(VipState.Backup, fw1.State(Topology.WanVhid));
        Assert.True(fw1.Daemon!.IsRunning);
    }

    private static long Lost(RedoubtNode node)
    {
        var words = node.Place.Execute("nft", "list", "counter", "netdev", "lost", "lost").Split((char[])[' ', '\n', '\t']);
        return long.Parse(words[Array.IndexOf(words, "packets") + 1], System.Globalization.CultureInfo.InvariantCulture);
    }

    private static long Newest(RedoubtNode node) => node.Events()[^1].Sequence;

    // The vhids that a node has become master of since an event.
    private static IReadOnlyList<int> Masterships(RedoubtNode node, long since) =>
        [
            .. node.Events()
                .Where(e => e.Sequence > since && e is { Kind: EventKind.Transition, To: "MASTER" })
                .Select(e => (int)e.Vhid!)
                .Order(),
        ];
}
