using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads filter/rule. A rule that narrows a match in a way that is not supported is left out with a warning, never widened.</summary>
internal sealed class RuleReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    ImmutableArray<InterfaceGroup> groups,
    GatewayTable gateways,
    ImmutableArray<Schedule> schedules,
    AliasTable aliases
)
{
    // Each of these narrows what matches; without it the rule would match more than the file says.
    private static readonly string[] Narrowing = ["os", "vlanprio"];

    // These change how a connection is treated, not which one passes.
    private static readonly string[] Side = ["statetimeout", "defaultqueue", "ackqueue", "dnpipe", "pdnpipe", "vlanprioset"];

    // Tabs of pfSense's own servers and tunnels.
    private static readonly string[] OtherInterfaces = ["openvpn", "enc0", "IPsec", "l2tp", "pptp", "pppoe", "wireguard", "WireGuard"];

    private readonly HashSet<string> _tags = [];
    private readonly Dictionary<(string Text, bool IsFloating), ImmutableArray<string>> _interfaces = [];
    private readonly EndpointReader _endpoints = new(problems, interfaces, aliases);

    /// <summary>Reads all, except what is known; what is to be known the next time is noted.</summary>
    public ImmutableArray<FilterRule> Read(ConfigElement? section, KnownRules? known, KnownRules made)
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
            var before = problems.Count;
            if (known?.Of(entry.Node) is not { } rule || !StillHas(rule.Source) || !StillHas(rule.Destination))
                rule = ReadOne(entry);
            if (rule is null)
                continue;
            rules.Add(rule);
            if (problems.Count == before)
                made.Add(entry.Node, rule);
        }
        return rules.ToImmutable();
    }

    // Asking for an alias makes it one that is used; all together must not be too large.
    private bool StillHas(RuleEndpoint side) =>
        (side.Kind != EndpointKind.Alias || aliases.Addresses(side.Alias, out _) is not null)
        && (side.PortAlias.Length == 0 || aliases.Ports(side.PortAlias, out _) is not null);

    private FilterRule? ReadOne(ConfigElement entry)
    {
        var action = entry.Word(
            "type",
            problems,
            ("pass", RuleAction.Pass),
            ("block", RuleAction.Block),
            ("reject", RuleAction.Reject),
            ("match", RuleAction.Match)
        );
        if (entry.Value("type", problems).Length == 0)
            problems.Error(entry.First("type") ?? entry, "the type is missing", "pass, block, reject, match");
        var floating = entry.Flag("floating", problems);
        var family = entry.Word("ipprotocol", problems, ("inet", 4), ("inet6", 6), ("inet46", 46));
        var on = Interfaces(entry, floating);
        var protocols = Protocols.Read(entry, problems);
        var types = IcmpTypes(entry, protocols, family);
        var source = _endpoints.Read(entry, "source", protocols);
        var destination = _endpoints.Read(entry, "destination", protocols);
        if (on is null || protocols is null || types is null || source is null || destination is null)
            return null;
        CheckFamily(entry, family, source, destination);
        var rule = new FilterRule
        {
            Action = action,
            Interfaces = on.Value,
            IsFloating = floating,
            Quick = !floating || entry.Flag("quick", problems),
            Direction = floating
                ? entry.Word("direction", problems, ("any", RuleDirection.Any), ("in", RuleDirection.In), ("out", RuleDirection.Out))
                : RuleDirection.In,
            IPv4 = family != 6,
            IPv6 = family != 4,
            Protocols = protocols.Value,
            IcmpTypes = types.Value,
            Source = source,
            Destination = destination,
            NoPfsync = entry.Flag("nopfsync", problems),
            Log = entry.Flag("log", problems),
            AllowOptions = entry.Flag("allowopts", problems),
            Description = entry.Value("descr", problems),
            Tracker = entry.Value("tracker", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
        return Options(entry, rule);
    }

    private ImmutableArray<string>? Interfaces(ConfigElement entry, bool floating)
    {
        var text = entry.Value("interface", problems);
        if (floating && text is "" or "any")
            return [];
        // Thousands of rules name a handful of interfaces.
        if (_interfaces.TryGetValue((text, floating), out var known))
            return known;
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(names, n => OtherInterfaces.Contains(n)) is { } other)
        {
            problems.Warn(entry.First("interface")!, $"{other} is not served here, so the whole rule is kept, not applied");
            return null;
        }
        var unknown = Array.Find(names, n => interfaces.All(i => i.Name != n) && groups.All(g => g.Name != n));
        if (names.Length == 0 || unknown is not null || (!floating && names.Length > 1))
        {
            problems.Error(
                entry.First("interface") ?? entry,
                $"there is no interface {Quote(unknown ?? text)}",
                floating ? "names from <interfaces>, separated by commas" : "a name from <interfaces> or <ifgroups>"
            );
            return null;
        }
        return _interfaces[(text, floating)] = [.. names.Distinct()];
    }

    private FilterRule? Options(ConfigElement entry, FilterRule rule)
    {
        foreach (var name in Narrowing)
        {
            if (entry.First(name) is { Text.Length: > 0 } narrowing)
                return LeaveOut(narrowing, $"<{narrowing.Name}> is not supported");
        }
        foreach (var name in Side)
        {
            if (entry.First(name) is { Text.Length: > 0 } element)
                problems.Warn(element, $"<{element.Name}> is kept, not applied; the rule works without it");
        }
        if (entry.Value("statepolicy", problems) == "if-bound")
            problems.Warn(entry.First("statepolicy")!, "answers are taken from any interface; the rule works without <statepolicy>");
        var options = new RuleOptions(problems, entry);
        if (
            !options.TryTcpFlags(rule.Protocols, out var flags)
            || !options.TryDscp(out var dscp)
            || !options.TryTags(out var tag, out var tagged, out var notTagged)
            || !options.TryLimits(out var limits)
        )
            return null;
        rule = rule with
        {
            TcpFlags = flags,
            Dscp = dscp,
            Tag = tag,
            Tagged = tagged,
            NotTagged = notTagged,
            Limits = limits,
            StateType = options.StateType(),
            Schedule = Reference(entry, "sched", n => schedules.Any(s => s.Name == n), "schedule"),
            Gateway = Reference(entry, "gateway", gateways.Knows, "gateway"),
        };
        if (IsOneTagTooMany(tag) || IsOneTagTooMany(tagged))
            return LeaveOut(entry, "there are too many tags");
        if (rule.Action == RuleAction.Match && !rule.IsFloating)
            return LeaveOut(entry.First("type")!, "a match rule must be floating");
        if (rule.Action == RuleAction.Reject && rule.Direction != RuleDirection.In)
            problems.Warn(entry.First("type")!, "packets on their way out are dropped without an answer");
        if (!rule.Quick && rule.Action != RuleAction.Match && rule.Tagged.Length > 0)
            return LeaveOut(entry.First("tagged") ?? entry, "without <quick> a rule can not ask for a tag");
        if (!limits.IsEmpty && rule.Action != RuleAction.Pass)
        {
            // As in pf, where only what makes states has limits.
            problems.Warn(entry, "limits have no effect in a rule that passes nothing");
            rule = rule with { Limits = default };
        }
        if (rule.Gateway.Length == 0)
            return rule;
        return rule.Action == RuleAction.Pass ? Routed(entry, rule) : rule with { Gateway = "" };
    }

    private bool IsOneTagTooMany(string tag) => tag.Length > 0 && _tags.Add(tag) && _tags.Count > ConfigurationLimits.Tags;

    private FilterRule? Routed(ConfigElement entry, FilterRule rule)
    {
        var element = entry.First("gateway")!;
        if (rule.IsFloating && (!rule.Quick || rule.Direction != RuleDirection.In))
            return LeaveOut(element, "a gateway needs <quick> and direction in");
        var members = gateways.Resolve(rule.Gateway);
        if (gateways.Id(rule.Gateway) == 0)
            return LeaveOut(element, "there are too many gateways");
        if (members.IsEmpty)
            return LeaveOut(element, $"gateway {Quote(rule.Gateway)} has no address or is disabled");
        if ((rule.IPv4 && members.Any(m => m.Gateway.IsIPv6)) || (rule.IPv6 && members.Any(m => !m.Gateway.IsIPv6)))
            return LeaveOut(element, $"gateway {Quote(rule.Gateway)} is not of the rule's family");
        return rule;
    }

    private string Reference(ConfigElement entry, string tag, Func<string, bool> knows, string what)
    {
        var element = entry.Single(tag, problems);
        var name = element?.Value(problems) ?? "";
        if (name.Length == 0 || (tag == "gateway" && name == "default") || knows(name))
            return name == "default" ? "" : name;
        problems.Error(element!, $"there is no {what} {Quote(name)}", $"the name of a {what}");
        return "";
    }

    private FilterRule? LeaveOut(ConfigElement at, string why)
    {
        problems.Warn(at, $"{why}, so the whole rule is kept, not applied");
        return null;
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

    private void CheckFamily(ConfigElement entry, int family, params ReadOnlySpan<RuleEndpoint> sides)
    {
        foreach (var side in sides)
        {
            if ((family != 6 && _endpoints.CanBe(side, false)) || (family != 4 && _endpoints.CanBe(side, true)))
                continue;
            problems.Error(entry, "the rule's addresses are not of its family", "an ipprotocol that fits the addresses");
        }
    }
}
