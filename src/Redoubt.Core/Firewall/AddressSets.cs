using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Lists of addresses and ports as nft writes them. Aliases are always named sets, so that their values can change without touching a
/// rule; other lists are sets when they have more than one element.
/// </summary>
internal sealed class AddressSets(NodeConfiguration configuration, RulesetContext context, RulesetBuilder builder)
{
    // What aliases come to that the file lists in full: they are the same objects as long as nobody changes them.
    private static readonly ConditionalWeakTable<AliasContent, AliasElements> _elements = [];

    private sealed class AliasElements(ImmutableArray<string> ipv4, ImmutableArray<string> ipv6)
    {
        public ImmutableArray<string> Of(bool isIPv6) => isIPv6 ? ipv6 : ipv4;
    }

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
            _ => Named(key, [.. ranges.Select(r => r.ToString())], ipv6),
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
        var elements = content.Tables.IsEmpty
            ? _elements.GetValue(content, c => new AliasElements(Elements(c.Prefixes, false), Elements(c.Prefixes, true))).Of(ipv6)
            : Elements(Values(content), ipv6);
        return _known[key] = elements.IsEmpty && content.Tables.IsEmpty ? null : Named(key, elements, ipv6);
    }

    private static ImmutableArray<string> Elements(ImmutableArray<AddressPrefix> prefixes, bool ipv6) =>
        [.. AddressRange.Joined(prefixes.Where(p => p.IsIPv6 == ipv6)).Select(r => r.ToString())];

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

    private string Named(string key, ImmutableArray<string> elements, bool ipv6)
    {
        builder.Set(key, $"type {(ipv6 ? "ipv6_addr" : "ipv4_addr")}; flags interval;", elements);
        return $"@{key}";
    }
}
