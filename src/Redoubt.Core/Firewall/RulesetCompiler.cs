using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Compiles a configuration into the text of one nft transaction that replaces <c>table inet redoubt</c>.</summary>
public static class RulesetCompiler
{
    /// <summary>Name of the table in family inet.</summary>
    public const string Table = "redoubt";

    /// <summary>Name of the counter of packets that fit no connection.</summary>
    public const string InvalidCounter = "invalid";

    /// <summary>Name of the counter of packets that no rule let through.</summary>
    public const string BlockedCounter = "blocked";

    /// <summary>A transaction that removes the table, and does nothing when there is none.</summary>
    public const string RemoveTable = "add table inet redoubt\ndelete table inet redoubt\n";

    /// <summary>
    /// The whole transaction. The order of rules is that of the file. Throws <see cref="ArgumentException"/> for a device name in
    /// the context that no kernel would give.
    /// </summary>
    public static string Compile(NodeConfiguration configuration, RulesetContext context)
    {
        if (configuration.Interfaces.IsEmpty)
            return Unconfigured();
        var network = new NetworkView(configuration, context);
        var sets = new AddressSets();
        var rules = new RuleText(network, sets);
        var body = new RulesetText();

        WriteRaw(body, network, context);
        WriteInput(body, network, context);
        WriteForward(body, network);
        foreach (var name in network.Names)
        {
            body.Open($"chain rules_{name}", "the first match decides, for traffic to the node and through it");
            foreach (var rule in configuration.FilterRules.Where(r => r.Interface == name && !r.IsDisabled))
                rules.Write(body, rule);
            body.Close();
        }
        new OutboundNatText(configuration, network, sets, rules).Write(body);
        return Wrap(network, sets, body);
    }

    /// <summary>The transaction for a node without a configuration: nothing is filtered, the NAT hooks are there for states that come from peers.</summary>
    public static string Unconfigured()
    {
        var body = new RulesetText();
        OutboundNatText.WriteEmptyChains(body);
        return Wrap(null, null, body);
    }

    // Packets of the election and of state synchronisation make no states: they would be replicated, and a full table would stop them.
    private static void WriteRaw(RulesetText text, NetworkView network, RulesetContext context)
    {
        text.Open("chain raw_prerouting", "packets that are not tracked");
        text.Line("type filter hook prerouting priority raw; policy accept;");
        text.Rule("meta l4proto 112 notrack", "CARP and VRRP");
        text.Rule("meta l4proto 240 notrack", "pfsync");
        text.Rule("ip daddr 224.0.0.18 udp dport 7241 notrack", "heartbeats");
        text.Rule("ip6 daddr ff02::12 udp dport 7241 notrack", "heartbeats");
        WriteSync(text, network, context, "iifname", "saddr", "notrack");
        text.Close();
        text.Open("chain raw_output", "packets that are not tracked");
        text.Line("type filter hook output priority raw; policy accept;");
        text.Rule("meta l4proto 112 notrack", "CARP and VRRP");
        text.Rule("meta l4proto 240 notrack", "pfsync");
        WriteSync(text, network, context, "oifname", "daddr", "notrack");
        text.Close();
    }

    private static void WriteSync(
        RulesetText text,
        NetworkView network,
        RulesetContext context,
        string device,
        string address,
        string verdict
    )
    {
        var ports = RuleText.Ports([
            .. context.PeerUdpPorts.Append(context.StateSyncPort).Select(p => new PortRange((ushort)p, (ushort)p)),
        ]);
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                text.Rule(
                    $"{device} @if_{link} {peers.Family} {address} {peers.Text} udp dport {ports} {verdict}",
                    "state synchronisation with peers"
                );
        }
    }

    private static void WriteInput(RulesetText text, NetworkView network, RulesetContext context)
    {
        text.Open("chain input", "to the node itself");
        text.Line("type filter hook input priority filter; policy accept;");
        text.Rule("iifname \"lo\" accept", "loopback");
        text.Rule("iifname != @configured accept", "interfaces that are not in the configuration are not ours to judge");
        text.Rule("meta l4proto 112 accept", "CARP and VRRP, checked by the daemon");
        text.Rule("ip daddr 224.0.0.18 udp dport 7241 accept", "heartbeats, checked by the daemon");
        text.Rule("ip6 daddr ff02::12 udp dport 7241 accept", "heartbeats, checked by the daemon");
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                text.Rule($"iifname @if_{link} {peers.Family} saddr {peers.Text} meta l4proto 240 accept", "pfsync from peers");
        }
        WriteSync(text, network, context, "iifname", "saddr", "accept");
        foreach (var link in network.SyncLinks)
        {
            // They quote datagrams that make no state, so they fit no connection; that is no attack and not to be counted as one.
            foreach (var peers in network.Peers)
            {
                var icmp = peers.Family == "ip" ? "icmp" : "icmpv6";
                text.Rule(
                    $"iifname @if_{link} {peers.Family} saddr {peers.Text} {icmp} type destination-unreachable accept",
                    "the daemon of a peer is not there"
                );
            }
        }
        text.Rule(
            "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept",
            "neighbour discovery"
        );
        text.Rule(
            "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
            "multicast listeners"
        );
        text.Rule($"ct state invalid counter name \"{InvalidCounter}\" drop", "fits no connection");
        text.Rule("ct state established,related accept", "answers");
        text.Rule("icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept", "ICMP essentials");
        text.Rule(
            "icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept",
            "ICMPv6 essentials"
        );
        text.Rule("meta nfproto ipv4 udp sport 67 udp dport 68 accept", "DHCP answers to this node");
        text.Rule("ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept", "DHCPv6 answers to this node");
        if (!context.PeerTcpPorts.IsEmpty)
        {
            var ports = RuleText.Ports([.. context.PeerTcpPorts.Select(p => new PortRange((ushort)p, (ushort)p))]);
            foreach (var link in network.SyncLinks)
            {
                foreach (var peers in network.Peers)
                    text.Rule($"iifname @if_{link} {peers.Family} saddr {peers.Text} tcp dport {ports} accept", "control by peers");
            }
        }
        foreach (var name in network.Names)
            text.Rule($"iifname @if_{name} jump rules_{name}", "");
        text.Rule($"counter name \"{BlockedCounter}\" drop", "no rule passed it");
        text.Close();
    }

    private static void WriteForward(RulesetText text, NetworkView network)
    {
        text.Open("chain forward", "through the node");
        text.Line("type filter hook forward priority filter; policy drop;");
        text.Rule($"ct state invalid counter name \"{InvalidCounter}\" drop", "fits no connection");
        text.Rule("ct state established,related accept", "belongs to a connection that was passed");
        foreach (var name in network.Names)
            text.Rule($"iifname @if_{name} jump rules_{name}", "");
        text.Rule($"counter name \"{BlockedCounter}\" drop", "no rule passed it");
        text.Close();
    }

    private static string Wrap(NetworkView? network, AddressSets? sets, RulesetText body)
    {
        var text = new RulesetText();
        text.Raw(RemoveTable);
        text.Open($"table inet {Table}", "");
        text.Line($"counter {InvalidCounter} {{ }}");
        text.Line($"counter {BlockedCounter} {{ }}");
        network?.WriteSets(text);
        sets?.Write(text);
        text.Nested(body);
        text.Close();
        return text.ToString();
    }
}
