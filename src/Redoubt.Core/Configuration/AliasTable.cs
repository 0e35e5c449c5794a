using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.Configuration;

/// <summary>The section aliases: names for addresses and ports. Tables fetched from the network are kept, not applied.</summary>
internal sealed class AliasTable
{
    private readonly Dictionary<string, ConfigElement> _aliases = [];
    private readonly Dictionary<string, (ImmutableArray<AddressPrefix> Values, string Reason)> _prefixes = [];
    private readonly Dictionary<string, (ImmutableArray<PortRange> Values, string Reason)> _ports = [];
    private int _total = ConfigurationLimits.AliasTotal;

    public AliasTable(Problems problems, ConfigElement? section)
    {
        foreach (var alias in section?.All("alias") ?? [])
        {
            var name = alias.Value("name", problems);
            if (!ElementReading.IsName(name))
                problems.Error(
                    alias.First("name") ?? alias,
                    $"{ElementReading.Quote(name)} is no alias name",
                    "up to 32 letters, digits and _"
                );
            else if (!_aliases.TryAdd(name, alias))
                problems.Error(alias.First("name")!, $"alias {name} occurs more than once", "another name");
        }
    }

    public bool Knows(string name) => _aliases.ContainsKey(name);

    /// <summary>The networks and hosts of an alias; null with a reason when it can not be applied.</summary>
    public ImmutableArray<AddressPrefix>? Prefixes(string name, out string reason)
    {
        if (!_prefixes.TryGetValue(name, out var known))
        {
            var found = ImmutableArray.CreateBuilder<AddressPrefix>();
            var budget = ConfigurationLimits.AliasValues;
            var why = Expand(
                name,
                ["host", "network"],
                0,
                ref budget,
                text => AddressPrefix.TryParse(text, out var p) && Add(found, p.Network)
            );
            _prefixes[name] = known = (found.ToImmutable(), why);
        }
        reason = known.Reason;
        return reason.Length == 0 ? known.Values : null;
    }

    /// <summary>The ports of a port alias; null with a reason when it can not be applied.</summary>
    public ImmutableArray<PortRange>? Ports(string name, out string reason)
    {
        if (!_ports.TryGetValue(name, out var known))
        {
            var found = ImmutableArray.CreateBuilder<PortRange>();
            var budget = ConfigurationLimits.AliasValues;
            var why = Expand(name, ["port"], 0, ref budget, text => TryParsePorts(text, ':', out var range) && Add(found, range));
            _ports[name] = known = (found.ToImmutable(), why);
        }
        reason = known.Reason;
        return reason.Length == 0 ? known.Values : null;
    }

    /// <summary>"80", or two ports with the separator between them, the lower one first.</summary>
    public static bool TryParsePorts(string text, char separator, out PortRange range)
    {
        range = default;
        var at = text.IndexOf(separator);
        var first = at < 0 ? text : text[..at];
        var last = at < 0 ? text : text[(at + 1)..];
        if (!ushort.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var low))
            return false;
        if (!ushort.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var high) || low > high || low == 0)
            return false;
        range = new PortRange(low, high);
        return true;
    }

    private string Expand(string name, string[] types, int depth, ref int budget, Func<string, bool> take)
    {
        if (!_aliases.TryGetValue(name, out var alias))
            return $"there is no alias {name}";
        var type = alias.First("type")?.Text.Trim() ?? "";
        if (!types.Contains(type))
            return $"alias {name} is of type {ElementReading.Quote(type)}";
        if (depth == ConfigurationLimits.AliasDepth)
            return $"alias {name} is nested too deeply";
        var values = (alias.First("address")?.Text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (var value in values)
        {
            if (--budget < 0 || --_total < 0)
                return $"alias {name} has too many values";
            if (take(value))
                continue;
            if (!_aliases.ContainsKey(value))
                return $"{ElementReading.Quote(value)} in alias {name} can not be resolved";
            if (Expand(value, types, depth + 1, ref budget, take) is { Length: > 0 } reason)
                return reason;
        }
        return "";
    }

    private static bool Add<T>(ImmutableArray<T>.Builder found, T value)
    {
        found.Add(value);
        return true;
    }
}
