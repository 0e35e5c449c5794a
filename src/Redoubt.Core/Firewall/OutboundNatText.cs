using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Writes the NAT chains. They are always there: without a NAT hook the kernel does not translate packets of a connection that a peer
/// put into its table, and they leave with the inner address.
/// </summary>
internal sealed class OutboundNatText(NodeConfiguration configuration, NetworkView network, AddressSets sets, RuleText rules)
{
    // As in pf, the port is drawn at random unless it must stay. It also keeps both nodes from choosing the same port for different flows.
    private const string RandomPort = " fully-random";

    public static void WriteEmptyChains(RulesetText text)
    {
        WritePrerouting(text);
        OpenPostrouting(text);
        text.Close();
    }

    public void Write(RulesetText text)
    {
        WritePrerouting(text);
        OpenPostrouting(text);
        if (configuration.Nat.Mode != OutboundNatMode.Disabled)
        {
            foreach (var name in Translating())
                WriteOwnTraffic(text, name);
            if (configuration.Nat.Mode != OutboundNatMode.Automatic)
            {
                foreach (var rule in configuration.Nat.Outbound.Where(r => !r.IsDisabled))
                    WriteRule(text, rule);
            }
            if (configuration.Nat.Mode != OutboundNatMode.Advanced)
            {
                foreach (var wan in configuration.Interfaces.Where(i => i.IsWan))
                    WriteAutomatic(text, wan.Name);
            }
        }
        text.Close();
    }

    private static void WritePrerouting(RulesetText text)
    {
        text.Open("chain nat_prerouting", "must exist, see nat_postrouting");
        text.Line("type nat hook prerouting priority dstnat; policy accept;");
        text.Close();
    }

    private static void OpenPostrouting(RulesetText text)
    {
        text.Open("chain nat_postrouting", "must exist: else connections learnt from a peer leave untranslated");
        text.Line("type nat hook postrouting priority srcnat; policy accept;");
    }

    private IEnumerable<string> Translating()
    {
        var automatic = configuration
            .Interfaces.Where(i => i.IsWan && configuration.Nat.Mode != OutboundNatMode.Advanced)
            .Select(i => i.Name);
        var listed = configuration
            .Nat.Outbound.Where(r => !r.IsDisabled && configuration.Nat.Mode != OutboundNatMode.Automatic)
            .Select(r => r.Interface);
        return automatic.Concat(listed).Distinct();
    }

    // A backup that used the virtual address for its own connections would send the answers to the master.
    private void WriteOwnTraffic(RulesetText text, string name)
    {
        var virtuals = configuration.VirtualAddresses.Where(v =>
            v.Interface == name && v.Mode is VirtualAddressMode.Carp or VirtualAddressMode.IpAlias
        );
        var addresses = network.Own(name).Concat(virtuals.Select(v => v.Prefix.Host)).Distinct().ToImmutableArray();
        foreach (var ipv6 in new[] { false, true })
        {
            if (sets.Operand(addresses, ipv6) is { } operand)
                text.Rule(
                    $"oifname @if_{name} fib saddr type local {(ipv6 ? "ip6" : "ip")} saddr {operand} accept",
                    "own connections keep their address"
                );
        }
        text.Rule($"oifname @if_{name} meta nfproto ipv4 fib saddr type local masquerade", "own connections with an inner address");
    }

    private void WriteRule(RulesetText text, OutboundNatRule rule)
    {
        var comment = rule.Description.Length > 0 ? rule.Description : $"outbound rule of line {RulesetText.Number(rule.Line)}";
        if (rules.Match(rule.Source, rule.Destination, rule.Protocols, [], rule.IsIPv6) is not { } match)
        {
            text.Line($"# not applied, an interface has no address yet: {RulesetText.Comment(comment)}");
            return;
        }
        var random = rule.StaticPort ? "" : RandomPort;
        var verdict = rule switch
        {
            { NoNat: true } => "accept",
            { Target: { } target } => $"snat {(rule.IsIPv6 ? "ip6" : "ip")} to {target.AddressText}{random}",
            _ => $"masquerade{random}",
        };
        text.Rule($"oifname @if_{rule.Interface} {match} counter {verdict}", comment);
    }

    private void WriteAutomatic(RulesetText text, string wan)
    {
        var inside = configuration.Interfaces.Where(i => !i.IsWan).SelectMany(i => network.Networks(i.Name)).Distinct().ToImmutableArray();
        if (sets.Operand(inside, ipv6: false) is not { } sources)
            return;
        var carp = configuration.VirtualAddresses.Where(v => v.Mode == VirtualAddressMode.Carp && v.Interface == wan && !v.IsIPv6).ToList();
        var translate = carp.Count == 1 ? $"snat ip to {carp[0].Prefix.AddressText}" : "masquerade";
        text.Rule($"oifname @if_{wan} ip saddr {sources} udp dport 500 counter {translate}", "automatic, IKE keeps its port");
        text.Rule($"oifname @if_{wan} ip saddr {sources} counter {translate}{RandomPort}", "automatic");
    }
}
