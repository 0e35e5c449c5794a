using System.Globalization;
using System.Text;

namespace Redoubt.Lab.Bench;

/// <summary>Writes what was measured as Markdown.</summary>
internal static class OutageTable
{
    private const string Head =
        "| Fault | Cluster | Runs | Outage, ms | x | Lost | Two owners, ms | No owner, ms |\n|---|---|--:|--:|--:|--:|--:|--:|\n";

    // Where neither is longer, a ratio would compare the scheduling of the machine.
    private const double NoiseMs = 20;

    /// <summary>Where it ran, then a table of how the master goes and one of how it comes back; medians, with maxima in brackets.</summary>
    public static string Write(OutageResults results)
    {
        var text = new StringBuilder();
        Add(text, $"{results.Date}, Linux {results.Kernel}, {results.Processors} processors, {results.Runtime}:\n\n");
        foreach (var version in results.Versions.Values)
            Add(text, $"- {version}\n");
        if (results.Samples.Exists(s => !s.IsReturn))
            Section(text, "The master goes", results, isReturn: false);
        if (results.Samples.Exists(s => s.IsReturn))
            Section(text, "It comes back", results, isReturn: true);
        foreach (var missing in results.Samples.Where(s => !s.Recovered).GroupBy(s => (s.Kind, s.Fault, s.IsReturn, s.Missing)))
            Add(
                text,
                $"\n{missing.Key.Kind}, {missing.Key.Fault}{(missing.Key.IsReturn ? " (back)" : "")}: {missing.Key.Missing} ({missing.Count()} times)\n"
            );
        return text.ToString();
    }

    private static void Section(StringBuilder text, string title, OutageResults results, bool isReturn)
    {
        Add(text, $"\n{title}:\n\n{Head}");
        foreach (var fault in OutageFault.All.Select(f => f.Name))
        {
            double? reference = null;
            foreach (var kind in OutageKind.All.Select(k => k.Name))
            {
                var samples = results.Samples.Where(s => s.Kind == kind && s.Fault == fault && s.IsReturn == isReturn).ToList();
                if (samples.Count == 0)
                    continue;
                var good = samples.Where(s => s.Recovered).ToList();
                if (kind == OutageKind.All[0].Name && good.Count > 0)
                    reference = Median(good.Select(s => s.OutageMs));
                Add(text, Row(fault, kind, samples, good, reference));
            }
        }
    }

    private static string Row(string fault, string kind, List<OutageSample> all, List<OutageSample> good, double? reference)
    {
        var runs = good.Count == all.Count ? $"{all.Count}" : $"{good.Count} of {all.Count}";
        if (good.Count == 0)
            return $"| {fault} | {kind} | {runs} | no recovery | | | | |\n";
        var outages = good.Select(s => s.OutageMs).ToList();
        var median = Median(outages);
        var ratio = reference is not { } r || Math.Max(r, median) < NoiseMs ? "" : Number(median / r, "0.00");
        return $"| {fault} | {kind} | {runs} | {Pair(outages)} | {ratio} | {Pair(good.Select(s => (double)s.Lost))} | {Pair(good.Select(s => s.TwoOwnersMs))} | {Pair(good.Select(s => s.NoOwnerMs))} |\n";
    }

    private static string Pair(IEnumerable<double> values)
    {
        var all = values.ToList();
        return $"{Number(Median(all), "#,0")} ({Number(all.Max(), "#,0")})";
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static void Add(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture));

    private static void Add(StringBuilder text, string line) => text.Append(line);
}
