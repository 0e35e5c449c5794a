using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Failover;

/// <summary><c>doctor</c> on real nodes: a whole pair gets no complaint, a broken one is told what broke.</summary>
public sealed class DoctorTests
{
    private static string Bad(RedoubtNode node) =>
        string.Join(
            "; ",
            node.Ask(ControlVerb.Doctor)
                .Examination!.Findings.Where(f =>
                    f.Verdict == Verdict.Error || f.Check.StartsWith("peer", StringComparison.Ordinal) && f.Verdict != Verdict.Ok
                )
                .Select(f => $"{f.Check}: {f.Text}")
        );

    [Fact]
    public void A_whole_pair_has_no_fault_and_a_mute_cable_or_a_lost_mask_is_named()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = [new RedoubtOptions(), new RedoubtOptions()] });
        lab.StartAll();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(20));
        foreach (var node in new[] { fw1, fw2 })
            Deadline.In(15).Await($"{node.Name} finds no fault", () => Bad(node).Length == 0, () => Bad(node));

        using (fw2.Lan.Cut(Direction.Both))
        {
            Deadline
                .In(10)
                .Await("fw1 misses fw2 on the LAN", () => Bad(fw1).Contains("not heard on lan", StringComparison.Ordinal), () => Bad(fw1));
            Assert.DoesNotContain("wan", Bad(fw1), StringComparison.Ordinal);
        }
        Deadline.In(15).Await("it is whole again", () => Bad(fw1).Length == 0, () => Bad(fw1));

        fw2.Place.Execute("ip", "address", "add", $"{Topology.LanAddress(2)}/16", "dev", "lan0");
        fw2.Place.Execute("ip", "address", "del", $"{Topology.LanAddress(2)}/24", "dev", "lan0");
        Deadline.In(10).Await("fw2's mask is wrong", () => Bad(fw2).Contains("interface lan", StringComparison.Ordinal), () => Bad(fw2));
        Assert.DoesNotContain("interface", Bad(fw1), StringComparison.Ordinal);
    }
}
