using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes the conditions of rules.</summary>
internal sealed class RuleText(NetworkView network, AddressSets sets)
{
    private readonly Dictionary<string, int> _tags = [];

    /// <summary>Says that some rule of the ruleset looks at tags or sets them.</summary>
    public bool UsesTags => _tags.Count > 0;

    /// <summary>The conditions of a filter rule for one family; null when a side names nothing of that family.</summary>
    public string? Match(FilterRule rule, bool ipv6)
    {
        if (Match(rule.Source, rule.Destination, rule.Protocols, rule.IcmpTypes, ipv6) is not { } match)
            return null;
        if (rule is { TcpFlags: null, Dscp: null, Tagged.Length: 0 })
            return match;
        var flags = rule.TcpFlags is { } f ? $"tcp flags & {SafeText.Number(f.Mask)} == {SafeText.Number(f.Set)}" : "";
        var dscp = rule.Dscp is { } d ? $"{(ipv6 ? "ip6" : "ip")} dscp {SafeText.Number(d)}" : "";
        var tag =
            rule.Tagged.Length == 0
                ? ""
                : $"meta mark & {SafeText.Hex(FlowMark.TagMask)} {(rule.NotTagged ? "!=" : "==")} {SafeText.Hex((uint)TagNumber(rule.Tagged))}";
        return Join(match, flags, dscp, tag);
    }

    /// <summary>The conditions for one family; null when a side names nothing of that family.</summary>
    public string? Match(
        RuleEndpoint source,
        RuleEndpoint destination,
        ImmutableArray<byte> protocols,
        ImmutableArray<string> icmpTypes,
        bool ipv6
    )
    {
        if (Side(source, "saddr", ipv6) is not { } from || Side(destination, "daddr", ipv6) is not { } to)
            return null;
        if (Protocol(protocols, icmpTypes, ipv6) is not { } protocol)
            return null;
        var header = Header(protocols);
        if (PortSide(source, header, "sport") is not { } ports || PortSide(destination, header, "dport") is not { } destinationPorts)
            return null;
        return Join($"meta nfproto {(ipv6 ? "ipv6" : "ipv4")}", from, to, protocol, ports, destinationPorts);
    }

    /// <summary>The header that holds the ports of these protocols.</summary>
    public static string Header(ImmutableArray<byte> protocols) =>
        protocols is [6, 17] ? "th"
        : protocols is [17] ? "udp"
        : protocols is [132] ? "sctp"
        : "tcp";

    /// <summary>The statement that gives a packet a tag; empty for none.</summary>
    public string SetTag(string tag) =>
        tag.Length == 0 ? "" : $"meta mark set meta mark & {SafeText.Hex(~FlowMark.TagMask)} | {SafeText.Hex((uint)TagNumber(tag))}";

    /// <summary>The condition on one side's address; empty for any, null where it names nothing of the family.</summary>
    public string? Side(RuleEndpoint side, string field, bool ipv6)
    {
        var not = side.Not ? "!= " : "";
        var operand = side.Kind switch
        {
            EndpointKind.Any => "",
            EndpointKind.Self => null,
            EndpointKind.InterfaceNetwork => sets.Operand($"net_{side.Interface}", network.Networks(side.Interface), ipv6),
            EndpointKind.InterfaceAddress => sets.Operand($"own_{side.Interface}", network.Own(side.Interface), ipv6),
            EndpointKind.Alias => sets.Alias(side.Alias, ipv6, side.Not),
            _ => AddressSets.Inline(side.Prefixes, ipv6),
        };
        if (side.Kind == EndpointKind.Self)
            return $"fib {field} type {not}local";
        return operand is null or "" ? operand : $"{(ipv6 ? "ip6" : "ip")} {field} {not}{operand}";
    }

    /// <summary>Ports as an operand.</summary>
    public static string Ports(ImmutableArray<PortRange> ports)
    {
        var joined = Joined(ports);
        return joined.Count == 1 ? joined[0].ToString() : $"{{ {string.Join(", ", joined)} }}";
    }

    /// <summary>Overlapping and touching ranges joined, because nft refuses overlaps.</summary>
    public static List<PortRange> Joined(ImmutableArray<PortRange> ports)
    {
        var joined = new List<PortRange>();
        foreach (var range in ports.OrderBy(p => p.First))
        {
            if (joined.Count > 0 && range.First <= joined[^1].Last + 1)
                joined[^1] = new PortRange(joined[^1].First, Math.Max(joined[^1].Last, range.Last));
            else
                joined.Add(range);
        }
        return joined;
    }

    public static string Join(params ReadOnlySpan<string> parts)
    {
        var (length, last) = (0, "");
        foreach (var part in parts)
        {
            if (part.Length == 0)
                continue;
            length += part.Length + (length > 0 ? 1 : 0);
            last = part;
        }
        return length == last.Length ? last : string.Create(length, parts, Fill);
    }

    private static void Fill(Span<char> text, ReadOnlySpan<string> parts)
    {
        var at = 0;
        foreach (var part in parts)
        {
            if (part.Length == 0)
                continue;
            if (at > 0)
                text[at++] = ' ';
            part.CopyTo(text[at..]);
            at += part.Length;
        }
    }

    // The reader has counted them: eight bits are enough.
    private int TagNumber(string tag)
    {
        if (!_tags.TryGetValue(tag, out var number))
            _tags[tag] = number = _tags.Count + 1;
        return number;
    }

    private string? PortSide(RuleEndpoint side, string header, string field)
    {
        if (!side.HasPorts)
            return "";
        var operand = side.PortAlias.Length > 0 ? sets.PortAlias(side.PortAlias) : Ports(side.Ports);
        return operand is null ? null : $"{header} {field} {operand}";
    }

    private static string? Protocol(ImmutableArray<byte> protocols, ImmutableArray<string> icmpTypes, bool ipv6)
    {
        if (protocols.IsEmpty)
            return "";
        if (!icmpTypes.IsEmpty)
        {
            var types = icmpTypes.Select(t => ipv6 ? IcmpTypeNames.ForIPv6(t) : IcmpTypeNames.ForIPv4(t)).OfType<string>().ToList();
            return types.Count == 0 ? null : $"{(ipv6 ? "icmpv6" : "icmp")} type {{ {string.Join(", ", types)} }}";
        }
        if (protocols.Length == 1)
            return $"meta l4proto {SafeText.Number(ipv6 && protocols[0] == 1 ? 58 : protocols[0])}";
        return $"meta l4proto {{ {string.Join(", ", protocols.Select(n => SafeText.Number(n)))} }}";
    }
}
