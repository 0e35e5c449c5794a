using Redoubt.Control;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>Two redoubtd in the real kernel.</summary>
public sealed class ElectionTests
{
    [Fact]
    public void The_backup_takes_over_when_the_master_is_killed_and_yields_when_it_returns()
    {
        using var lab = LabSession.Start(LabSession.Quiet(2));
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));

        fw1.Kill9();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.Null(fw1.State(Topology.LanVhid));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));

        fw1.Start();
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));
    }
}
