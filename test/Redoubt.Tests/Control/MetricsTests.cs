using System.Globalization;
using System.Text.RegularExpressions;
using Redoubt.Control;

namespace Redoubt.Tests.Control;

public sealed partial class MetricsTests
{
    [GeneratedRegex("""^[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)+\})? -?[0-9.E+-]+$""")]
    private static partial Regex Sample();

    [Fact]
    public void Every_line_is_a_comment_or_a_sample_of_a_known_name()
    {
        var text = Metrics.Of(ControlNode.Sample);
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var line in lines.Where(l => l[0] != '#'))
        {
            Assert.Matches(Sample(), line);
            var name = line[..line.IndexOfAny([' ', '{'])];
            Assert.Contains(Metrics.Names, n => n.Name == name);
            Assert.Contains($"# TYPE {name} ", text, StringComparison.Ordinal);
        }
        Assert.Equal(lines.Length, lines.Distinct().Count());
        Assert.Contains(lines, l => l.StartsWith("redoubt_vip_master{", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.StartsWith("redoubt_states_peer_alive{", StringComparison.Ordinal));
    }

    [Fact]
    public void Names_are_given_once()
    {
        Assert.Equal(Metrics.Names.Count, Metrics.Names.Select(n => n.Name).Distinct().Count());
        Assert.All(Metrics.Names, n => Assert.StartsWith("redoubt_", n.Name, StringComparison.Ordinal));
        Assert.All(Metrics.Names, n => Assert.Equal(n.Type == "counter", n.Name.EndsWith("_total", StringComparison.Ordinal)));
    }

    [Fact]
    public void Hostile_names_stay_within_their_label()
    {
        var text = Metrics.Of(ControlNode.Sample with { Node = "a\"} 1\nredoubt_health 0\\\u0007" });
        var line = Assert.Single(text.Split('\n'), l => l.StartsWith("redoubt_info", StringComparison.Ordinal));
        Assert.StartsWith("redoubt_info{node=\"a\\\"} 1\\nredoubt_health 0\\\\?\"", line, StringComparison.Ordinal);
    }

    [Fact]
    public void Lag_is_in_seconds_and_only_where_it_is_known()
    {
        var sync = ControlNode.Sample.StateSync;
        var measured = sync with { Peers = [sync.Peers[0] with { LagMedianMs = 0.25, LagHighMs = 1500, OldestMs = 0, Resent = 3 }] };
        var text = Metrics.Of(ControlNode.Sample with { StateSync = measured });
        var peer = string.Create(CultureInfo.InvariantCulture, $"peer=\"{sync.Peers[0].Address}\"");
        Assert.Contains($"redoubt_states_peer_lag_seconds{{{peer},quantile=\"0.5\"}} 0.00025\n", text, StringComparison.Ordinal);
        Assert.Contains($"redoubt_states_peer_lag_seconds{{{peer},quantile=\"0.99\"}} 1.5\n", text, StringComparison.Ordinal);
        Assert.Contains($"redoubt_states_peer_resent_total{{{peer}}} 3\n", text, StringComparison.Ordinal);
        var unknown = sync with { Peers = [sync.Peers[0] with { LagMedianMs = null, LagHighMs = null }] };
        Assert.DoesNotContain("lag_seconds", Metrics.Of(ControlNode.Sample with { StateSync = unknown }), StringComparison.Ordinal);
    }
}
