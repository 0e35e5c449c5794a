using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>Programs that are told of transitions, with real daemons.</summary>
public sealed class HookTests
{
    private static readonly string[] _all = ["carp-master", "carp-backup", "carp-init", "group-master", "group-backup", "group-fault"];

    private static LabCluster Build(int nodes, string redoubtXml = "")
    {
        NodeOptions node = new RedoubtOptions { StateSync = false, RedoubtXml = redoubtXml };
        return LabSession.Build(new LabOptions { Nodes = [.. Enumerable.Repeat(node, nodes)] });
    }

    private static RedoubtNode StartMaster(LabCluster lab)
    {
        lab.StartAll();
        lab.Redoubt(1).WaitForState(VipState.Master, Deadline.In(20));
        return lab.Redoubt(1);
    }

    [Fact]
    public void Each_transition_runs_its_hook_with_interface_vhid_and_addresses_and_a_group_is_told_of_once()
    {
        using var lab = Build(2);
        HookRecord[] records = [new(lab.Redoubt(1), _all), new(lab.Redoubt(2), _all)];
        var fw1 = StartMaster(lab);
        records[0].Await("group-master");
        records[0].Await("carp-master lan");
        records[0].Await("carp-master wan");
        records[1].Await("group-backup");
        const string arguments = $"lan 1 {Topology.LanVip}/24 {Topology.LanVip6}/64";
        Assert.Matches($"^carp-master {arguments} \\| fw1 lan0 MASTER main [1-9][0-9]*$", records[0].Of("carp-master lan")[0]);
        Assert.Matches("^group-master main lan@1 wan@2 \\| fw1  MASTER main [1-9][0-9]*$", Assert.Single(records[0].Of("group-master")));
        Assert.Empty(records[1].Of("carp-master"));
        Assert.Empty(records[0].Of("group-fault"));
        Deadline
            .In(5)
            .Await("the hook's event", () => fw1.Events().Any(e => e is { Kind: EventKind.Hook, Vhid: 1, To: "MASTER", Epoch: > 0 }));
        Assert.Contains(fw1.Events(), e => e is { Kind: EventKind.Transition, Vhid: 1, To: "MASTER", Epoch: > 0 });

        // Cut off from each other both are master; who stays is told so once more, after the other one's hooks had their say.
        foreach (var record in records)
            record.Forget();
        foreach (var port in fw1.Ports)
            port.Cut();
        records[1].Await("group-master");
        Assert.Empty(records[0].Lines);
        foreach (var port in fw1.Ports)
            port.Restore();
        records[1].Await("group-backup");
        records[0].Await("group-master");
        records[0].Await("carp-master", 2);
        Assert.Empty(records[0].Of("carp-backup"));
        Deadline.In(10).Await("fw1 hears fw2 as a backup", () => fw1.Status().Cluster!.Peers.All(p => p.Alive));

        foreach (var record in records)
            record.Forget();
        fw1.Kill9();
        records[1].Await("group-master");
        records[1].Await("carp-master", 2);
        Assert.Single(records[1].Of("group-"));
        Assert.Empty(records[0].Lines);
    }

    [Fact]
    public void A_hook_that_hangs_is_killed_with_what_it_started_and_delays_no_election()
    {
        using var lab = Build(2, "<hooks><timeout>1</timeout></hooks>");
        var hooks = new HookRecord(lab.Redoubt(1));
        hooks.Write("carp-master", $"echo begun >> {hooks.PathOf("../hooks.log")}; sleep 61 & echo noise; sleep 61");
        hooks.Write("group-master", $"echo group >> {hooks.PathOf("../hooks.log")}");
        var fw1 = StartMaster(lab);
        hooks.Await("begun");
        // While it hangs, addresses move and come back.
        Assert.True(fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover, Force = true }).Ok);
        lab.Redoubt(2).WaitForState(VipState.Master, Deadline.In(5));
        Assert.True(fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = true }).Ok);
        fw1.WaitForState(VipState.Master, Deadline.In(5));
        hooks.Await("group");
        var status = fw1.Status();
        Assert.True(status.Carp.Hooks.TimedOut > 0);
        Assert.Contains(status.Reasons, r => r.Contains("took longer than 1 s and was killed; it said: noise", StringComparison.Ordinal));
        Deadline.In(10).Await("nothing that it started lives on", () => Sleepers() == 0);
    }

    [Fact]
    public void After_kill_9_the_hook_of_the_new_role_runs_and_nothing_is_told_twice_and_a_hook_that_others_may_write_never_runs()
    {
        NodeOptions node = new RedoubtOptions { StateSync = false, Preempt = false };
        using var lab = LabSession.Build(new LabOptions { Nodes = [node, node] });
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        var (hooks1, hooks2) = (
            new HookRecord(fw1, "carp-master", "carp-backup", "group-master"),
            new HookRecord(fw2, "carp-master", "carp-backup")
        );
        var mode = File.GetUnixFileMode(hooks1.PathOf("group-master"));
        File.SetUnixFileMode(hooks1.PathOf("group-master"), mode | UnixFileMode.OtherWrite);
        StartMaster(lab);
        hooks1.Await("carp-master", 2);
        Deadline.In(5).Await("a hook is refused", () => fw1.Status().Carp.Hooks is { Refused: 1, Completed: >= 2 });
        Assert.Contains(fw1.Status().Reasons, r => r.Contains("may be written by others than its owner", StringComparison.Ordinal));
        Assert.Empty(hooks1.Of("group-master"));

        fw1.Kill9();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        hooks1.Forget();
        fw1.Start();
        hooks1.Await("carp-backup", 2); // what was told last is not so any more
        Assert.Empty(hooks1.Of("carp-master"));

        // In order: the end is told before the daemon ends, and the next start does not tell it again.
        hooks2.Await("carp-master", 2);
        hooks2.Forget();
        Assert.True(fw2.Stop());
        Assert.Equal(2, hooks2.Of("carp-backup").Count);
        fw1.WaitForState(VipState.Master, Deadline.In(10));
        hooks2.Forget();
        fw2.Start();
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        fw1.Kill9();
        hooks2.Await("carp-master", 2);
        Assert.Empty(hooks2.Of("carp-backup"));
    }

    private static int Sleepers() =>
        Directory
            .EnumerateDirectories("/proc")
            .Count(p =>
            {
                try
                {
                    return File.ReadAllText(Path.Combine(p, "cmdline")) == "sleep\u000061\u0000";
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    return false;
                }
            });
}
