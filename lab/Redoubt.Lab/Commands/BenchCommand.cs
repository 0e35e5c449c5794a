using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Redoubt.Lab.Bench;
using Redoubt.Lab.Bench.Push;
using Redoubt.Lab.Bench.States;
using Redoubt.Lab.Bench.Vhids;

namespace Redoubt.Lab.Commands;

/// <summary>The words of "bench".</summary>
internal static class BenchCommand
{
    private const int RepeatLimit = 100;
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>
    /// Runs the benchmark; prints progress on standard error and the tables on standard output. 0, or 1 where a Redoubt cluster did
    /// not recover from a fault: what a peer cannot do is a result. Throws <see cref="LabException"/>.
    /// </summary>
    public static int Outage(string? kinds, string? faults, string? repeat, string? json)
    {
        var chosenKinds = Choose(kinds, OutageKind.All.Select(k => k.Name));
        var chosenFaults = Choose(faults, OutageFault.All.Select(f => f.Name).Append(OutageFault.Failback));
        var withReturns = chosenFaults.Remove(OutageFault.Failback);
        var withFaults = chosenFaults.Count > 0;
        if (!withFaults)
            chosenFaults.Add(OutageFault.All[0].Name);
        var results = Describe(Rounds(repeat));
        try
        {
            new OutageBench(results, Note).Run(
                OutageKind.All.Where(k => chosenKinds.Contains(k.Name)),
                [.. OutageFault.All.Where(f => chosenFaults.Contains(f.Name))]
            );
        }
        finally
        {
            Console.Write(OutageTable.Write(results));
        }
        return results.Samples.TrueForAll(s => s.Recovered || s.Kind != OutageKind.All[0].Name) ? 0 : 1;

        void Note(OutageSample sample)
        {
            if (sample.Recovered && !(sample.IsReturn ? withReturns : withFaults))
                return;
            results.Samples.Add(sample);
            Console.Error.WriteLine(sample);
            // Each time, so that a run which is cut short has not been for nothing.
            if (json is not null)
                File.WriteAllText(json, JsonSerializer.Serialize(results, _json));
        }
    }

    /// <summary>
    /// Runs the benchmark of state replication; progress goes to standard error, the table to standard output. Throws <see cref="LabException"/>.
    /// </summary>
    public static int States(string? kinds, string? parts, string? repeat)
    {
        var chosenKinds = Choose(kinds, StateKind.All.Select(k => k.Name));
        var chosenParts = Choose(parts, StateBench.Parts);
        var results = new StateResults();
        try
        {
            for (var round = Rounds(repeat ?? "5"); round > 0; round--)
            {
                // In turns, so that what else the machine does strikes both alike.
                foreach (var kind in StateKind.All.Where(k => chosenKinds.Contains(k.Name)))
                {
                    using var bench = new StateBench(kind, results, chosenParts, Console.Error.WriteLine);
                    bench.Run();
                }
            }
        }
        finally
        {
            Console.Write(results.Write(chosenKinds));
        }
        return 0;
    }

    /// <summary>Crashes the master of many vhids; prints a line each time. 1 where one did not move. Throws <see cref="LabException"/>.</summary>
    public static int Vhids(string? segments, string? vhids, string? profile, string? repeat)
    {
        var (segmentCount, vhidCount) = (Number(segments ?? "4", 8), Number(vhids ?? "255", 255));
        var whole = true;
        for (var round = Number(repeat ?? "1", RepeatLimit); round > 0; round--)
        {
            var sample = VhidBench.Run(segmentCount, vhidCount, profile ?? "fast", TimeSpan.FromSeconds(10));
            Console.WriteLine(sample);
            whole &= sample.Moved == sample.Vhids;
        }
        return whole ? 0 : 1;
    }

    /// <summary>Watches pairs to which nothing happens; prints a line for each. 1 where a Redoubt node changed its role. Throws <see cref="LabException"/>.</summary>
    public static int Calm(string? kinds, string? seconds, string? busy)
    {
        var chosen = Choose(kinds, OutageKind.All.Select(k => k.Name));
        var time = TimeSpan.FromSeconds(Number(seconds ?? "30", 3600));
        var changes = 0;
        Console.WriteLine(CalmBench.Head);
        foreach (var kind in OutageKind.All.Where(k => chosen.Contains(k.Name)))
        {
            var sample = CalmBench.Run(kind, time, busy is "yes");
            Console.WriteLine(sample);
            changes += sample.Transitions ?? 0;
        }
        return changes == 0 ? 0 : 1;
    }

    /// <summary>Measures pushes; prints lines for each round. Throws <see cref="LabException"/>.</summary>
    public static int Push(string? rules, string? repeat)
    {
        using var bench = new PushBench(Number(rules ?? "10000", 20_000));
        Console.WriteLine(bench.Title);
        var samples = new List<PushSample>();
        for (var round = Number(repeat ?? "5", RepeatLimit); round > 0; round--)
        {
            samples.Add(bench.Run());
            Console.WriteLine(samples[^1]);
        }
        foreach (var line in PushSample.Summary(samples).Append(bench.Memory))
            Console.WriteLine(line);
        return 0;
    }

    private static int Number(string text, int limit) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= 1 && n <= limit
            ? n
            : throw new LabException($"{text}: 1 to {limit} is expected");

    private static OutageResults Describe(int repeat) =>
        new()
        {
            Date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim().Split('-')[0],
            Processors = Environment.ProcessorCount,
            Runtime = RuntimeInformation.FrameworkDescription,
            Repeat = repeat,
        };

    private static int Rounds(string? text) =>
        text is null ? 10
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= RepeatLimit ? n
        : throw new LabException($"{text}: 1 to {RepeatLimit} repetitions are expected");

    private static List<string> Choose(string? asked, IEnumerable<string> all)
    {
        var known = all.ToList();
        var words = asked?.Split(',').Distinct().ToList() ?? known;
        var unknown = words.Find(w => !known.Contains(w));
        return unknown is null ? words : throw new LabException($"{unknown}: there are {string.Join(',', known)}");
    }
}
