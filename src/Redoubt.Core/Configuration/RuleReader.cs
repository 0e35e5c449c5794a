using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads filter/rule. A rule that narrows a match in a way that is not supported is left out with a warning, never widened.</summary>
internal sealed class RuleReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces, AliasTable aliases)
{
    // Each of these narrows what matches; without it the rule would match more than the file says.
    private static readonly string[] Narrowing = ["sched", "os", "tcpflags1", "tcpflags2", "tagged", "nottagged", "dscp", "vlanprio"];

    private static readonly string[] Side =
    [
        "gateway",
        "tag",
        "max",
        "max-src-nodes",
        "max-src-conn",
        "max-src-states",
        "max-src-conn-rate",
        "max-src-conn-rates",
        "statetimeout",
        "defaultqueue",
        "ackqueue",
        "dnpipe",
        "pdnpipe",
        "vlanprioset",
        "log",
        "nopfsync",
    ];

    private readonly EndpointReader _endpoints = new(problems, interfaces, aliases);

    public ImmutableArray<FilterRule> Read(ConfigElement? section)
    {
        var entries = section?.All("rule").ToList() ?? [];
        if (entries.Count > ConfigurationLimits.Rules)
        {
            problems.Error(section!, "there are too many filter rules", "at most 50000");
            return [];
        }
        var rules = ImmutableArray.CreateBuilder<FilterRule>();
        foreach (var entry in entries)
        {
            if (ReadOne(entry) is { } rule)
                rules.Add(rule);
        }
        return rules.ToImmutable();
    }

