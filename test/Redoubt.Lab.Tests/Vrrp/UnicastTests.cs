using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Vrrp;

/// <summary>Nodes that advertise to each other's addresses, where multicast is filtered.</summary>
public sealed class UnicastTests
{
    private const string Carp = "<protocol>carp</protocol>";
    private const string FastVrrp = "<protocol>vrrp3</protocol><interval>20</interval>";

    private const string NoGroup = """
        table netdev nogroup {
            chain in {
                type filter hook ingress devices = { lan0, wan0 } priority -500;
                ether daddr { 01:00:5e:00:00:12, 33:33:00:00:00:12 } drop
            }
        }

        """;

    [Theory]
    [InlineData(Carp, false, Explicit = true)]
    [InlineData(Carp, true, Explicit = true)]
    [InlineData(FastVrrp, true)]
    public void Unicast_nodes_elect_one_master_and_one_without_a_peer_keeps_its_addresses(string protocol, bool ipv6)
    {
        using var lab = LabSession.Build(
            new LabOptions { IPv6 = ipv6, Nodes = [Node(protocol, ipv6, peer: 2), Node(protocol, ipv6, peer: 1)] }
        );
        var (first, second) = (lab.Redoubt(1), lab.Redoubt(2));
        foreach (var node in new[] { first, second }) // nothing of the group reaches anybody
            node.Place.Nft(NoGroup);
        lab.StartAll();
        first.WaitForState(VipState.Master, Deadline.In(20));
        second.WaitForState(VipState.Backup, Deadline.In(20));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));

        first.Crash();
        second.WaitForState(VipState.Master, Deadline.In(20));
        // Nobody answers its questions for the peer's MAC, and its lease lives on all the same: longer than one lease without the frame to itself.
        var since = second.Status().Carp.Vips[0].Since;
        var sent = second.Status().Carp.Counters[0].Sent;
        Deadline.In(20).Await("advertisements without a peer", () => second.Status().Carp.Counters[0].Sent > sent + 10, () => "few");
        Assert.Equal(since, second.Status().Carp.Vips[0].Since);
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));

        first.Heal();
        first.WaitForState(VipState.Master, Deadline.In(20));
        second.WaitForState(VipState.Backup, Deadline.In(20));
    }

    [Fact(Explicit = true)]
    public void A_node_that_is_not_in_the_peers_list_is_not_heard()
    {
        using var lab = LabSession.Build(
            new LabOptions { IPv6 = false, Nodes = [Node(FastVrrp, false, peer: 2), Node(FastVrrp, false, peer: 9)] }
        );
        var (first, second) = (lab.Redoubt(1), lab.Redoubt(2));
        lab.StartAll();
        first.WaitForState(VipState.Master, Deadline.In(20));
        second.WaitForState(VipState.Master, Deadline.In(20));
        Deadline
            .In(10)
            .Await(
                "the stranger is counted",
                () => second.Status().Carp.Counters.First(c => c.Interface == "lan").Outcomes["vrrp-badpeer"] > 3,
                () => "not"
            );
    }

    private static RedoubtOptions Node(string protocol, bool ipv6, int peer)
    {
        string Peers(string ipv4, string six) => $"<peer>{ipv4}</peer>" + (ipv6 ? $"<peer>{six}</peer>" : "");
        return new RedoubtOptions
        {
            StateSync = false,
            RedoubtXml =
                "<failover><profile>carp</profile></failover>" // no heartbeats: advertisements alone decide
                + $"<vip><member>lan@1</member>{protocol}{Peers(Topology.LanAddress(peer), Topology.LanAddress6(peer))}</vip>"
                + $"<vip><member>wan@2</member>{protocol}{Peers(Topology.WanAddress(peer), Topology.WanAddress6(peer))}</vip>",
        };
    }
}
