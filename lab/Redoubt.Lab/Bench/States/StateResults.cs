namespace Redoubt.Lab.Bench.States;

/// <summary>One figure of one repetition.</summary>
internal sealed record StateFigure(string Kind, string Measure, double Value);

/// <summary>What is measured, in which unit, and whether less is better.</summary>
internal sealed record StateMeasure(string Name, string Text, string Format, bool LessIsBetter)
{
    public static IReadOnlyList<StateMeasure> All { get; } =
    [
        new("cpuSend", "CPU seconds per 100,000 new UDP states, sender", "0.00", true),
        new("cpuReceive", "the same, receiver", "0.00", true),
        new("cpu", "the same, both", "0.00", true),
        new("bytes", "bytes on the wire per new state (Ethernet, at 20,000/s)", "0", true),
        new("udpRate", "new UDP states/s at most with nothing lost", "#,0", false),
        new("tcpRate", "TCP connections/s up to ESTABLISHED at most with nothing lost", "#,0", false),
        new("idle50", "latency idle, p50, µs", "#,0", true),
        new("idle99", "latency idle, p99, µs", "#,0", true),
        new("busy50", "latency at 10,000/s, p50, µs", "#,0", true),
        new("busy99", "latency at 10,000/s, p99, µs", "#,0", true),
        new("bulk", "bulk of 200,000 states into an empty kernel, s", "0.00", true),
        new("rssSend", "RSS at 200,000 states, first node, MB", "0", true),
        new("rssReceive", "RSS at 200,000 states, second node, MB", "0", true),
    ];
}

/// <summary>All figures, as a table.</summary>
internal sealed class StateResults
{
    public List<StateFigure> Figures { get; } = [];

    public string Write(IReadOnlyList<string> kinds)
    {
        var lines = new List<string>
        {
            $"| What | Runs | {string.Join(" | ", kinds)} | ratio |",
            $"|---|--:|{string.Concat(kinds.Select(_ => "--:|"))}--:|",
        };
        foreach (var measure in StateMeasure.All)
        {
            var columns = kinds.Select(k =>
                Figures.Where(f => f.Kind == k && f.Measure == measure.Name).Select(f => f.Value).Order().ToList()
            );
            var all = columns.ToList();
            if (all.TrueForAll(c => c.Count == 0))
                continue;
            var cells = all.Select(c =>
                c.Count == 0 ? "-" : $"{Text(Median(c), measure)} ({Text(c[0], measure)} to {Text(c[^1], measure)})"
            );
            var ratio = all.Count == 2 && all.TrueForAll(c => c.Count > 0) ? (Median(all[0]) / Median(all[1])).ToString("0.00", null) : "";
            lines.Add($"| {measure.Text} | {all.Max(c => c.Count)} | {string.Join(" | ", cells)} | {ratio} |");
        }
        return string.Join('\n', lines) + "\n";
    }

    private static string Text(double value, StateMeasure measure) =>
        value.ToString(measure.Format, System.Globalization.CultureInfo.InvariantCulture);

    private static double Median(List<double> values) =>
        values.Count % 2 == 1 ? values[values.Count / 2] : (values[(values.Count / 2) - 1] + values[values.Count / 2]) / 2;
}
