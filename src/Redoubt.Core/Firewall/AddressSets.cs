using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Lists of addresses and ports as nft writes them. Aliases are always named sets, so that their values can change without touching a
/// rule; other lists are sets when they have more than one element.
/// </summary>
internal sealed class AddressSets(NodeConfiguration configuration, RulesetContext context, RulesetBuilder builder)
{
    private readonly Dictionary<string, string?> _known = [];
    private readonly Dictionary<string, ImmutableArray<AddressPrefix>> _aliases = [];

    /// <summary>
    /// The addresses of one family as an operand ("10.0.0.0/8" or "@net_lan4"); null when there is none. Lists of one name are equal.
    /// </summary>
    public string? Operand(string name, ImmutableArray<AddressPrefix> prefixes, bool ipv6)
    {
        var key = name + (ipv6 ? "6" : "4");
        if (_known.TryGetValue(key, out var known))
            return known;
        var ranges = AddressRange.Joined(prefixes.Where(p => p.IsIPv6 == ipv6));
        var operand = ranges.Count switch
        {
            0 => null,
            1 => ranges[0].ToString(),
            _ => Named(key, ranges, ipv6),
        };
        return _known[key] = operand;
    }

    /// <summary>One list that is used once.</summary>
    public static string? Inline(ImmutableArray<AddressPrefix> prefixes, bool ipv6)
    {
        var ranges = AddressRange.Joined(prefixes.Where(p => p.IsIPv6 == ipv6));
        return ranges.Count switch
        {
            0 => null,
            1 => ranges[0].ToString(),
            _ => $"{{ {string.Join(", ", ranges)} }}",
        };
    }

    /// <summary>
    /// The set of an alias; null when it holds nothing of that family and never can. A rule about what is *not* in the alias needs all of
    /// it: null where a table is missing.
    /// </summary>
    public string? Alias(string name, bool ipv6, bool all)
    {
        if (!configuration.Aliases.TryGetValue(name, out var content) || (all && content.Tables.Any(t => !context.Tables.ContainsKey(t))))
            return null;
        var key = $"alias_{name}_{(ipv6 ? "6" : "4")}";
        if (_known.TryGetValue(key, out var known))
            return known;
        var ranges = AddressRange.Joined(Values(content).Where(p => p.IsIPv6 == ipv6));
        return _known[key] = ranges.Count == 0 && content.Tables.IsEmpty ? null : Named(key, ranges, ipv6);
    }

    /// <summary>The set of an alias of ports.</summary>
    public string? PortAlias(string name)
    {
        if (!configuration.Aliases.TryGetValue(name, out var content))
            return null;
        var key = $"ports_{name}";
        if (_known.TryGetValue(key, out var known))
            return known;
        var ports = content.Ports.AddRange(content.Tables.SelectMany(t => context.Tables.TryGetValue(t, out var file) ? file.Ports : []));
        builder.Set(key, "type inet_service; flags interval;", RuleText.Joined(ports).Select(p => p.ToString()));
        return _known[key] = $"@{key}";
    }

    private ImmutableArray<AddressPrefix> Values(AliasContent content)
    {
        if (!_aliases.TryGetValue(content.Name, out var values))
            _aliases[content.Name] = values = content.Prefixes.AddRange(
                content.Tables.SelectMany(t => context.Tables.TryGetValue(t, out var file) ? file.Prefixes : [])
            );
        return values;
    }

    private string Named(string key, List<AddressRange> ranges, bool ipv6)
    {
        builder.Set(key, $"type {(ipv6 ? "ipv6_addr" : "ipv4_addr")}; flags interval;", ranges.Select(r => r.ToString()));
        return $"@{key}";
    }
}
