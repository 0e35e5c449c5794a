using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// A long list of rules as several chains behind each other, so that an edited rule replaces a small chain and not thousands of rules. Where a
/// part begins is decided by the names of the rules' counters alone: an insertion moves no boundary but its own.
/// </summary>
internal static class RuleList
{
    private const int Smallest = 16;
    private const int Usual = 64;
    private const int Largest = 256;

    /// <summary>Writes a chain of that name and calls <paramref name="write"/> for every rule with the chain it belongs to.</summary>
    public static void Write(
        RulesetBuilder builder,
        string name,
        string remark,
        List<ActiveRule> rules,
        Action<ChainText, ActiveRule> write,
        IEnumerable<string>? first = null
    )
    {
        var whole = builder.Chain(name, "", remark);
        foreach (var line in first ?? [])
            whole.Rule(line);
        var part = whole;
        var length = 0;
        foreach (var rule in rules)
        {
            if (rules.Count > Largest && (part == whole || length >= Largest || (length >= Smallest && Hash(rule.Counter) % Usual == 0)))
            {
                part = builder.Chain($"{name}_{rule.Counter}", "", "");
                whole.Rule($"jump {part.Name}");
                length = 0;
            }
            write(part, rule);
            length++;
        }
    }

    // FNV-1a: the same on every machine and in every process.
    private static uint Hash(string text)
    {
        var hash = 2_166_136_261u;
        foreach (var c in text)
            hash = (hash ^ c) * 16_777_619u;
        return hash;
    }
}
