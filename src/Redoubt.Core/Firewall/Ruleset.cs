using System.Collections.Immutable;
using System.Text;

namespace Redoubt.Core.Firewall;

/// <summary>A named set.</summary>
/// <param name="Name">Unique in the table.</param>
/// <param name="Definition">Type and flags in nft's words; sets that rules fill have no elements here.</param>
/// <param name="Elements">Disjoint elements, sorted.</param>
/// <param name="Remark">For people who read the text.</param>
public sealed record RulesetSet(string Name, string Definition, ImmutableArray<string> Elements, string Remark = "");

/// <summary>A chain.</summary>
/// <param name="Name">Unique in the table.</param>
/// <param name="Head">Type, hook and policy of a base chain; empty for others.</param>
/// <param name="Lines">Rules, and comments that begin with '#'.</param>
/// <param name="Remark">For people who read the text.</param>
public sealed record RulesetChain(string Name, string Head, ImmutableArray<string> Lines, string Remark = "");

/// <summary>How a rule of the configuration stands in the ruleset.</summary>
public enum RuleStanding
{
    /// <summary>In force.</summary>
    Active,

    /// <summary>Switched off in the file.</summary>
    Disabled,

    /// <summary>Outside of its schedule's times.</summary>
    OutOfSchedule,

    /// <summary>Left out, because nothing is known yet of what it names: an interface without an address, an alias without values.</summary>
    Unresolved,
}

/// <summary>A rule of the configuration and the counter that counts what it matches.</summary>
/// <param name="Counter">Name of the counter object; also of rules that are not in force.</param>
/// <param name="Section">filter, forward, outbound, onetoone, npt.</param>
/// <param name="Tracker">The file's tracker, or empty.</param>
/// <param name="Interface">Logical names, separated by commas; "any".</param>
/// <param name="Action">pass, block, reject, match, translate.</param>
/// <param name="Description">The file's text, not sanitised.</param>
/// <param name="Line">Line in the file.</param>
/// <param name="Standing">Whether it is in force.</param>
public sealed record CompiledRule(
    string Counter,
    string Section,
    string Tracker,
    string Interface,
    string Action,
    string Description,
    int Line,
    RuleStanding Standing
);

/// <summary>A compiled firewall: what table inet redoubt holds, and what else belongs to it.</summary>
public sealed record Ruleset
{
    /// <summary>Counter objects.</summary>
    public ImmutableArray<string> Counters { get; init; } = [];

    /// <summary>Named sets.</summary>
    public ImmutableArray<RulesetSet> Sets { get; init; } = [];

    /// <summary>Chains, each after those it does not need: nft takes jumps to later ones.</summary>
    public ImmutableArray<RulesetChain> Chains { get; init; } = [];

    /// <summary>The configuration's rules with their counters, in the order of the file.</summary>
    public ImmutableArray<CompiledRule> Rules { get; init; } = [];

    /// <summary>Routing tables that rules with gateways need.</summary>
    public ImmutableArray<PolicyRoute> Routes { get; init; } = [];

    /// <summary>Local time at which a schedule changes what is in force; null: never.</summary>
    public DateTime? NextChange { get; init; }

    /// <summary>Whether both have the same text: it need not be put together for that.</summary>
    public bool HasTextOf(Ruleset other) =>
        Counters.AsSpan().SequenceEqual(other.Counters.AsSpan())
        && Same(Sets, other.Sets, s => s with { Elements = [] }, s => s.Elements)
        && Same(Chains, other.Chains, c => c with { Lines = [] }, c => c.Lines);

    private static bool Same<T>(ImmutableArray<T> a, ImmutableArray<T> b, Func<T, T> head, Func<T, ImmutableArray<string>> lines)
        where T : IEquatable<T>
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
        {
            var (left, right) = (lines(a[i]), lines(b[i]));
            if (!head(a[i]).Equals(head(b[i])) || (left != right && !left.AsSpan().SequenceEqual(right.AsSpan())))
                return false;
        }
        return true;
    }

    /// <summary>One transaction that replaces the whole table.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(RulesetCompiler.RemoveTable);
        text.Append("table inet ").Append(RulesetCompiler.Table).Append(" {\n");
        WriteBody(text, Counters, Sets, Chains);
        return text.Append("}\n").ToString();
    }

    internal static void WriteBody(
        StringBuilder text,
        IEnumerable<string> counters,
        IEnumerable<RulesetSet> sets,
        IEnumerable<RulesetChain> chains
    )
    {
        foreach (var counter in counters)
            text.Append("\tcounter ").Append(counter).Append(" { }\n");
        foreach (var set in sets)
        {
            Remark(text, set.Remark);
            text.Append("\tset ").Append(set.Name).Append(" {\n\t\t").Append(set.Definition).Append('\n');
            if (!set.Elements.IsEmpty)
                text.Append("\t\telements = { ").AppendJoin(", ", set.Elements).Append(" }\n");
            text.Append("\t}\n");
        }
        foreach (var chain in chains)
        {
            Remark(text, chain.Remark);
            text.Append("\tchain ").Append(chain.Name).Append(" {\n");
            if (chain.Head.Length > 0)
                text.Append("\t\t").Append(chain.Head).Append('\n');
            foreach (var line in chain.Lines)
                text.Append("\t\t").Append(line).Append('\n');
            text.Append("\t}\n");
        }
    }

    private static void Remark(StringBuilder text, string remark)
    {
        if (remark.Length > 0)
            text.Append("\t# ").Append(SafeText.Comment(remark)).Append('\n');
    }
}
