using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes the hooks and what passes them without a rule of the file: only what the node needs to do its work.</summary>
internal sealed class AutomaticText(NodeConfiguration configuration, RulesetContext context, NetworkView network, RulesetBuilder builder)
{
    public void Write(bool overload, IReadOnlySet<string> stateless)
    {
        WriteRaw("raw_prerouting", "prerouting", "iifname", "saddr");
        WriteRaw("raw_output", "output", "oifname", "daddr");
        WriteInput(overload, stateless);
        WriteForward(overload, stateless);
    }

    // Packets of the election and of state synchronisation make no states: they would be replicated, and a full table would stop them.
    private void WriteRaw(string name, string hook, string device, string address)
    {
        var chain = builder.Chain(name, $"type filter hook {hook} priority raw; policy accept;", "packets that are not tracked");
        chain.Rule("meta l4proto 112 notrack", "CARP and VRRP");
        chain.Rule("meta l4proto 240 notrack", "pfsync");
        WriteSync(chain, device, address, "notrack");
        WriteHeartbeat(chain, device, address, "notrack");
    }

    private void WriteSync(ChainText chain, string device, string address, string verdict)
    {
        var ports = RuleText.Ports([
            .. context.PeerUdpPorts.Append(context.StateSyncPort).Select(p => new PortRange((ushort)p, (ushort)p)),
        ]);
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                chain.Rule(
                    $"{device} @if_{link} {peers.Family} {address} {peers.Text} udp dport {ports} {verdict}",
                    "state synchronisation with peers"
                );
        }
    }

    // On the sync links from the peers by their addresses; on interfaces with a vhid to CARP's group: whether they are a peer's, the daemon checks.
    private void WriteHeartbeat(ChainText chain, string device, string address, string verdict)
    {
        var port = SafeText.Number(RulesetContext.HeartbeatPort);
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                chain.Rule($"{device} @if_{link} {peers.Family} {address} {peers.Text} udp dport {port} {verdict}", "heartbeat of peers");
        }
        foreach (var name in configuration.VirtualHosts.Select(h => h.Interface).Distinct())
        {
            chain.Rule($"{device} @if_{name} ip daddr 224.0.0.18 udp dport {port} {verdict}", "heartbeat");
            chain.Rule($"{device} @if_{name} ip6 daddr ff02::12 udp dport {port} {verdict}", "heartbeat");
        }
    }

    private void WriteInput(bool overload, IReadOnlySet<string> stateless)
    {
        var chain = builder.Chain("input", "type filter hook input priority filter; policy accept;", "to the node itself");
        chain.Rule("iifname \"lo\" accept", "loopback");
        WriteUnaccepted(chain);
        chain.Rule("iifname != @configured accept", "interfaces that are not in the configuration are not ours to judge");
        chain.Rule("meta l4proto 112 accept", "CARP and VRRP, checked by the daemon");
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                chain.Rule($"iifname @if_{link} {peers.Family} saddr {peers.Text} meta l4proto 240 accept", "pfsync from peers");
            if (network.Peers.IsEmpty && configuration.Redoubt.Transport == StateSyncTransport.Pfsync)
                chain.Rule($"iifname @if_{link} meta l4proto 240 accept", "pfsync of its group");
        }
        WriteSync(chain, "iifname", "saddr", "accept");
        WriteHeartbeat(chain, "iifname", "saddr", "accept");
        foreach (var link in network.SyncLinks)
        {
            // They quote datagrams that make no state, so they fit no connection; that is no attack and not to be counted as one.
            foreach (var peers in network.Peers)
            {
                var icmp = peers.Family == "ip" ? "icmp" : "icmpv6";
                chain.Rule(
                    $"iifname @if_{link} {peers.Family} saddr {peers.Text} {icmp} type {{ destination-unreachable, echo-request }} accept",
                    "a peer asks, or its daemon is not there"
                );
            }
        }
        chain.Rule(
            "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect } ip6 hoplimit 255 accept",
            "neighbour discovery"
        );
        chain.Rule(
            "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept",
            "multicast listeners"
        );
        WriteStates(chain, stateless, "answers");
        WriteOverload(chain, overload);
        chain.Rule("icmp type { destination-unreachable, time-exceeded, parameter-problem } accept", "ICMP essentials");
        chain.Rule("icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept", "ICMPv6 essentials");
        chain.Rule("meta nfproto ipv4 udp sport 67 udp dport 68 accept", "DHCP answers to this node");
        chain.Rule("ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept", "DHCPv6 answers to this node");
        WritePeerControl(chain);
        WriteAntiLockout(chain);
        WriteDispatch(chain);
    }

    // Here and not at the gate: what is addressed to them and translated, in either direction, goes through the node and not to it.
    private void WriteUnaccepted(ChainText chain)
    {
        var addresses = configuration
            .VirtualHosts.Where(h => !h.Accepts)
            .SelectMany(h => h.Addresses.Select(a => a.Host))
            .ToImmutableArray();
        if (addresses.IsEmpty)
            return;
        builder.Counter(RulesetCompiler.UnacceptedCounter);
        var verdict = $"counter name \"{RulesetCompiler.UnacceptedCounter}\" drop";
        const string Comment = "VRRP without accept mode: the master only forwards";
        if (AddressSets.Inline(addresses, ipv6: false) is { } ipv4)
            chain.Rule($"ip daddr {ipv4} {verdict}", Comment);
        if (AddressSets.Inline(addresses, ipv6: true) is not { } ipv6)
            return;
        chain.Rule($"ip6 daddr {ipv6} meta l4proto != icmpv6 {verdict}", Comment);
        chain.Rule($"ip6 daddr {ipv6} icmpv6 type != {{ nd-neighbor-solicit, nd-neighbor-advert }} {verdict}", Comment);
    }

    private void WriteForward(bool overload, IReadOnlySet<string> stateless)
    {
        var chain = builder.Chain("forward", "type filter hook forward priority filter; policy drop;", "through the node");
        WriteStates(chain, stateless, "belongs to a connection that was passed");
        WriteOverload(chain, overload);
        WriteDispatch(chain);
    }

    private static void WriteStates(ChainText chain, IReadOnlySet<string> stateless, string answers)
    {
        foreach (var name in stateless)
            chain.Rule($"ct state invalid iifname @if_{name} jump stateless_{name}", "rules that ask for no state");
        chain.Rule($"ct state invalid counter name \"{RulesetCompiler.InvalidCounter}\" drop", "fits no connection");
        chain.Rule("ct state established,related accept", answers);
    }

    private static void WriteOverload(ChainText chain, bool overload)
    {
        if (!overload)
            return;
        chain.Rule($"ip saddr @{LimitText.Overload}4 counter name \"{LimitText.Overload}\" drop", "made too many connections too fast");
        chain.Rule($"ip6 saddr @{LimitText.Overload}6 counter name \"{LimitText.Overload}\" drop", "made too many connections too fast");
    }

    private void WritePeerControl(ChainText chain)
    {
        var own = configuration.Firewall.WebPorts.Select(p => (int)p).Concat(context.PeerTcpPorts);
        var ports = RuleText.Ports([.. own.Select(p => new PortRange((ushort)p, (ushort)p))]);
        foreach (var link in network.SyncLinks)
        {
            foreach (var peers in network.Peers)
                chain.Rule($"iifname @if_{link} {peers.Family} saddr {peers.Text} tcp dport {ports} accept", "configuration from peers");
        }
    }

    private void WriteAntiLockout(ChainText chain)
    {
        if (!configuration.Firewall.AntiLockout)
            return;
        var name = network.Names.Contains("lan") ? "lan" : network.Names.First();
        var ports = configuration.Firewall.WebPorts.Append((ushort)80).Append(configuration.Firewall.SshPort);
        chain.Rule(
            $"iifname @if_{name} fib daddr type local tcp dport {RuleText.Ports([.. ports.Select(p => new PortRange(p, p))])} accept",
            "nobody locks himself out"
        );
    }

    private void WriteDispatch(ChainText chain)
    {
        if (configuration.Nat.PortForwards.Any(f => f is { Passes: true, IsDisabled: false }))
            chain.Rule(
                $"ct mark & {SafeText.Hex(FlowMark.PassedByForward)} != 0 ct status dnat accept",
                "port forwards that pass by themselves"
            );
        foreach (var name in network.Names)
            chain.Rule($"iifname @if_{name} jump in_{name}");
        chain.Rule($"counter name \"{RulesetCompiler.BlockedCounter}\" drop", "no rule passed it");
    }
}
