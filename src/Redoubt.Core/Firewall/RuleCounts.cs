using System.Text.Json;

namespace Redoubt.Core.Firewall;

/// <summary>Packets and bytes.</summary>
/// <param name="Packets">First packets of connections, for filter and NAT rules.</param>
/// <param name="Bytes">Their bytes.</param>
public readonly record struct RuleCount(long Packets, long Bytes);

/// <summary>Reads what <c>nft -j list counters</c> says.</summary>
public static class RuleCounts
{
    /// <summary>Most counters that are read: two for each rule.</summary>
    private const int Limit = 4 * Configuration.ConfigurationLimits.Rules;

    /// <summary>The named counters of table inet redoubt; what does not fit the form is left out, and other text gives none.</summary>
    public static IReadOnlyDictionary<string, RuleCount> Read(string json)
    {
        var counts = new Dictionary<string, RuleCount>();
        try
        {
            using var document = JsonDocument.Parse(json);
            if (
                document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("nftables", out var items)
                || items.ValueKind != JsonValueKind.Array
            )
                return counts;
            foreach (var item in items.EnumerateArray().Take(Limit))
            {
                if (
                    item.ValueKind == JsonValueKind.Object
                    && item.TryGetProperty("counter", out var counter)
                    && counter.ValueKind == JsonValueKind.Object
                    && Text(counter, "name") is { } name
                    && Text(counter, "table") is RulesetCompiler.Table
                    && Number(counter, "packets") is { } packets
                    && Number(counter, "bytes") is { } bytes
                )
                    counts[name] = new RuleCount(packets, bytes);
            }
        }
        catch (JsonException)
        {
            counts.Clear();
        }
        return counts;
    }

    /// <summary>The rules of a ruleset with what they counted; null where the kernel has no such counter.</summary>
    public static IEnumerable<(CompiledRule Rule, RuleCount? Count)> Of(Ruleset ruleset, IReadOnlyDictionary<string, RuleCount> counts) =>
        ruleset.Rules.Select(r => (r, counts.TryGetValue(r.Counter, out var count) ? count : (RuleCount?)null));

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
            ? number
            : null;
}
