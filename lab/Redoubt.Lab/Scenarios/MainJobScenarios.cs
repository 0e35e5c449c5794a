using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Scenarios;

/// <summary>The main job: what runs through the firewalls goes on when the master goes.</summary>
public static class MainJobScenarios
{
    private const long DownloadRate = 20 << 20;
    private const long UploadRate = 5 << 20;
    private const long LongFlow = 50 << 20;

    // Milliseconds on an idle machine, which the figures show; a busy one may cost TCP a retransmission or two, and no more.
    private static readonly TimeSpan _plannedGap = TimeSpan.FromSeconds(1);

    /// <summary>Every way in which a master goes, while a download and an upload run through source NAT.</summary>
    public static Scenario Demo { get; } =
        new("demo", "a download and an upload survive hand-over, crash, kill -9, SIGSTOP, a pulled cable and each return", RunDemo);

    /// <summary>The negative twin.</summary>
    public static Scenario NoStateSync { get; } =
        new(
            "no-statesync",
            "without state sync the same crash ends the download: it is the states that make the difference",
            RunNoStateSync
        );

    private static void RunDemo(ScenarioRun run)
    {
        using var lab = LabCluster.Start(new RedoubtOptions(), new RedoubtOptions());
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        AwaitWhole(fw1, fw2);
        run.Say("fw1 is master of 10.0.0.1 (LAN) and 203.0.113.1 (WAN), fw2 is backup and holds the same states");
        run.Check(lab.RedoubtNodes.All(TakesUpNothing), "neither kernel takes up flows in mid-stream (nf_conntrack_tcp_loose=0)");
        using var traffic = new ClientTraffic(lab, DownloadRate, UploadRate);
        traffic.AwaitProgress(4 << 20, Deadline.In(15));
        run.Say("client behind 10.0.0.1 downloads 20 MiB/s, uploads 5 MiB/s and sends 1,000 datagrams/s, translated to 203.0.113.1");

        Planned(run, traffic, fw1, fw2);
        Fail(run, traffic, fw1, fw2, "kill-9", "redoubtd of fw1 is killed (kill -9); its kernel goes on", fw1.Kill9, fw1.Start);
        Fail(run, traffic, fw1, fw2, "sigstop", "redoubtd of fw1 is frozen (SIGSTOP)", fw1.Freeze, fw1.Thaw);
        Fail(run, traffic, fw1, fw2, "cable", "fw1's LAN cable is pulled", () => fw1.Lan.Unplug(), fw1.Lan.Restore);
        Fail(run, traffic, fw1, fw2, "crash", "fw1 crashes: all its ports fall silent, its states are lost", fw1.Crash, fw1.Heal);

        traffic.Download.Finish();
        traffic.Upload.Finish();
        Complete(run, traffic.Download.Wait(Deadline.In(30)));
        Complete(run, traffic.Upload.Wait(Deadline.In(30)));
        var probe = traffic.Probe.Stop();
        run.Say($"datagrams: {probe.Sent} sent, {probe.Lost} lost over all faults");
        foreach (var node in lab.RedoubtNodes)
            run.Note($"{node.Name}_forwarded_invalid_packets", node.InvalidPackets);
        Say(run, fw1);
        Say(run, fw2);
    }

