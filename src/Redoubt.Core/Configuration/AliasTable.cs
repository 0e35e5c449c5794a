using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.Configuration;

/// <summary>
/// The section aliases: names for addresses and ports. What the file does not list itself (tables fetched from the network, host names) is
/// noted, so that the values can come from outside when rules are compiled.
/// </summary>
internal sealed class AliasTable
{
    private static readonly string[] AddressTypes = ["host", "network", "url", "urltable"];
    private static readonly string[] PortTypes = ["port", "url_ports", "urltable_ports"];
    private readonly Problems _problems;
    private readonly Dictionary<string, ConfigElement> _aliases = [];
    private readonly Dictionary<string, (AliasContent? Content, string Reason)> _resolved = [];
    private readonly HashSet<string> _told = [];
    private int _total = ConfigurationLimits.AliasTotal;

    private readonly KnownRules? _known;
    private readonly KnownRules _made;

    public AliasTable(Problems problems, ConfigElement? section, KnownRules? known, KnownRules made)
    {
        (_problems, _known, _made) = (problems, known, made);
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

    /// <summary>Those that were asked for and can be applied.</summary>
    public ImmutableDictionary<string, AliasContent> Used =>
        _resolved.Values.Select(r => r.Content).OfType<AliasContent>().ToImmutableDictionary(c => c.Name);

    public bool Knows(string name) => _aliases.ContainsKey(name);

    /// <summary>An alias of addresses; null with a reason when it can not be applied.</summary>
    public AliasContent? Addresses(string name, out string reason) => Resolve(name, ports: false, out reason);

    /// <summary>An alias of ports; null with a reason when it can not be applied.</summary>
    public AliasContent? Ports(string name, out string reason) => Resolve(name, ports: true, out reason);

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

    private AliasContent? Resolve(string name, bool ports, out string reason)
    {
        if (!_resolved.TryGetValue(name, out var known))
            _resolved[name] = known = Known(name, ports) is { } same ? (same, "") : Expanded(name, ports);
        reason = known.Reason;
        if (known.Content is { } found && found.IsPorts != ports)
            reason = ports ? $"alias {name} holds addresses" : $"alias {name} holds ports";
        return reason.Length == 0 ? known.Content : null;
    }

    private AliasContent? Known(string name, bool ports)
    {
        if (_known is null || !_known.Aliases.TryGetValue(name, out var known) || known.Content.IsPorts != ports || known.Values > _total)
            return null;
        _total -= known.Values;
        _made.Aliases[name] = known;
        return known.Content;
    }

    private (AliasContent? Content, string Reason) Expanded(string name, bool ports)
    {
        var content = new Content(ports);
        var (total, budget) = (_total, ConfigurationLimits.AliasValues);
        var why = Expand(name, content, 0, ref budget);
        if (why.Length > 0)
            return (null, why);
        var made = content.ToImmutable(name);
        // What the file does not list is told of each time.
        if (made.Tables.IsEmpty)
            _made.Aliases[name] = (made, total - _total);
        return (made, "");
    }

    private string Expand(string name, Content content, int depth, ref int budget)
    {
        if (!_aliases.TryGetValue(name, out var alias))
            return $"there is no alias {name}";
        var type = alias.First("type")?.Text.Trim() ?? "";
        if (!(content.IsPorts ? PortTypes : AddressTypes).Contains(type))
            return $"alias {name} is of type {ElementReading.Quote(type)}";
        if (depth == ConfigurationLimits.AliasDepth)
            return $"alias {name} is nested too deeply";
        if (type.StartsWith("urltable", StringComparison.Ordinal))
        {
            content.Tables.Add(name);
            return "";
        }
        var values = (alias.First("address")?.Text ?? "").AsSpan();
        foreach (var at in values.Split(' '))
        {
            if (values[at].IsEmpty)
                continue;
            if (--budget < 0 || --_total < 0)
                return $"alias {name} has too many values";
            if (content.TryAdd(values[at]))
                continue;
            var value = values[at].ToString();
            if (_aliases.ContainsKey(value))
            {
                if (Expand(value, content, depth + 1, ref budget) is { Length: > 0 } reason)
                    return reason;
            }
            else if (!content.IsPorts && IsHostName(value))
            {
                content.Tables.Add(name);
                if (_told.Add(name))
                    _problems.Warn(
                        alias.First("address")!,
                        $"{ElementReading.Quote(value)} is a host name and not looked up; the file aliases/{name} of the state directory may hold addresses"
                    );
            }
            else if (type.StartsWith("url", StringComparison.Ordinal) && value.Contains("://", StringComparison.Ordinal))
                content.Tables.Add(name);
            else
                return $"{ElementReading.Quote(value)} in alias {name} can not be resolved";
        }
        return "";
    }

    private static bool IsHostName(string text) =>
        text.Length <= 253
        && text.Any(char.IsAsciiLetter)
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
        && char.IsAsciiLetterOrDigit(text[0]);

    private sealed class Content(bool ports)
    {
        private readonly ImmutableArray<AddressPrefix>.Builder _prefixes = ImmutableArray.CreateBuilder<AddressPrefix>();
        private readonly ImmutableArray<PortRange>.Builder _ports = ImmutableArray.CreateBuilder<PortRange>();

        public bool IsPorts => ports;

        public HashSet<string> Tables { get; } = [];

        public bool TryAdd(ReadOnlySpan<char> value)
        {
            if (!ports)
                return AliasFile.TryParseAddresses(value, _prefixes);
            var text = value.ToString();
            if (!TryParsePorts(text, ':', out var range) && !TryParsePorts(text, '-', out range))
                return false;
            _ports.Add(range);
            return true;
        }

        public AliasContent ToImmutable(string name) =>
            new(name, _prefixes.ToImmutable(), _ports.ToImmutable(), [.. Tables.Order(StringComparer.Ordinal)], ports);
    }
}