    private FilterRule? ReadOne(ConfigElement entry)
    {
        if (entry.Flag("floating", problems))
        {
            problems.Warn(entry, "floating rules are kept, not applied", "a rule on one interface");
            return null;
        }
        var type = entry.Value("type", problems);
        if (type == "match")
        {
            problems.Warn(entry, "match rules are kept, not applied");
            return null;
        }
        var action = entry.Word("type", problems, ("pass", RuleAction.Pass), ("block", RuleAction.Block), ("reject", RuleAction.Reject));
        if (type.Length == 0)
            problems.Error(entry.First("type") ?? entry, "the type is missing", "pass, block, reject");
        var family = entry.Word("ipprotocol", problems, ("inet", 4), ("inet6", 6), ("inet46", 46));
        var name = entry.Value("interface", problems);
        if (interfaces.All(i => i.Name != name))
        {
            problems.Error(entry.First("interface") ?? entry, $"there is no interface {Quote(name)}", "a name from <interfaces>");
            return null;
        }
        var protocols = Protocols.Read(entry, problems);
        var types = IcmpTypes(entry, protocols, family);
        var source = _endpoints.Read(entry, "source", protocols);
        var destination = _endpoints.Read(entry, "destination", protocols);
        if (protocols is null || types is null || source is null || destination is null)
            return null;
        CheckFamily(entry, family, source, destination);
        if (NotSupported(entry))
            return null;
        return new FilterRule
        {
            Action = action,
            Interface = name,
            IPv4 = family != 6,
            IPv6 = family != 4,
            Protocols = protocols.Value,
            IcmpTypes = types.Value,
            Source = source,
            Destination = destination,
            Description = entry.Value("descr", problems),
            Tracker = entry.Value("tracker", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    private bool NotSupported(ConfigElement entry)
    {
        if (Narrowing.Select(n => entry.First(n)).FirstOrDefault(e => e is { Text.Length: > 0 }) is { } narrowing)
        {
            problems.Warn(narrowing, $"<{narrowing.Name}> is not supported, so the whole rule is kept, not applied");
            return true;
        }
        foreach (
            var element in Side.Select(n => entry.First(n)).Where(e => e is { } s && (s.Text.Length > 0 || s.Name is "log" or "nopfsync"))
        )
            problems.Warn(element!, $"<{element!.Name}> is kept, not applied; the rule works without it");
        return false;
    }

    private ImmutableArray<string>? IcmpTypes(ConfigElement entry, ImmutableArray<byte>? protocols, int family)
    {
        var element = entry.Single("icmptype", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || text == "any")
            return [];
        if (protocols is not { } p || !(p.Contains((byte)1) || p.Contains((byte)58)))
        {
            problems.Error(element!, "an ICMP type needs protocol icmp", "protocol icmp");
            return null;
        }
        var types = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct().ToImmutableArray();
        foreach (
            var type in types.Where(t =>
                (family == 6 || IcmpTypeNames.ForIPv4(t) is null) && (family == 4 || IcmpTypeNames.ForIPv6(t) is null)
            )
        )
        {
            problems.Error(element!, $"{Quote(type)} is no ICMP type of this family", "echoreq, echorep, unreach, timex, ...");
            return null;
        }
        return types;
    }

    private void CheckFamily(ConfigElement entry, int family, params RuleEndpoint[] sides)
    {
        foreach (
            var side in sides.Where(s => s.Kind == EndpointKind.Prefixes && !s.Prefixes.Any(p => family == 46 || p.IsIPv6 == (family == 6)))
        )
            problems.Error(entry, "the rule's addresses are not of its family", "an ipprotocol that fits the addresses");
    }
}

/// <summary>IP protocols in pfSense's words.</summary>
internal static class Protocols
{
    private static readonly Dictionary<string, byte[]> Numbers = new()
    {
        ["any"] = [],
        ["tcp"] = [6],
        ["udp"] = [17],
        ["tcp/udp"] = [6, 17],
        ["icmp"] = [1],
        ["ipv6-icmp"] = [58],
        ["igmp"] = [2],
        ["ipv6"] = [41],
        ["gre"] = [47],
        ["esp"] = [50],
        ["ah"] = [51],
        ["ospf"] = [89],
        ["pim"] = [103],
        ["carp"] = [112],
        ["sctp"] = [132],
        ["pfsync"] = [240],
    };

    /// <summary>Numbers; empty for all; null after an error.</summary>
    public static ImmutableArray<byte>? Read(ConfigElement entry, Problems problems)
    {
        var element = entry.Single("protocol", problems);
        var text = element?.Value(problems).ToLowerInvariant() ?? "";
        if (text.Length == 0)
            return [];
        if (Numbers.TryGetValue(text, out var numbers))
            return [.. numbers];
        if (byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != 0)
            return [number];
        problems.Error(element!, $"{Quote(text)} is no protocol", "tcp, udp, tcp/udp, icmp, esp, ah, gre, ... or a number from 1 to 255");
        return null;
    }
}

/// <summary>ICMP types: pfSense's words and nft's.</summary>
internal static class IcmpTypeNames
{
    public static string? ForIPv4(string name) =>
        name switch
        {
            "echoreq" => "echo-request",
            "echorep" => "echo-reply",
            "unreach" => "destination-unreachable",
            "squench" => "source-quench",
            "redir" => "redirect",
            "routeradv" => "router-advertisement",
            "routersol" => "router-solicitation",
            "timex" => "time-exceeded",
            "paramprob" => "parameter-problem",
            "timereq" => "timestamp-request",
            "timerep" => "timestamp-reply",
            _ => null,
        };

    public static string? ForIPv6(string name) =>
        name switch
        {
            "echoreq" => "echo-request",
            "echorep" => "echo-reply",
            "unreach" => "destination-unreachable",
            "toobig" => "packet-too-big",
            "timex" => "time-exceeded",
            "paramprob" => "parameter-problem",
            "routersol" => "nd-router-solicit",
            "routeradv" => "nd-router-advert",
            "neighbrsol" => "nd-neighbor-solicit",
            "neighbradv" => "nd-neighbor-advert",
            "redir" => "nd-redirect",
            _ => null,
        };
}