    private static void Planned(ScenarioRun run, ClientTraffic traffic, RedoubtNode fw1, RedoubtNode fw2)
    {
        traffic.Mark("planned");
        var reply = fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover });
        run.Check(reply.Ok == true, $"redoubt failover on fw1: {reply.Message}");
        fw2.WaitForState(VipState.Master, Deadline.In(5));
        traffic.AwaitProgress(LongFlow, Deadline.In(30));
        run.Say($"{LongFlow >> 20} MiB went over fw2");
        traffic.Mark("planned-return");
        var back = fw1.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = true });
        run.Check(back.Ok == true, $"redoubt failover --back on fw1: {back.Message}");
        fw1.WaitForState(VipState.Master, Deadline.In(10));
        traffic.AwaitProgress(LongFlow / 2, Deadline.In(30));
        foreach (var node in new[] { fw1, fw2 })
            run.Check(node.InvalidPackets == 0, $"{node.Name} called no packet of the long flows invalid");
        foreach (var mark in new[] { "planned", "planned-return" })
        {
            var gap = traffic.Download.Result.GapAfter(mark);
            Gap(run, traffic, mark);
            run.Check(gap <= _plannedGap, $"{mark}: the download paused for at most {_plannedGap.TotalMilliseconds} ms");
        }
    }

    private static void Fail(
        ScenarioRun run,
        ClientTraffic traffic,
        RedoubtNode fw1,
        RedoubtNode fw2,
        string name,
        string what,
        Action fault,
        Action end
    )
    {
        traffic.Mark(name);
        fault();
        run.Say(what);
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        traffic.AwaitProgress(4 << 20, Deadline.In(30));
        Gap(run, traffic, name);
        traffic.Mark($"{name}-return");
        end();
        AwaitWhole(fw1, fw2);
        traffic.AwaitProgress(4 << 20, Deadline.In(30));
        Gap(run, traffic, $"{name}-return");
    }

    private static void AwaitWhole(RedoubtNode fw1, RedoubtNode fw2)
    {
        fw1.WaitForState(VipState.Master, Deadline.In(30));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        foreach (var node in new[] { fw1, fw2 })
            Deadline
                .In(20)
                .Await($"{node.Name} has its peer's states", () => IsInSync(node), () => string.Join("; ", node.Status().Reasons));
    }

    private static bool IsInSync(RedoubtNode node) => node.Status().StateSync.Peers is { Count: > 0 } peers && peers.All(p => p.InSync);

    private static bool TakesUpNothing(RedoubtNode node) => node.Place.Sysctl("netfilter/nf_conntrack_tcp_loose") == 0;

    private static void Gap(ScenarioRun run, ClientTraffic traffic, string mark)
    {
        run.Note($"{mark}_download_gap_ms", traffic.Download.Result.GapAfter(mark).TotalMilliseconds);
        run.Note($"{mark}_upload_gap_ms", traffic.Upload.Result.GapAfter(mark).TotalMilliseconds);
    }

    private static void Complete(ScenarioRun run, TransferResult result) =>
        run.Check(
            result.IsComplete,
            $"the {result.Direction.ToString().ToLowerInvariant()} arrived whole, {result.Bytes >> 20} MiB, every byte checked"
                + (result.Error is null ? "" : $" ({result.Error})")
        );

    private static void Say(ScenarioRun run, RedoubtNode node)
    {
        var status = node.Status();
        var vips = status.Carp.Vips.Select(v => $"{v.Interface}@{v.Vhid} {v.State.ToString().ToUpperInvariant()} ({v.Reason})");
        run.Say($"{node.Name} says: {status.Health.ToString().ToLowerInvariant()}; {string.Join("; ", vips)}");
    }

    private static void RunNoStateSync(ScenarioRun run)
    {
        var quiet = new RedoubtOptions { StateSync = false };
        using var lab = LabCluster.Start(quiet, quiet);
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        fw1.WaitForState(VipState.Master, Deadline.In(30));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        run.Check(lab.RedoubtNodes.All(TakesUpNothing), "neither kernel takes up flows in mid-stream (nf_conntrack_tcp_loose=0)");
        using var traffic = new ClientTraffic(lab, DownloadRate, UploadRate);
        traffic.AwaitProgress(4 << 20, Deadline.In(15));

        fw1.Crash();
        run.Say("fw1 crashes");
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        run.Check(lab.Topology.Client.Pings(Topology.ServerAddress), "new flows pass through fw2");
        var before = traffic.Download.Bytes;
        // Long enough for TCP to try again several times after fw2 took over.
        Deadline.In(30).Await("fw2 calls packets of the download invalid", () => fw2.InvalidPackets >= 3);
        run.Check(traffic.Download.Bytes == before, "no byte of the download has arrived since: its state was on fw1 alone");
        run.Check(fw2.StateCount > 0, "fw2 has states, but not that one");
    }
}
