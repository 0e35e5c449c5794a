using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Verdicts;
using Redoubt.Linux.Nftables;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>What others break is whole again soon, without anybody's help.</summary>
public sealed class RepairTests
{
    private const double Soon = 8; // the reconciler looks every 5 s where the kernel does not tell

    [Fact]
    public void A_forced_master_gives_way_to_the_better_node_and_two_masters_that_did_not_hear_each_other_settle_on_one()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        Assert.True(fw2.Ask(Force("master")).Ok);
        Deadline.In(10).Await("fw2 was master", () => fw2.Events().Any(e => e is { Kind: EventKind.Transition, To: "MASTER" }));
        AssertSettled(pair);

        // Without the sync link, too: else each would know that the other lives.
        using (fw2.Lan.Cut())
        using (fw2.Wan.Cut())
        using (fw2.Sync.Cut())
        {
            Deadline.In(10).Await("both are master", () => fw1.State(1) == VipState.Master && fw2.State(1) == VipState.Master);
            Assert.True(fw1.HasLanAddress && fw2.HasLanAddress);
        }
        AssertSettled(pair);
    }

    [Fact]
    public void What_others_remove_or_change_on_a_master_is_repaired()
    {
        using var pair = new Pair();
        var (fw1, place, client) = (pair.First, pair.First.Place, pair.Topology.Client);
        var device = Pair.LanMacvlan(fw1);
        var whole = Addresses(fw1, device);
        Assert.Equal([$"{Topology.LanVip}/24", $"{Topology.LanVip6}/64"], whole);

        Repairs(
            "the IPv4 address",
            () => place.Ip($"addr del {Topology.LanVip}/24 dev {device}"),
            () => whole.SequenceEqual(Addresses(fw1, device)) && client.Pings(Topology.LanVip)
        );
        Repairs(
            "the IPv6 address",
            () => place.Ip($"addr del {Topology.LanVip6}/64 dev {device}"),
            () => whole.SequenceEqual(Addresses(fw1, device)) && client.Pings(Topology.LanVip6)
        );
        Repairs(
            "the device of the virtual MAC",
            () => place.Ip($"link del dev {device}"),
            () => HasDevice(fw1, device) && whole.SequenceEqual(Addresses(fw1, device)) && client.Pings(Topology.LanVip)
        );
        Repairs(
            "settings of both devices",
            () =>
            {
                place.SetSysctl("ipv4/conf/lan0/arp_ignore", 0);
                place.SetSysctl($"ipv4/conf/{device}/arp_announce", 0);
            },
            () => place.Sysctl("ipv4/conf/lan0/arp_ignore") == 1 && place.Sysctl($"ipv4/conf/{device}/arp_announce") == 2
        );
        var rules = place.Execute("nft", "list", "table", "inet", "redoubt").Count(c => c == '\n');
        Repairs(
            "the firewall",
            () => place.Nft("delete table inet redoubt\n"),
            () =>
                place.TryExecute("nft", "list", "table", "inet", "redoubt") is { ExitCode: 0 } listed
                && listed.Output.Count(c => c == '\n') == rules
        );
        Assert.Equal((VipState.Master, VipState.Backup), (fw1.State(Topology.LanVhid), pair.Second.State(Topology.LanVhid)));
        Assert.True(client.Pings(Topology.ServerAddress));
    }

    [Fact]
    public void What_others_add_or_remove_on_a_backup_is_repaired_and_it_stays_silent()
    {
        using var pair = new Pair();
        var (fw2, place) = (pair.Second, pair.Second.Place);
        var device = Pair.LanMacvlan(fw2);
        using var watch = new PortWatch(pair.Topology.Switch, [fw2.Lan]);
        using (var sender = new LocalSender(place, device))
        {
            Repairs(
                "an address too many",
                () => place.Ip($"addr add {Topology.LanVip}/24 dev {device}"),
                () => Addresses(fw2, device).Count == 0
            );
        }
        Repairs("the device", () => place.Ip($"link del dev {device}"), () => HasDevice(fw2, device));
        using (var sender = new LocalSender(place, device))
            sender.Await(100);
        var result = watch.Stop();
        Assert.DoesNotContain(result.Counts, c => c.Kind == PortFrameKind.VirtualSource);
        Assert.Equal(VipState.Backup, fw2.State(Topology.LanVhid));
    }

    private static ControlRequest Force(string state) =>
        new()
        {
            Verb = ControlVerb.CarpState,
            Vhid = Topology.LanVhid,
            Interface = "lan",
            State = state,
        };

    private static void AssertSettled(Pair pair)
    {
        var (fw1, fw2) = (pair.First, pair.Second);
        VipState?[] Both() => [fw1.State(1), fw2.State(1), fw1.State(2), fw2.State(2)];
        VipState?[] settled = [VipState.Master, VipState.Backup, VipState.Master, VipState.Backup];
        Deadline.In(10).Await("the better one is master", () => Both().SequenceEqual(settled), () => string.Join(' ', Both()));
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));
        Deadline.In(10).Await("a hundred answers", () => watch.Answers(fw1.Lan) >= 100);
        Assert.Equal([fw1.Lan.Name], watch.Stop().Ports.Select(p => p.Port));
        Assert.Equal(settled, Both());
    }

    private static void Repairs(string what, Action harm, Func<bool> isWhole)
    {
        Assert.True(isWhole(), $"{what}: whole before");
        harm();
        var took = Deadline.In(Soon).Await($"{what} is repaired", isWhole);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}: {took.TotalMilliseconds:0} ms");
    }

    private static bool HasDevice(RedoubtNode node, string device) =>
        node.Place.TryExecute("ip", "-o", "link", "show", "dev", device) is { ExitCode: 0 } shown
        && shown.Output.Contains("LOWER_UP", StringComparison.Ordinal);

    private static List<string> Addresses(RedoubtNode node, string device) =>
        [
            .. node
                .Place.TryExecute("ip", "-o", "addr", "show", "dev", device)
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]),
        ];
}
