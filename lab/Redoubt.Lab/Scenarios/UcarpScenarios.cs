using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Scenarios;

/// <summary>Redoubt and ucarp as one pair: both speak CARP.</summary>
public static class UcarpScenarios
{
    /// <summary>A ucarp master dies and returns.</summary>
    public static Scenario Takeover { get; } =
        new("ucarp-takeover", "a Redoubt backup takes over from a ucarp master that dies, and yields when it returns", RunTakeover);

    /// <summary>A Redoubt master dies and returns.</summary>
    public static Scenario Backup { get; } =
        new("ucarp-backup", "a ucarp backup takes over from a Redoubt master that dies, and yields when it returns", RunBackup);

    private static void RunTakeover(ScenarioRun run)
    {
        using var lab = Start(new UcarpOptions(), new RedoubtOptions { StateSync = false });
        var (ucarp, redoubt, client) = (lab["fw1"], lab.Redoubt(2), lab.Topology.Client);
        AwaitUcarp(ucarp, master: true);
        redoubt.WaitForState(VipState.Backup, Deadline.In(10));
        run.Check(AnsweringMac(client) == RealMac(ucarp), "ucarp is master with its real MAC, Redoubt is backup");
        var master = redoubt.Status().Carp.Vips.First(v => v.Vhid == Topology.LanVhid).Master;
        run.Check(master == Topology.LanAddress(1), $"Redoubt names ucarp's address as the master: {master}");

        ucarp.Crash();
        run.Say("ucarp's machine has died");
        run.Note("takeover_ms", redoubt.WaitForState(VipState.Master, Deadline.In(10)).TotalMilliseconds);
        run.Check(AnsweringMac(client) == VirtualMac, "Redoubt is master with the virtual MAC, and the address answers");

        var yield = Deadline.In(20);
        ucarp.Heal();
        run.Say("ucarp's machine is back");
        redoubt.WaitForState(VipState.Backup, yield);
        run.Note("yield_ms", yield.Elapsed.TotalMilliseconds);
        AwaitUcarp(ucarp, master: true);
        run.Check(AnsweringMac(client) == RealMac(ucarp), "ucarp is master again, Redoubt backup, and the address answers");
    }

    private static void RunBackup(ScenarioRun run)
    {
        using var lab = Start(new RedoubtOptions { StateSync = false }, new UcarpOptions());
        var (redoubt, ucarp, client) = (lab.Redoubt(1), lab["fw2"], lab.Topology.Client);
        redoubt.WaitForState(VipState.Master, Deadline.In(20));
        AwaitUcarp(ucarp, master: false);
        run.Check(AnsweringMac(client) == VirtualMac, "Redoubt is master with the virtual MAC, ucarp is backup");

        redoubt.Crash();
        run.Say("Redoubt's machine has died");
        run.Note("takeover_ms", AwaitUcarp(ucarp, master: true).TotalMilliseconds);
        run.Check(AnsweringMac(client) == RealMac(ucarp), "ucarp is master with its real MAC, and the address answers");

        var failback = Deadline.In(30);
        redoubt.Heal();
        run.Say("Redoubt's machine is back");
        redoubt.WaitForState(VipState.Master, failback);
        run.Note("failback_ms", failback.Elapsed.TotalMilliseconds);
        AwaitUcarp(ucarp, master: false);
        run.Check(AnsweringMac(client) == VirtualMac, "Redoubt is master again, ucarp backup, and the address answers");
    }

    /// <summary>Redoubt and ucarp do not share their secret.</summary>
    public static Scenario WrongPassword { get; } =
        new(
            "ucarp-wrong-password",
            "with different passwords Redoubt and ucarp ignore each other; Redoubt names the sender",
            RunWrongPassword
        );

    private static void RunWrongPassword(ScenarioRun run)
    {
        using var lab = Start(new UcarpOptions { Password = "another-key" }, new RedoubtOptions { StateSync = false });
        var (ucarp, redoubt) = (lab["fw1"], lab.Redoubt(2));
        AwaitUcarp(ucarp, master: true);
        redoubt.WaitForState(VipState.Master, Deadline.In(10));
        var sender = Topology.LanAddress(1);
        Deadline
            .In(20)
            .Await(
                $"Redoubt's status names {sender}",
                () => redoubt.Status().Reasons.Any(r => r.Contains(sender, StringComparison.Ordinal)),
                () => string.Join("; ", redoubt.Status().Reasons)
            );
        run.Check(redoubt.Status().Health == Health.Degraded, $"Redoubt is degraded and names {sender}");
        run.Check(
            redoubt.Events().Any(e => e.Kind == EventKind.Alarm && e.Message.Contains(sender, StringComparison.Ordinal)),
            "its events hold the alarm"
        );
        run.Check(ucarp.HasLanAddress && redoubt.State(Topology.LanVhid) == VipState.Master, "each is master: neither believes the other");
    }

    private const string VirtualMac = "00:00:5e:00:01:01";

    // ucarp knows no IPv6, and one of its processes elects without the other.
    private static LabCluster Start(params NodeOptions[] nodes)
    {
        Tool.Require("ucarp");
        var lab = new LabCluster(new LabOptions { Nodes = nodes, IPv6 = false });
        try
        {
            lab.StartAll();
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    private static TimeSpan AwaitUcarp(FirewallNode ucarp, bool master) =>
        Deadline
            .In(15)
            .Await(
                $"ucarp {(master ? "holds" : "gives up")} both addresses",
                () => ucarp.HasLanAddress == master && ucarp.HasWanAddress == master,
                () => string.Join(" / ", ucarp.Processes.Select(p => p.Tail))
            );

    private static string AnsweringMac(Place client)
    {
        client.TryExecute("ip", "neigh", "del", Topology.LanVip, "dev", "lan0");
        if (!client.Pings(Topology.LanVip))
            return "";
        var words = client.Execute("ip", "neigh", "show", Topology.LanVip).Split(' ');
        return words[Array.IndexOf(words, "lladdr") + 1];
    }

    private static string RealMac(FirewallNode node)
    {
        var words = node.Place.Execute("ip", "-o", "link", "show", "dev", "lan0").Split(' ');
        return words[Array.IndexOf(words, "link/ether") + 1];
    }
}
