using Redoubt.Control;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Scenarios;

/// <summary>Who is master, and what makes another one so.</summary>
public static class ElectionScenarios
{
    /// <summary>Two Redoubt nodes; the master's daemon is killed and comes back.</summary>
    public static Scenario Election { get; } =
        new("election", "fw1 is master; killed, fw2 takes over; back again, fw1 is master again", RunElection);

    private static void RunElection(ScenarioRun run)
    {
        var quiet = new RedoubtOptions { StateSync = false };
        using var lab = LabCluster.Start(quiet, quiet);
        var (fw1, fw2, client) = (lab.Redoubt(1), lab.Redoubt(2), lab.Topology.Client);
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        run.Check(client.Pings(Topology.LanVip), "fw1 is master, fw2 backup, and the virtual address answers");

        fw1.Kill9();
        run.Say("redoubtd of fw1 was killed (kill -9)");
        run.Note("takeover_ms", fw2.WaitForState(VipState.Master, Deadline.In(10)).TotalMilliseconds);
        run.Check(client.Pings(Topology.LanVip), "fw2 is master, and the virtual address answers");

        var failback = Deadline.In(30);
        fw1.Start();
        run.Say("redoubtd of fw1 runs again");
        fw1.WaitForState(VipState.Master, failback);
        run.Note("failback_ms", failback.Elapsed.TotalMilliseconds);
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        run.Check(client.Pings(Topology.LanVip), "fw1 is master again, fw2 backup, and the virtual address answers");
    }
}
