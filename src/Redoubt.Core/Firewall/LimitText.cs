using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Writes a chain for a pass rule with limits: what is within all of them reaches the verdict, the rest is dropped. A set that is full, because an
/// attacker forges sources, lets nobody new through.
/// </summary>
internal static class LimitText
{
    /// <summary>Name of the sets (with 4 or 6 behind it) and of the counter of sources that are shut out.</summary>
    public const string Overload = "overload";

    private const int Sources = 65_536;
    private const string Forever = "1000000";

    /// <summary>The sets of sources that are shut out for an hour, as pfSense's table virusprot.</summary>
    public static void WriteOverloadSets(RulesetBuilder builder)
    {
        builder.Counter(Overload);
        foreach (var ipv6 in new[] { false, true })
            builder.Set(
                Overload + (ipv6 ? "6" : "4"),
                $"type {Type(ipv6)}; size {SafeText.Number(Sources)}; flags dynamic, timeout; timeout 1h;",
                [],
                "sources that made too many connections too fast"
            );
    }

    /// <summary>Writes the chain; returns its name.</summary>
    public static string Write(RulesetBuilder builder, FilterRule rule, string counter, string verdict)
    {
        var over = builder.Counter($"over_{counter}");
        var families = new[] { (Wanted: rule.IPv4, IPv6: false), (Wanted: rule.IPv6, IPv6: true) }.Where(f => f.Wanted).Select(f => f.IPv6);
        var chain = builder.Chain($"limit_{counter}", "", "limits of a rule");
        var limits = rule.Limits;
        if (limits.States > 0)
            chain.Rule($"ct count over {SafeText.Number(limits.States)} counter name \"{over}\" drop");
        if (limits.RateConnections > 0)
        {
            foreach (var ipv6 in families)
                chain.Rule(
                    $"update {Dynamic(builder, "rate", counter, ipv6, Sources, RateTime(limits))} {Rate(limits)} }} goto slow_{counter}"
                );
            foreach (var ipv6 in families)
                chain.Rule($"update @{Overload}{(ipv6 ? "6" : "4")} {{ {Source(ipv6)} }} counter name \"{over}\" drop");
            chain.Rule($"counter name \"{over}\" drop");
            chain = builder.Chain($"slow_{counter}", "", "limits of a rule, behind its rate");
        }
        foreach (var ipv6 in families)
        {
            var perSource =
                limits.StatesPerSource == 0
                    ? ""
                    : $"add {Dynamic(builder, "states", counter, ipv6, Sources, "")} ct count {SafeText.Number(limits.StatesPerSource)} }}";
            var nodes =
                limits.SourceNodes == 0
                    ? ""
                    : $"add {Dynamic(builder, "nodes", counter, ipv6, limits.SourceNodes, "")} ct count {Forever} }}";
            chain.Rule(
                RuleText.Join(
                    perSource.Length + nodes.Length == 0 ? $"meta nfproto {(ipv6 ? "ipv6" : "ipv4")}" : "",
                    perSource,
                    nodes,
                    verdict
                )
            );
        }
        chain.Rule($"counter name \"{over}\" drop");
        return $"limit_{counter}";
    }

    private static string Dynamic(RulesetBuilder builder, string kind, string counter, bool ipv6, int size, string timeout)
    {
        var name = $"{kind}_{counter}_{(ipv6 ? "6" : "4")}";
        var flags = timeout.Length == 0 ? "flags dynamic;" : $"flags dynamic, timeout; timeout {timeout};";
        builder.Set(name, $"type {Type(ipv6)}; size {SafeText.Number(size)}; {flags}", []);
        return $"@{name} {{ {Source(ipv6)}";
    }

    // Whole numbers per unit only: the smallest unit in which the rate is one, else rounded down in days.
    private static string Rate(RuleLimits limits)
    {
        (string Name, int Seconds)[] units = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];
        var unit = Array.Find(units, u => (long)limits.RateConnections * u.Seconds % limits.RateSeconds == 0);
        unit = unit.Name is null ? units[^1] : unit;
        var rate = Math.Max(1, (long)limits.RateConnections * unit.Seconds / limits.RateSeconds);
        return FormattableString.Invariant($"limit rate {rate}/{unit.Name} burst {limits.RateConnections} packets");
    }

    private static string RateTime(RuleLimits limits) => $"{SafeText.Number(Math.Max(60, limits.RateSeconds * 2))}s";

    private static string Source(bool ipv6) => ipv6 ? "ip6 saddr" : "ip saddr";

    private static string Type(bool ipv6) => ipv6 ? "ipv6_addr" : "ipv4_addr";
}
