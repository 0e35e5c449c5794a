using System.Globalization;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench;

/// <summary>What a pair costs while nothing happens, and whether nothing happens to it while the machine is busy.</summary>
/// <param name="Kind">Kind of cluster.</param>
/// <param name="Seconds">How long it was watched.</param>
/// <param name="Cpu">Per node, of one processor: 0.01 is a hundredth of it.</param>
/// <param name="Rss">Per node, megabytes of all its processes.</param>
/// <param name="Transitions">Role changes in that time; null where the kind does not tell.</param>
/// <param name="Demotions">Times that a node demoted itself, as one that oversleeps does; null likewise.</param>
internal sealed record CalmSample(string Kind, double Seconds, double[] Cpu, double[] Rss, int? Transitions, int? Demotions)
{
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"| {Kind} | {Seconds:0} s | {Cpu[0] * 100:0.0} / {Cpu[1] * 100:0.0} % | {Rss[0]:0} / {Rss[1]:0} MB | {Text(Transitions)} | {Text(Demotions)} |"
        );

    private static string Text(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "-";
}

/// <summary>Watches a pair of each kind.</summary>
internal static class CalmBench
{
    /// <summary>The head of the table.</summary>
    public const string Head = """
        | cluster | watched | CPU of a processor, first / second node | RSS | role changes | demotions |
        |---|--:|--:|--:|--:|--:|
        """;

    private const int BusyThreads = 4;
    private static readonly TimeSpan _upLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _settle = TimeSpan.FromSeconds(10);

    /// <summary>Watches a pair for a time; with busy threads, one of which allocates, beside it. Throws <see cref="LabException"/>.</summary>
    public static CalmSample Run(OutageKind kind, TimeSpan time, bool isBusy)
    {
        Tool.Require(kind.Programs);
        using var lab = new LabCluster(new LabOptions { Nodes = [kind.Make(), kind.Make()], IPv6 = false });
        lab.StartAll();
        new Deadline(_upLimit).Await($"{kind.Name} is whole", () => kind.IsWhole(lab));
        Thread.Sleep(_settle);
        using var end = new CancellationTokenSource();
        var busy = Enumerable.Range(0, isBusy ? BusyThreads : 0).Select(i => Spin(i, end.Token)).ToList();
        var events = Events(lab);
        var cpu = lab.Nodes.Select(Cpu).ToArray();
        var since = TimeProvider.System.GetTimestamp();
        Thread.Sleep(time);
        var seconds = TimeProvider.System.GetElapsedTime(since).TotalSeconds;
        var used = lab.Nodes.Zip(cpu).Select(p => (Cpu(p.First) - p.Second) / seconds).ToArray();
        var after = Events(lab);
        end.Cancel();
        busy.ForEach(t => t.Join());
        return new CalmSample(
            kind.Name,
            seconds,
            used,
            [.. lab.Nodes.Select(Rss)],
            after.Transitions - events.Transitions,
            after.Demotions - events.Demotions
        );
    }

    private static (int? Transitions, int? Demotions) Events(LabCluster lab)
    {
        if (!lab.RedoubtNodes.Any())
            return (null, null);
        var events = lab.RedoubtNodes.SelectMany(n => n.Events()).ToList();
        return (events.Count(e => e.Kind == EventKind.Transition), events.Count(e => e.Kind == EventKind.Demotion));
    }

    private static Thread Spin(int number, CancellationToken end)
    {
        var thread = new Thread(() =>
        {
            var kept = new byte[64][];
            for (var i = 0; !end.IsCancellationRequested; i++)
            {
                if (number == 0)
                    kept[i % kept.Length] = new byte[100_000];
                else
                    Thread.SpinWait(10_000);
            }
            GC.KeepAlive(kept);
        })
        {
            IsBackground = true,
            Name = "busy",
        };
        thread.Start();
        return thread;
    }

    // Children run in their parent's session.
    private static IEnumerable<int> Members(FirewallNode node)
    {
        var sessions = node.Processes.Select(p => p.Id).ToHashSet();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (
                int.TryParse(Path.GetFileName(directory), CultureInfo.InvariantCulture, out var id)
                && Fields(id) is { } fields
                && sessions.Contains(int.Parse(fields[3], CultureInfo.InvariantCulture))
            )
                yield return id;
        }
    }

    // proc(5), stat: the fields behind the name in brackets; 3 is the session, 11 and 12 user and system time in hundredths of a second.
    private static string[]? Fields(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static double Cpu(FirewallNode node) =>
        Members(node)
            .Select(Fields)
            .Where(f => f is not null)
            .Sum(f => (double.Parse(f![11], CultureInfo.InvariantCulture) + double.Parse(f[12], CultureInfo.InvariantCulture)) / 100);

    private static double Rss(FirewallNode node) =>
        Members(node)
            .Select(id =>
                File.ReadLines($"/proc/{id}/status").FirstOrDefault(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)) is { } line
                    ? double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1000
                    : 0
            )
            .Sum();
}
