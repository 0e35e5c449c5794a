using System.Globalization;

namespace Redoubt.Lab.Bench.Push;

/// <summary>One round of <see cref="PushBench"/>, in milliseconds.</summary>
/// <param name="First">The whole configuration, until the first node answered that it is in force.</param>
/// <param name="Second">From then on, until the second node was read back and has the same.</param>
/// <param name="OneHere">One rule changed, until the first node answered.</param>
/// <param name="OneWhole">The same, until the second node was read back and has the same.</param>
/// <param name="Nothing">A push where nothing differs.</param>
/// <param name="Bare"><c>nft -f</c> of the second node's ruleset in an empty namespace.</param>
internal sealed record PushSample(double First, double Second, double OneHere, double OneWhole, double Nothing, double Bare)
{
    private static readonly (string What, Func<PushSample, double> Value)[] _figures =
    [
        ("whole configuration: in force on the first node", s => s.First),
        ("whole configuration: then on the second node", s => s.Second),
        ("one rule: in force on the first node", s => s.OneHere),
        ("one rule: end to end", s => s.OneWhole),
        ("a push of nothing new", s => s.Nothing),
        ("nft -f of the same ruleset", s => s.Bare),
    ];

    /// <summary>The round in one line.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"whole: {First:F0} ms here, {Second:F0} ms later there; one rule: {OneHere:F0} ms here, {OneWhole:F0} ms end to end; nothing new: {Nothing:F0} ms; nft -f: {Bare:F0} ms"
        );

    /// <summary>Least and median of each figure, a line each.</summary>
    public static IEnumerable<string> Summary(IReadOnlyList<PushSample> samples)
    {
        foreach (var (what, value) in _figures)
        {
            var sorted = samples.Select(value).Order().ToList();
            var median = (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
            yield return string.Create(CultureInfo.InvariantCulture, $"{what}: least {sorted[0]:F0} ms, median {median:F0} ms");
        }
    }
}
