using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes outbound translation.</summary>
internal sealed class OutboundNatText(
    NodeConfiguration configuration,
    NetworkView network,
    AddressSets sets,
    RuleText rules,
    RulesetBuilder builder
)
{
    // As in pf, the port is drawn at random unless it must stay. It also keeps both nodes from choosing the same port for different flows.
    private const string RandomPort = " fully-random";

    private readonly NatConfiguration _nat = configuration.Nat;

    // A backup that used the virtual address for its own connections would send the answers to the master.
    public void WriteOwnTraffic(ChainText chain)
    {
        foreach (var name in Translating())
        {
            var virtuals = configuration.VirtualAddresses.Where(v =>
                v.Interface == name && v.Mode is VirtualAddressMode.Carp or VirtualAddressMode.IpAlias
            );
            var addresses = network.Own(name).Concat(virtuals.Select(v => v.Prefix.Host)).Distinct().ToImmutableArray();
            foreach (var ipv6 in new[] { false, true })
            {
                if (sets.Operand($"any_{name}", addresses, ipv6) is { } operand)
                    chain.Rule(
                        $"oifname @if_{name} fib saddr type local {(ipv6 ? "ip6" : "ip")} saddr {operand} accept",
                        "own connections keep their address"
                    );
            }
            chain.Rule($"oifname @if_{name} meta nfproto ipv4 fib saddr type local masquerade", "own connections with an inner address");
        }
    }

    public void Write(ChainText chain)
    {
        var listed = _nat.Mode is OutboundNatMode.Hybrid or OutboundNatMode.Advanced;
        for (var i = 0; i < _nat.Outbound.Length; i++)
            WriteRule(chain, _nat.Outbound[i], builder.Counter($"outbound_{SafeText.Number(i + 1)}"), listed);
        if (_nat.Mode is not (OutboundNatMode.Automatic or OutboundNatMode.Hybrid))
            return;
        foreach (var wan in configuration.Interfaces.Where(i => i.IsWan))
            WriteAutomatic(chain, wan.Name);
    }

    private IEnumerable<string> Translating()
    {
        var automatic = configuration
            .Interfaces.Where(i => i.IsWan && _nat.Mode is OutboundNatMode.Automatic or OutboundNatMode.Hybrid)
            .Select(i => i.Name);
        var listed = _nat
            .Outbound.Where(r => !r.IsDisabled && _nat.Mode is OutboundNatMode.Hybrid or OutboundNatMode.Advanced)
            .Select(r => r.Interface);
        return automatic.Concat(listed).Distinct();
    }

    private void WriteRule(ChainText chain, OutboundNatRule rule, string counter, bool listed)
    {
        var match = rule.IsDisabled || !listed ? null : rules.Match(rule.Source, rule.Destination, rule.Protocols, [], rule.IsIPv6);
        var standing =
            rule.IsDisabled || !listed ? RuleStanding.Disabled
            : match is null ? RuleStanding.Unresolved
            : RuleStanding.Active;
        builder.Rules.Add(
            new CompiledRule(
                counter,
                "outbound",
                "",
                rule.Interface,
                rule.NoNat ? "pass" : "translate",
                rule.Description,
                rule.Line,
                standing
            )
        );
        var comment = rule.Description.Length > 0 ? rule.Description : $"outbound rule of line {SafeText.Number(rule.Line)}";
        if (standing == RuleStanding.Unresolved)
            chain.Remark($"not applied, an interface has no address yet or an alias no values: {comment}");
        if (standing == RuleStanding.Active)
            chain.Rule($"oifname @if_{rule.Interface} {match} counter name \"{counter}\" {Verdict(rule)}", comment);
    }

    private static string Verdict(OutboundNatRule rule)
    {
        var family = rule.IsIPv6 ? "ip6" : "ip";
        var random = rule.StaticPort ? "" : RandomPort;
        var port = rule.Port is { } p && !rule.StaticPort ? $":{p}" : "";
        return rule switch
        {
            { NoNat: true } => "accept",
            { Target: null } => $"masquerade{(port.Length > 0 ? $" to {port}" : "")}{random}",
            { Target.Single: { } one } =>
                $"snat {family} to {(rule.IsIPv6 && port.Length > 0 ? $"[{one.AddressText}]" : one.AddressText)}{port}{random}",
            { Target.Choice: PoolChoice.Bitmask } =>
                $"snat {family} prefix to {family} saddr map {{ {rule.Source.Prefixes[0]} : {rule.Target.Range} }}",
            _ => $"snat {family} to {Choice(rule.Target, family)}{random}",
        };
    }

    private static string Choice(NatPool pool, string family)
    {
        var addresses = pool.List;
        if (pool.Range is { } network)
        {
            var range = AddressRange.Of(network);
            var count = range.Count(ConfigurationLimits.PoolSize);
            // The kernel spreads a range by source and destination; persistent, by the source alone.
            if (count > ConfigurationLimits.PoolSize)
                return $"{range.At(0).AddressText}-{Last(range)}{(pool.Choice == PoolChoice.SourceHash ? " persistent" : "")}";
            addresses = [.. Enumerable.Range(0, count).Select(range.At)];
        }
        var chosen = pool.Choice switch
        {
            PoolChoice.Random => "numgen random",
            PoolChoice.SourceHash => $"jhash {family} saddr",
            _ => "numgen inc",
        };
        var map = addresses.Select((a, n) => $"{SafeText.Number(n)} : {a.AddressText}");
        return $"{chosen} mod {SafeText.Number(addresses.Length)} map {{ {string.Join(", ", map)} }}";
    }

    private static string Last(AddressRange range) => (range with { First = range.Last }).At(0).AddressText;

    private void WriteAutomatic(ChainText chain, string wan)
    {
        var inside = configuration.Interfaces.Where(i => !i.IsWan).SelectMany(i => network.Networks(i.Name)).Distinct().ToImmutableArray();
        if (sets.Operand("inside", inside, ipv6: false) is not { } sources)
            return;
        var carp = configuration.VirtualAddresses.Where(v => v.Mode == VirtualAddressMode.Carp && v.Interface == wan && !v.IsIPv6).ToList();
        var translate = carp.Count == 1 ? $"snat ip to {carp[0].Prefix.AddressText}" : "masquerade";
        chain.Rule($"oifname @if_{wan} ip saddr {sources} udp dport 500 counter {translate}", "automatic, IKE keeps its port");
        chain.Rule($"oifname @if_{wan} ip saddr {sources} counter {translate}{RandomPort}", "automatic");
    }
}
