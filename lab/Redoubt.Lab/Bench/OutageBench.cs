using Redoubt.Control;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench;

/// <summary>
/// Takes the master of each kind of cluster away in each way, again and again, and measures what a client sees: a datagram each
/// millisecond, translated to the WAN's virtual address, to an echo and back.
/// </summary>
internal sealed class OutageBench(OutageResults results, Action<OutageSample> note)
{
    private const int GivenUpAfter = 2;
    private static readonly TimeSpan _upLimit = TimeSpan.FromSeconds(60);

    // Advertisements go out once a second. The repetitions fall evenly into that second, so that no part of it weighs more.
    private static readonly TimeSpan _advertInterval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Runs everything, and notes each sample. A fault from which a cluster does not recover twice in a row is not repeated further.
    /// Throws <see cref="LabException"/> when a cluster does not come up at all.
    /// </summary>
    public void Run(IEnumerable<OutageKind> kinds, IReadOnlyList<OutageFault> faults)
    {
        foreach (var kind in kinds)
        {
            Tool.Require(kind.Programs);
            LabCluster? lab = null;
            try
            {
                foreach (var fault in faults)
                    Repeat(kind, fault, ref lab);
            }
            finally
            {
                lab?.Dispose();
            }
        }
    }

    private void Repeat(OutageKind kind, OutageFault fault, ref LabCluster? lab)
    {
        var failures = 0;
        for (var number = 0; number < results.Repeat && failures < GivenUpAfter; number++)
        {
            lab ??= Build(kind);
            if (Play(lab, kind, fault, _advertInterval * number / results.Repeat))
            {
                failures = 0;
                continue;
            }
            failures++;
            lab.Dispose();
            lab = null;
        }
    }

    private LabCluster Build(OutageKind kind)
    {
        var lab = new LabCluster(new LabOptions { Nodes = [kind.Make(), kind.Make()], IPv6 = false });
        try
        {
            lab.StartAll();
            new Deadline(_upLimit).Await($"{kind.Name}: fw1 is master, fw2 backup and in sync", () => kind.IsWhole(lab));
            results.Versions[kind.Name] = kind.Version(lab);
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    // False where the cluster is of no further use.
    private bool Play(LabCluster lab, OutageKind kind, OutageFault fault, TimeSpan phase)
    {
        try
        {
            using var round = new OutageRound(lab, kind, fault);
            round.AwaitWhole();
            var gone = round.Go(phase);
            note(gone);
            if (!gone.Recovered)
                return false;
            var back = round.Return();
            note(back);
            return back.Recovered;
        }
        catch (Exception e) when (e is LabException or ControlException)
        {
            note(
                new OutageSample
                {
                    Kind = kind.Name,
                    Fault = fault.Name,
                    Missing = e.Message,
                }
            );
            return false;
        }
    }
}
