using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Addresses;

/// <summary>A master whose daemon hangs: addresses at its own MAC on the LAN, proxied ones on the WAN.</summary>
public sealed class FrozenMasterTests
{
    private const int EnoughAnswers = 40;

    [Fact]
    public void It_says_no_more_that_it_has_addresses_at_its_own_MAC_or_proxied_ones_and_never_do_two()
    {
        var options = RealMacTests.Options with
        {
            RedoubtXml = "<failover><preempt>never</preempt></failover><vip><member>lan@1</member><mac>real</mac></vip>",
        };
        using var lab = LabSession.Build(new LabOptions { Nodes = [options, options] });
        var (first, second, client) = (lab.Redoubt(1), lab.Redoubt(2), lab.Topology.Client);
        foreach (var node in lab.RedoubtNodes)
            ProxiedAddressTests.Insert(
                node,
                "virtualip",
                ProxiedAddressTests.Vip("proxyarp", "wan", ProxiedAddressTests.Network("203.0.113.40", 30))
                    + ProxiedAddressTests.Vip("proxyarp", "wan", ProxiedAddressTests.Network("fd00:2::40", 126))
            );
        lab.StartAll();
        first.WaitForState(VipState.Master, Deadline.In(20));
        second.WaitForState(VipState.Backup, Deadline.In(20));
        Assert.All(second.Status().Addresses, a => Assert.Equal("standby", a.State));
        OwnerWatch Watch(string on, string asker, string address) =>
            new(lab.Topology, lab.Topology.Port($"observer.{on}"), IPAddress.Parse(asker), IPAddress.Parse(address));
        using var real4 = Watch("lan", "10.0.0.99", Topology.LanVip);
        using var real6 = Watch("lan", "fd00:1::99", Topology.LanVip6);
        using var proxied4 = Watch("wan", "203.0.113.99", "203.0.113.41");
        using var proxied6 = Watch("wan", "fd00:2::99", "fd00:2::41");
        (OwnerWatch Watch, Func<FirewallNode, Port> Port)[] all =
        [
            (real4, n => n.Lan),
            (real6, n => n.Lan),
            (proxied4, n => n.Wan),
            (proxied6, n => n.Wan),
        ];
        int[] Answers(FirewallNode node) => [.. all.Select(a => a.Watch.Answers(a.Port(node)))];
        void AwaitAnswers(FirewallNode node, int more = 0) =>
            Deadline
                .In(10)
                .Await(
                    $"{node.Name} answers",
                    () => Answers(node).All(n => n >= more + EnoughAnswers),
                    () => string.Join(", ", Answers(node))
                );

        AwaitAnswers(first);
        first.Freeze();
        AwaitAnswers(second);
        Assert.True(client.Pings(Topology.LanVip) && client.Pings(Topology.LanVip6));
        RealMacTests.AwaitKnown(client, second);
        using var learned = LabProcess.Start(client, "ip monitor", Path.Combine(lab.Directory, "neigh.log"), "ip", "monitor", "neigh");
        var tries = 10;
        bool Sees()
        {
            client.Ip($"neigh replace 10.0.0.98 lladdr 02:00:00:00:00:{tries++} dev lan0");
            return learned.Lines.Any(l => l.Contains("10.0.0.98", StringComparison.Ordinal));
        }

        Deadline.In(5).Await("the monitor runs", Sees);
        // Its kernel has the addresses still, and would ask for others with them.
        Assert.True(first.HasLanAddress);
        first.Place.Execute("ip", "neigh", "flush", "dev", "lan0");
        first.Place.TryExecute("ping", "-n", "-c", "1", "-W", "1", "-I", Topology.LanVip6, Topology.ClientAddress6);
        first.Place.TryExecute("arping", "-c", "1", "-w", "1", "-I", "lan0", "-U", "-s", Topology.LanVip, Topology.LanVip);
        client.Ip("neigh replace 10.0.0.97 lladdr 02:00:00:00:00:97 dev lan0");
        Deadline.In(5).Await("the monitor is done", () => learned.Lines.Any(l => l.Contains("10.0.0.97", StringComparison.Ordinal)));
        Assert.DoesNotContain(
            learned.Lines,
            l =>
                l.Contains(RealMacTests.Mac(first), StringComparison.Ordinal)
                && (
                    l.StartsWith($"{Topology.LanVip} ", StringComparison.Ordinal)
                    || l.StartsWith($"{Topology.LanVip6} ", StringComparison.Ordinal)
                )
        );
        first.Thaw(); // it finds questions that came while its lease lived
        first.WaitForState(VipState.Backup, Deadline.In(10));
        AwaitAnswers(second, Answers(second).Max());

        foreach (var (watch, port) in all)
        {
            var result = watch.Stop();
            Assert.True(result is { TwoOwners: [], Dropped: 0, NotSent: 0 }, result.ToString());
            Assert.True(result.Of(port(first))!.Last < result.Of(port(second))!.First, result.ToString());
        }
        Assert.All(first.Status().Addresses, a => Assert.Equal("standby", a.State));
    }
}
