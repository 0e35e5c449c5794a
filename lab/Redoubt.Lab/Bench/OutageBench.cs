using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Bench;

/// <summary>
/// Takes the master of each kind of cluster away in each way, again and again, and measures what a client sees: a datagram each
/// millisecond, translated to the WAN's virtual address, to an echo and back.
/// </summary>
internal sealed class OutageBench(
    IReadOnlyList<OutageKind> kinds,
    IReadOnlyList<OutageFault> faults,
    bool withFaults,
    bool withReturns,
    OutageResults results,
    Action<OutageResults> save,
    TextWriter log
)
{
    private const int WarmUp = 300;
    private const int GivenUpAfter = 2;
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan _steady = TimeSpan.FromSeconds(1);

    // Answers in that time that make a steady flow, of 1,000 datagrams.
    private const int Flowing = 900;

    // Advertisements go out once a second. The repetitions fall evenly into that second, so that no part of it weighs more.
    private static readonly TimeSpan _advertInterval = TimeSpan.FromSeconds(1);

    // A second node that has not shown up by then has not been asked to: ucarp's planned hand-over may end before it does.
    private static readonly TimeSpan _handOverLimit = TimeSpan.FromSeconds(10);

    /// <summary>Runs everything. Throws <see cref="LabException"/> when a cluster does not come up at all.</summary>
    public void Run()
    {
        Tool.Require(kinds.SelectMany(k => k.Programs));
        foreach (var kind in kinds)
        {
            LabCluster? lab = null;
            try
            {
                foreach (var fault in faults)
                    lab = Repeat(kind, fault, lab);
            }
            finally
            {
                lab?.Dispose();
            }
        }
    }

    private LabCluster? Repeat(OutageKind kind, OutageFault fault, LabCluster? lab)
    {
        var failures = 0;
        for (var round = 1; round <= results.Repeat && failures < GivenUpAfter; round++)
        {
            lab ??= Build(kind);
            var good = false;
            try
            {
                good = Round(lab, kind, fault, _advertInterval * (round - 1) / results.Repeat);
            }
            catch (Exception e) when (e is LabException or ControlException)
            {
                log.WriteLine($"{kind.Name} {fault.Name}: {e.Message}");
                Note(Nothing(kind, fault, e.Message));
            }
            failures = good ? 0 : failures + 1;
            if (good)
                continue;
            lab.Dispose();
            lab = null;
        }
        return lab;
    }

    private LabCluster Build(OutageKind kind)
    {
        var lab = new LabCluster(new LabOptions { Nodes = [kind.Make(), kind.Make()], IPv6 = false });
        try
        {
            lab.StartAll();
            new Deadline(_limit).Await($"{kind.Name}: fw1 is master, fw2 backup and in sync", () => kind.IsWhole(lab));
            results.Versions[kind.Name] = kind.Version(lab);
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    private bool Round(LabCluster lab, OutageKind kind, OutageFault fault, TimeSpan phase)
    {
        using var echo = new UdpEcho(lab.Topology.Server.Namespace, new IPEndPoint(IPAddress.Parse(Topology.ServerAddress), 0));
        using var watch = new OwnerWatch(lab);
        var master = lab.Nodes[0];
        new Deadline(_limit).Await($"{kind.Name}: fw1 alone is master", () => watch.IsSoleOwner(1) && kind.IsWhole(lab));
        var gone = Measure(
            lab,
            echo,
            watch,
            phase,
            () => fault.Break(master),
            (since, clock) => clock.Elapsed >= fault.Stays && (watch.HasAnswered(2, since) || clock.Elapsed > _handOverLimit)
        );
        if (withFaults || !gone.Recovered)
            Note(gone with { Kind = kind.Name, Fault = fault.Name });
        if (!gone.Recovered)
            return false;
        var back = Measure(lab, echo, watch, TimeSpan.Zero, () => fault.Mend(master), (_, _) => watch.IsSoleOwner(1) && kind.IsWhole(lab));
        if (withReturns || !back.Recovered)
            Note(back with { Kind = kind.Name, Fault = fault.Name, IsReturn = true });
        return back.Recovered;
    }

    // From a steady flow, through what is done, until the flow is steady again and what was awaited has come.
    private static OutageSample Measure(
        LabCluster lab,
        UdpEcho echo,
        OwnerWatch watch,
        TimeSpan phase,
        Action act,
        Func<int, Deadline, bool> isDone
    )
    {
        using var probe = new UdpProbe(lab.Topology.Client.Namespace, echo.EndPoint);
        Deadline.In(10).Await("the client's datagrams are answered", () => probe.Received >= WarmUp);
        Thread.Sleep(phase);
        var since = watch.Next;
        var clock = new Deadline(_limit);
        act();
        var recovered = WaitUntilSettled(probe, clock, () => isDone(since, clock));
        var watched = clock.Elapsed;
        var (two, none) = (watch.TwoOwners(since), watch.NoOwner(since));
        var result = probe.Stop();
        return new OutageSample
        {
            Kind = "",
            Fault = "",
            IsReturn = false,
            Recovered = recovered,
            Missing = recovered ? null : $"not recovered within {_limit.TotalSeconds} s",
            OutageMs = result.LongestGap.TotalMilliseconds,
            Lost = result.Lost,
            TwoOwnersMs = two.TotalMilliseconds,
            NoOwnerMs = none.TotalMilliseconds,
            WatchedMs = watched.TotalMilliseconds,
        };
    }

    // What was awaited has come, and since then the flow was steady for a second: a path that moves late is not missed.
    private static bool WaitUntilSettled(UdpProbe probe, Deadline clock, Func<bool> isDone)
    {
        var flow = new Queue<(TimeSpan At, int Received)>();
        var flows = false;
        TimeSpan? since = null;
        while (!clock.HasPassed)
        {
            Thread.Sleep(_poll);
            var (now, received) = (clock.Elapsed, probe.Received);
            flow.Enqueue((now, received));
            while (now - flow.Peek().At > _steady)
                flows = received - flow.Dequeue().Received >= Flowing;
            if (!flows)
                since = null;
            else if (since is null && isDone())
                since = now;
            if (now - since > _steady)
                return true;
        }
        return false;
    }

    private static OutageSample Nothing(OutageKind kind, OutageFault fault, string why) =>
        new()
        {
            Kind = kind.Name,
            Fault = fault.Name,
            IsReturn = false,
            Recovered = false,
            Missing = why,
            OutageMs = 0,
            Lost = 0,
            TwoOwnersMs = 0,
            NoOwnerMs = 0,
            WatchedMs = 0,
        };

    private void Note(OutageSample sample)
    {
        results.Samples.Add(sample);
        save(results);
        log.WriteLine(
            FormattableString.Invariant(
                $"{sample.Kind, -10} {sample.Fault, -8} {(sample.IsReturn ? "back" : "gone")} outage {sample.OutageMs, 8:0.0} ms, lost {sample.Lost, 6}, two owners {sample.TwoOwnersMs, 6:0}, none {sample.NoOwnerMs, 6:0} of {sample.WatchedMs, 6:0} ms{(sample.Recovered ? "" : $", NO RECOVERY: {sample.Missing}")}"
            )
        );
    }
}
