using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Lists of addresses as nft writes them; lists of more than one become named sets that rules share.</summary>
internal sealed class AddressSets
{
    private readonly Dictionary<string, string> _names = [];
    private readonly List<(string Name, string Type, string Elements)> _sets = [];
    private readonly Dictionary<(ImmutableArray<AddressPrefix> List, bool IPv6), string?> _known = [];

    /// <summary>The addresses of one family as an operand ("10.0.0.0/8" or "@net_1"); null when there is none.</summary>
    public string? Operand(ImmutableArray<AddressPrefix> prefixes, bool ipv6)
    {
        if (_known.TryGetValue((prefixes, ipv6), out var known))
            return known;
        var disjoint = Disjoint(prefixes.Where(p => p.IsIPv6 == ipv6));
        var operand = disjoint.Count switch
        {
            0 => null,
            1 => Text(disjoint[0]),
            _ => Named(disjoint, ipv6),
        };
        return _known[(prefixes, ipv6)] = operand;
    }

    public void Write(RulesetText text)
    {
        foreach (var (name, type, elements) in _sets)
        {
            text.Open($"set {name}", "");
            text.Line($"type {type}; flags interval;");
            text.Line($"elements = {{ {elements} }}");
            text.Close();
        }
    }

    /// <summary>Networks inside others left out: nft refuses overlapping elements. Sorted, so that equal lists give equal text.</summary>
    public static List<AddressPrefix> Disjoint(IEnumerable<AddressPrefix> prefixes)
    {
        var kept = new List<AddressPrefix>();
        foreach (
            var prefix in prefixes.Select(p => p.Network).OrderBy(p => p.Address.High).ThenBy(p => p.Address.Low).ThenBy(p => p.Length)
        )
        {
            if (kept.Count == 0 || !kept[^1].Contains(prefix))
                kept.Add(prefix);
        }
        return kept;
    }

    public static string Text(AddressPrefix prefix) => prefix.IsHost ? prefix.AddressText : prefix.ToString();

    private string Named(List<AddressPrefix> prefixes, bool ipv6)
    {
        var elements = string.Join(", ", prefixes.Select(Text));
        if (!_names.TryGetValue(elements, out var name))
        {
            name = _names[elements] = $"net_{RulesetText.Number(_sets.Count + 1)}";
            _sets.Add((name, ipv6 ? "ipv6_addr" : "ipv4_addr", elements));
        }
        return $"@{name}";
    }
}
