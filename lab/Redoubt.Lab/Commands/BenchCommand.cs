using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Redoubt.Lab.Bench;

namespace Redoubt.Lab.Commands;

/// <summary>The words of "bench".</summary>
internal static class BenchCommand
{
    private const int RepeatLimit = 100;
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>
    /// Runs the benchmark; prints progress on standard error and the tables on standard output. 0, or 1 where a cluster did not
    /// recover from a fault. Throws <see cref="LabException"/>.
    /// </summary>
    public static int Outage(string? kinds, string? faults, string? repeat, string? json)
    {
        var rounds =
            repeat is null ? 10
            : int.TryParse(repeat, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n is >= 1 and <= RepeatLimit ? n
            : throw new LabException($"{repeat}: 1 to {RepeatLimit} repetitions are expected");
        var chosenKinds = Choose(kinds, OutageKind.All.Select(k => k.Name));
        var chosen = Choose(faults, OutageFault.All.Select(f => f.Name).Append(OutageFault.Failback));
        var withReturns = chosen.Remove(OutageFault.Failback);
        var withFaults = chosen.Count > 0;
        if (!withFaults)
            chosen.Add(OutageFault.All[0].Name);
        var results = new OutageResults
        {
            Date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim().Split('-')[0],
            Processors = Environment.ProcessorCount,
            Runtime = RuntimeInformation.FrameworkDescription,
            Repeat = rounds,
        };
        new OutageBench(
            [.. OutageKind.All.Where(k => chosenKinds.Contains(k.Name))],
            [.. OutageFault.All.Where(f => chosen.Contains(f.Name))],
            withFaults,
            withReturns,
            results,
            Save,
            Console.Error
        ).Run();
        Console.Write(OutageTable.Write(results, withFaults, withReturns));
        return results.Samples.TrueForAll(s => s.Recovered) ? 0 : 1;

        // After every repetition, so that a run which is cut short has not been for nothing.
        void Save(OutageResults all)
        {
            if (json is not null)
                File.WriteAllText(json, JsonSerializer.Serialize(all, _json));
        }
    }

    private static List<string> Choose(string? asked, IEnumerable<string> all)
    {
        var known = all.ToList();
        var words = asked?.Split(',').Distinct().ToList() ?? known;
        var unknown = words.Find(w => !known.Contains(w));
        return unknown is null ? words : throw new LabException($"{unknown}: there are {string.Join(',', known)}");
    }
}
