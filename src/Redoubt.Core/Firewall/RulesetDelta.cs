using System.Text;

namespace Redoubt.Core.Firewall;

/// <summary>
/// The difference between two rulesets as one transaction: sets get and lose elements, chains that changed are written anew, all else stays
/// with its counters. A set whose elements alone changed is all that an edited alias touches.
/// </summary>
public static class RulesetDelta
{
    /// <summary>
    /// What turns <paramref name="running"/> into <paramref name="wanted"/>; empty where nothing differs. Null where a set or a hook would have to
    /// become something else under the same name: then the whole table is replaced.
    /// </summary>
    public static string? Between(Ruleset running, Ruleset wanted)
    {
        var sets = running.Sets.ToDictionary(s => s.Name);
        var chains = running.Chains.ToDictionary(c => c.Name);
        var keptSets = wanted.Sets.Where(s => sets.ContainsKey(s.Name)).ToList();
        var keptChains = wanted.Chains.Where(c => chains.ContainsKey(c.Name)).ToList();
        if (keptSets.Exists(s => sets[s.Name].Definition != s.Definition) || keptChains.Exists(c => chains[c.Name].Head != c.Head))
            return null;
        var wantedSets = wanted.Sets.Select(s => s.Name).ToHashSet();
        var wantedChains = wanted.Chains.Select(c => c.Name).ToHashSet();
        var changed = wanted
            .Chains.Where(c => !chains.TryGetValue(c.Name, out var old) || !old.Lines.AsSpan().SequenceEqual(c.Lines.AsSpan()))
            .ToList();
        var goneChains = running.Chains.Where(c => !wantedChains.Contains(c.Name)).ToList();
        var newSets = wanted.Sets.Where(s => !sets.ContainsKey(s.Name)).ToList();
        var newCounters = wanted.Counters.Except(running.Counters).ToList();

        var text = new StringBuilder();
        foreach (var chain in changed.Where(c => chains.ContainsKey(c.Name)).Concat(goneChains))
            Command(text, "flush chain", chain.Name);
        foreach (var set in keptSets)
            WriteElements(text, sets[set.Name], set);
        if (newCounters.Count + newSets.Count + changed.Count > 0)
        {
            text.Append("table inet ").Append(RulesetCompiler.Table).Append(" {\n");
            // A chain that is there keeps its hook; to name it again is not needed.
            Ruleset.WriteBody(text, newCounters, newSets, changed.Select(c => chains.ContainsKey(c.Name) ? c with { Head = "" } : c));
            text.Append("}\n");
        }
        foreach (var chain in goneChains)
            Command(text, "delete chain", chain.Name);
        foreach (var set in running.Sets.Where(s => !wantedSets.Contains(s.Name)))
            Command(text, "delete set", set.Name);
        foreach (var counter in running.Counters.Except(wanted.Counters))
            Command(text, "delete counter", counter);
        return text.ToString();
    }

    private static void WriteElements(StringBuilder text, RulesetSet running, RulesetSet wanted)
    {
        if (running.Elements == wanted.Elements || running.Elements.AsSpan().SequenceEqual(wanted.Elements.AsSpan()))
            return;
        Elements(text, "delete element", wanted.Name, running.Elements.Except(wanted.Elements));
        Elements(text, "add element", wanted.Name, wanted.Elements.Except(running.Elements));
    }

    private static void Elements(StringBuilder text, string command, string set, IEnumerable<string> elements)
    {
        var list = string.Join(", ", elements);
        if (list.Length > 0)
            text.Append(command)
                .Append(" inet ")
                .Append(RulesetCompiler.Table)
                .Append(' ')
                .Append(set)
                .Append(" { ")
                .Append(list)
                .Append(" }\n");
    }

    private static void Command(StringBuilder text, string command, string name) =>
        text.Append(command).Append(" inet ").Append(RulesetCompiler.Table).Append(' ').Append(name).Append('\n');
}
