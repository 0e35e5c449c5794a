using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes one rule's conditions and verdicts.</summary>
internal sealed class RuleText(NetworkView network, AddressSets sets)
{
    public void Write(RulesetText text, FilterRule rule)
    {
        var comment = rule.Description.Length > 0 ? rule.Description : $"{rule.Action} rule of line {RulesetText.Number(rule.Line)}";
        var written = false;
        foreach (var ipv6 in Families(rule))
        {
            if (Match(rule.Source, rule.Destination, rule.Protocols, rule.IcmpTypes, ipv6) is not { } match)
                continue;
            written = true;
            if (rule.Action == RuleAction.Reject && rule.Protocols is [] or [6, 17])
                text.Rule(Join(match, "meta l4proto tcp counter reject with tcp reset"), comment);
            text.Rule(Join(match, $"counter {Verdict(rule)}"), comment);
        }
        if (!written)
            text.Line($"# not applied, an interface has no address yet: {RulesetText.Comment(comment)}");
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
        var header =
            protocols is [6, 17] ? "th"
            : protocols is [17] ? "udp"
            : protocols is [132] ? "sctp"
            : "tcp";
        var ports = source.Ports.IsEmpty ? "" : $"{header} sport {Ports(source.Ports)}";
        var destinationPorts = destination.Ports.IsEmpty ? "" : $"{header} dport {Ports(destination.Ports)}";
        return Join($"meta nfproto {(ipv6 ? "ipv6" : "ipv4")}", from, to, protocol, ports, destinationPorts);
    }

    /// <summary>Ports as an operand; overlapping and touching ranges are joined, because nft refuses overlaps.</summary>
    public static string Ports(ImmutableArray<PortRange> ports)
    {
        var joined = new List<PortRange>();
        foreach (var range in ports.OrderBy(p => p.First))
        {
            if (joined.Count > 0 && range.First <= joined[^1].Last + 1)
                joined[^1] = new PortRange(joined[^1].First, Math.Max(joined[^1].Last, range.Last));
            else
                joined.Add(range);
        }
        return joined.Count == 1 ? joined[0].ToString() : $"{{ {string.Join(", ", joined)} }}";
    }

    public static string Join(params string[] parts) => string.Join(' ', parts.Where(p => p.Length > 0));

    private static IEnumerable<bool> Families(FilterRule rule)
    {
        if (rule.IPv4)
            yield return false;
        if (rule.IPv6)
            yield return true;
    }

    private static string Verdict(FilterRule rule) =>
        rule.Action switch
        {
            RuleAction.Pass => "accept",
            RuleAction.Block => "drop",
            _ => rule.Protocols is [6] ? "reject with tcp reset" : "reject with icmpx port-unreachable",
        };

    private string? Side(RuleEndpoint side, string field, bool ipv6)
    {
        var not = side.Not ? "!= " : "";
        if (side.Kind == EndpointKind.Any)
            return "";
        if (side.Kind == EndpointKind.Self)
            return $"fib {field} type {not}local";
        var list = side.Kind switch
        {
            EndpointKind.InterfaceNetwork => network.Networks(side.Interface),
            EndpointKind.InterfaceAddress => network.Own(side.Interface),
            _ => side.Prefixes,
        };
        return sets.Operand(list, ipv6) is { } operand ? $"{(ipv6 ? "ip6" : "ip")} {field} {not}{operand}" : null;
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
        var numbers = protocols.Select(p => ipv6 && p == 1 ? (byte)58 : p).ToList();
        return numbers.Count == 1
            ? $"meta l4proto {RulesetText.Number(numbers[0])}"
            : $"meta l4proto {{ {string.Join(", ", numbers.Select(n => RulesetText.Number(n)))} }}";
    }
}
