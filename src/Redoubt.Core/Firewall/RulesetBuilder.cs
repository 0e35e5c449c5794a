using System.Collections.Immutable;

namespace Redoubt.Core.Firewall;

/// <summary>Collects the parts of a ruleset while it is compiled.</summary>
internal sealed class RulesetBuilder
{
    private readonly List<string> _counters = [];
    private readonly HashSet<string> _counterNames = [];
    private readonly List<RulesetSet> _sets = [];
    private readonly List<ChainText> _chains = [];

    public List<CompiledRule> Rules { get; } = [];

    /// <summary>A counter of that name, or with a number behind it where the name is taken.</summary>
    public string Counter(string name)
    {
        var free = name;
        for (var n = 2; !_counterNames.Add(free); n++)
            free = $"{name}_{SafeText.Number(n)}";
        _counters.Add(free);
        return free;
    }

    public void Set(string name, string definition, IEnumerable<string> elements, string remark = "") =>
        _sets.Add(new RulesetSet(name, definition, elements is ImmutableArray<string> whole ? whole : [.. elements], remark));

    public ChainText Chain(string name, string head, string remark)
    {
        var chain = new ChainText(name, head, remark);
        _chains.Add(chain);
        return chain;
    }

    public Ruleset Build(ImmutableArray<PolicyRoute> routes, DateTime? nextChange) =>
        new()
        {
            Counters = [.. _counters],
            Sets = [.. _sets],
            Chains = [.. _chains.Select(c => c.ToImmutable())],
            Rules = [.. Rules],
            Routes = routes,
            NextChange = nextChange,
        };
}

/// <summary>A chain that is being written.</summary>
internal sealed class ChainText(string name, string head, string remark)
{
    private readonly ImmutableArray<string>.Builder _lines = ImmutableArray.CreateBuilder<string>();

    public string Name => name;

    public bool IsEmpty => _lines.Count == 0;

    public void Rule(string rule, string comment = "")
    {
        var clean = comment.Length == 0 ? "" : SafeText.Comment(comment);
        _lines.Add(clean.Length == 0 ? rule : $"{rule} comment \"{clean}\"");
    }

    public void Remark(string text) => _lines.Add($"# {SafeText.Comment(text)}");

    public RulesetChain ToImmutable() => new(name, head, _lines.ToImmutable(), remark);
}
