using System.Globalization;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Vrrp;

/// <summary>Redoubt and Debian's keepalived as one pair, each as the better and as the worse one.</summary>
public sealed class KeepalivedTests
{
    private const double Interval = 0.2;

    public enum Kind
    {
        Version2,
        Version3,
        Version3Vmac,
        Version3IPv6,
        Version3Unicast,
        Version3RealMac,
    }

    [Theory]
    [InlineData(Kind.Version2, Explicit = true)]
    [InlineData(Kind.Version3)]
    [InlineData(Kind.Version3Vmac, Explicit = true)]
    [InlineData(Kind.Version3IPv6)]
    [InlineData(Kind.Version3Unicast, Explicit = true)]
    [InlineData(Kind.Version3RealMac, Explicit = true)]
    public void A_Redoubt_backup_takes_over_from_keepalived_and_yields_when_it_returns(Kind kind)
    {
        using var lab = Build(kind, Keepalived(kind), Redoubt(kind, number: 2));
        var (keepalived, redoubt) = (lab["fw1"], lab.Redoubt(2));
        keepalived.Start();
        Await(keepalived, holds: true);
        redoubt.Start();
        redoubt.WaitForState(VipState.Backup, Deadline.In(10));
        Deadline
            .In(5)
            .Await(
                "Redoubt names the master",
                () => redoubt.Status().Carp.Vips[0].Master == Topology.LanAddress(1),
                () => Explain(redoubt)
            );
        keepalived.Crash();
        redoubt.WaitForState(VipState.Master, Deadline.In(10));
        Assert.True(Pings(lab, kind), Explain(redoubt));
        keepalived.Heal();
        redoubt.WaitForState(VipState.Backup, Deadline.In(15));
        Await(keepalived, holds: true);
        Assert.True(Pings(lab, kind), Explain(redoubt));
        Assert.DoesNotContain(redoubt.Status().Reasons, r => r.Contains("virtual router", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Kind.Version2)]
    [InlineData(Kind.Version3, Explicit = true)]
    [InlineData(Kind.Version3Vmac)]
    [InlineData(Kind.Version3IPv6, Explicit = true)]
    [InlineData(Kind.Version3Unicast)]
    [InlineData(Kind.Version3RealMac, Explicit = true)]
    public void A_keepalived_backup_takes_over_from_Redoubt_and_yields_when_it_returns(Kind kind)
    {
        using var lab = Build(kind, Redoubt(kind, number: 1), Keepalived(kind));
        var (redoubt, keepalived) = (lab.Redoubt(1), lab["fw2"]);
        lab.StartAll();
        redoubt.WaitForState(VipState.Master, Deadline.In(15));
        Await(keepalived, holds: false);
        Assert.True(Pings(lab, kind), Explain(redoubt));
        redoubt.Crash();
        Await(keepalived, holds: true);
        redoubt.Heal();
        redoubt.WaitForState(VipState.Master, Deadline.In(20));
        Await(keepalived, holds: false);
        Assert.True(Pings(lab, kind), Explain(redoubt));
    }

    [Fact]
    public void Maintenance_lowers_the_priority_and_keepalived_takes_over()
    {
        using var lab = Build(Kind.Version3, Redoubt(Kind.Version3), Keepalived(Kind.Version3));
        var (redoubt, keepalived) = (lab.Redoubt(1), lab["fw2"]);
        lab.StartAll();
        redoubt.WaitForState(VipState.Master, Deadline.In(15));
        Assert.Equal((byte)254, redoubt.Status().Carp.Vips[0].Priority);
        Assert.True(redoubt.Ask(new ControlRequest { Verb = ControlVerb.Maintenance, On = true }).Ok);
        redoubt.WaitForState(VipState.Backup, Deadline.In(10));
        Await(keepalived, holds: true);
        Assert.Equal((byte)14, redoubt.Status().Carp.Vips[0].Priority);
        Assert.True(redoubt.Ask(new ControlRequest { Verb = ControlVerb.Maintenance, On = false }).Ok);
        redoubt.WaitForState(VipState.Master, Deadline.In(10));
        Await(keepalived, holds: false);
    }

    [Fact]
    public void CARP_and_keepalived_with_one_id_are_warned_of_and_undisturbed_by_it()
    {
        RedoubtOptions carp = new() { StateSync = false };
        using var lab = LabSession.Build(new LabOptions { Nodes = [carp, carp, Keepalived(Kind.Version3) with { LanVip = "10.0.0.2" }] });
        lab.StartAll();
        var (first, second) = (lab.Redoubt(1), lab.Redoubt(2));
        first.WaitForState(VipState.Master, Deadline.In(15));
        second.WaitForState(VipState.Backup, Deadline.In(15));
        foreach (var node in new[] { first, second })
        {
            Deadline
                .In(10)
                .Await(
                    $"{node.Name} warns of VRRP",
                    () => node.Status().Reasons.Any(r => r.Contains("sends VRRP with id 1", StringComparison.Ordinal)),
                    () => Explain(node)
                );
        }
        var examination = first.Ask(ControlVerb.Doctor).Examination!;
        Assert.Contains(examination.Findings, f => f is { Verdict: Verdict.Error, Check: "vrrp 1@lan" });
        Assert.Contains(
            examination.Foreign,
            f => f is { Interface: "lan", Protocol: "vrrp", Id: 1 } && f.Address == Topology.LanAddress(3)
        );
        // Nothing of it reached an election: in BACKUP and MASTER since the beginning, through ten intervals of keepalived's.
        var (since, heard) = (first.Status().Carp.Vips[0].Since, Vrrp(first));
        Deadline.In(10).Await("more of VRRP", () => Vrrp(first) > heard + 10, () => $"{Vrrp(first)}");
        Assert.Equal(since, first.Status().Carp.Vips[0].Since);
        Assert.Equal((VipState.Master, VipState.Backup), (first.State(Topology.LanVhid), second.State(Topology.LanVhid)));
    }

    [Fact(Explicit = true)]
    public void VRRP_and_ucarp_with_one_id_are_warned_of_and_undisturbed_by_it()
    {
        Tool.Require("ucarp");
        using var lab = LabSession.Build(
            new LabOptions { IPv6 = false, Nodes = [Redoubt(Kind.Version3), Redoubt(Kind.Version3), new UcarpOptions()] }
        );
        lab.StartAll();
        var (first, second) = (lab.Redoubt(1), lab.Redoubt(2));
        first.WaitForState(VipState.Master, Deadline.In(15));
        second.WaitForState(VipState.Backup, Deadline.In(15));
        Deadline
            .In(10)
            .Await(
                "a warning of CARP",
                () => first.Status().Reasons.Any(r => r.Contains("sends CARP with id 1", StringComparison.Ordinal)),
                () => Explain(first)
            );
        var (since, heard) = (first.Status().Carp.Vips[0].Since, Outcome(first, "vrrp-carp"));
        Deadline.In(10).Await("more of CARP", () => Outcome(first, "vrrp-carp") > heard + 2, () => $"{Outcome(first, "vrrp-carp")}");
        Assert.Equal(since, first.Status().Carp.Vips[0].Since);
        Assert.Equal((VipState.Master, VipState.Backup), (first.State(Topology.LanVhid), second.State(Topology.LanVhid)));
    }

    private static long Vrrp(RedoubtNode node) => Outcome(node, "vrrp");

    private static long Outcome(RedoubtNode node, string name) =>
        node.Status().Carp.Counters.First(c => c.Interface == "lan").Outcomes[name];

    private static LabCluster Build(Kind kind, params NodeOptions[] nodes)
    {
        Tool.Require("keepalived");
        return LabSession.Build(new LabOptions { Nodes = nodes, IPv6 = kind == Kind.Version3IPv6 });
    }

    private static KeepalivedOptions Keepalived(Kind kind) =>
        new()
        {
            Version = kind == Kind.Version2 ? 2 : 3,
            UseVmac = kind == Kind.Version3Vmac,
            SendFromRealDevice = false,
            IPv6 = kind == Kind.Version3IPv6,
            Unicast = kind == Kind.Version3Unicast,
            AdvertInterval = kind == Kind.Version2 ? 1 : Interval,
            Conntrackd = ConntrackdMode.Off,
        };

    private static RedoubtOptions Redoubt(Kind kind, int number = 1)
    {
        var (protocol, interval) =
            kind == Kind.Version2
                ? ("vrrp2", "")
                : ("vrrp3", string.Create(CultureInfo.InvariantCulture, $"<interval>{Interval * 100:F0}</interval>"));
        var peer = 3 - number;
        var mac = kind == Kind.Version3RealMac ? "<mac>real</mac>" : "";
        var (lan, wan) = kind == Kind.Version3Unicast ? (Peer(Topology.LanAddress(peer)), Peer(Topology.WanAddress(peer))) : ("", "");
        return new RedoubtOptions
        {
            StateSync = false,
            Password = "",
            RedoubtXml =
                $"<vip><member>lan@1</member><protocol>{protocol}</protocol>{interval}{mac}{lan}</vip>"
                + $"<vip><member>wan@2</member><protocol>{protocol}</protocol>{interval}{mac}{wan}</vip>",
        };

        static string Peer(string address) => $"<peer>{address}</peer>";
    }

    private static bool Pings(LabCluster lab, Kind kind)
    {
        var client = lab.Topology.Client;
        // keepalived announces itself; whoever missed that asks anew.
        client.TryExecute("ip", "neigh", "flush", "dev", "lan0");
        return client.Pings(Topology.LanVip) && (kind != Kind.Version3IPv6 || client.Pings(Topology.LanVip6));
    }

    private static void Await(FirewallNode keepalived, bool holds) =>
        Deadline
            .In(20)
            .Await(
                $"keepalived {(holds ? "holds" : "gives up")} both addresses",
                () => keepalived.HasLanAddress == holds && keepalived.HasWanAddress == holds,
                () => string.Join(" / ", keepalived.Processes.Select(p => p.Tail))
            );

    private static string Explain(RedoubtNode node) =>
        string.Join(
            "; ",
            node.Status().Reasons.Concat(node.Status().Carp.Vips.Select(v => $"{v.Interface}@{v.Vhid} {v.State}: {v.Reason}"))
        );
}
