using Redoubt.Control;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Scenarios;

/// <summary>Nodes that do not share their secret.</summary>
public static class PasswordScenarios
{
    /// <summary>Two Redoubt nodes with different CARP passwords.</summary>
    public static Scenario WrongPassword { get; } =
        new(
            "wrong-password",
            "nodes with different passwords ignore each other, and each raises an alarm that names the other",
            RunWrongPassword
        );

    /// <summary>The same with heartbeats: these agree on one master, and the other says what is wrong.</summary>
    public static Scenario WrongPasswordWithHeartbeats { get; } =
        new(
            "wrong-password-heartbeats",
            "nodes with different passwords that hear each other's heartbeats have one master, and the other raises an alarm that names it",
            RunWithHeartbeats
        );

    private static void RunWrongPassword(ScenarioRun run)
    {
        var options = new RedoubtOptions { StateSync = false, RedoubtXml = "<failover><profile>carp</profile></failover>" };
        using var lab = LabCluster.Start(options, options with { Password = "another-key" });
        foreach (var node in lab.RedoubtNodes)
        {
            var other = Topology.LanAddress(3 - node.Number);
            AwaitAlarm(node, other);
            run.Check(
                node.Events()
                    .Any(e => e.Kind == EventKind.Alarm && e.To == "raised" && e.Message.Contains(other, StringComparison.Ordinal)),
                $"{node.Name} has an alarm event that names {other}"
            );
            run.Check(node.Status().Health != Health.Healthy, $"{node.Name} is not healthy");
        }
        lab.Redoubt(2).WaitForState(VipState.Master, Deadline.In(10));
        run.Check(lab.Redoubt(1).State(Topology.LanVhid) == VipState.Master, "each is master: neither believes the other");
    }

    private static void RunWithHeartbeats(ScenarioRun run)
    {
        var options = new RedoubtOptions { StateSync = false };
        using var lab = LabCluster.Start(options, options with { Password = "another-key" });
        lab.Redoubt(1).WaitForState(VipState.Master, Deadline.In(20));
        AwaitAlarm(lab.Redoubt(2), Topology.LanAddress(1));
        run.Check(lab.Redoubt(2).State(Topology.LanVhid) == VipState.Backup, "fw2 is backup: heartbeats say that the master lives");
    }

    private static void AwaitAlarm(RedoubtNode node, string address) =>
        Deadline
            .In(20)
            .Await(
                $"{node.Name}'s status names {address}",
                () => node.Status().Reasons.Any(r => r.Contains(address, StringComparison.Ordinal)),
                () => string.Join("; ", node.Status().Reasons)
            );
}
