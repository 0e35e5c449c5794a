using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>
/// Writes the NAT chains. They are always there: without a NAT hook the kernel does not translate packets of a connection that a peer
/// put into its table, and they leave with the inner address. As in pf, port forwards come before 1:1 translation on the way in, and
/// 1:1 and prefix translation before outbound rules on the way out.
/// </summary>
internal sealed class NatText(
    NodeConfiguration configuration,
    NetworkView network,
    AddressSets sets,
    RuleText rules,
    RulesetBuilder builder
)
{
    private readonly NatConfiguration _nat = configuration.Nat;

    public static void WriteEmptyChains(RulesetBuilder builder)
    {
        Prerouting(builder);
        Postrouting(builder);
    }

    public void Write()
    {
        var outbound = new OutboundNatText(configuration, network, sets, rules, builder);
        var forwards = new PortForwardText(network, rules, builder);
        var prefixes = new PrefixTranslationText(rules, builder);
        var incoming = Prerouting(builder);
        forwards.Write(incoming, _nat.PortForwards);
        var outgoing = Postrouting(builder);
        if (forwards.HasReflected)
        {
            foreach (var name in network.Names)
                outgoing.Rule(
                    $"iifname @if_{name} oifname @if_{name} ct mark & {SafeText.Hex(FlowMark.Reflected)} != 0 masquerade",
                    "reflection: answers must come back this way"
                );
        }
        if (_nat.Mode != OutboundNatMode.Disabled)
            outbound.WriteOwnTraffic(outgoing);
        if (configuration.Firewall.ReachPeer)
            WriteReachPeer(outgoing);
        prefixes.Write(incoming, outgoing, "onetoone", _nat.OneToOne);
        prefixes.Write(incoming, outgoing, "npt", _nat.Prefixes);
        outbound.Write(outgoing);
    }

    // The other node has the tunnel's network in its own table and would answer into its own tunnel, which is down.
    private void WriteReachPeer(ChainText chain)
    {
        foreach (var peer in configuration.Redoubt.Peers.SelectMany(p => p.Addresses))
        {
            var name = network.Names.FirstOrDefault(n => network.Networks(n).Any(p => p.Contains(peer)));
            if (name is null || sets.Operand($"net_{name}", network.Networks(name), peer.IsIPv6) is not { } near)
                continue;
            var family = peer.IsIPv6 ? "ip6" : "ip";
            chain.Rule(
                $"oifname @if_{name} {family} daddr {peer.AddressText} {family} saddr != {near} masquerade",
                "reach the other node through this one"
            );
        }
    }

    private static ChainText Prerouting(RulesetBuilder builder) =>
        builder.Chain("nat_prerouting", "type nat hook prerouting priority dstnat; policy accept;", "must exist, see nat_postrouting");

    private static ChainText Postrouting(RulesetBuilder builder) =>
        builder.Chain(
            "nat_postrouting",
            "type nat hook postrouting priority srcnat; policy accept;",
            "must exist: else connections learnt from a peer leave untranslated"
        );
}
