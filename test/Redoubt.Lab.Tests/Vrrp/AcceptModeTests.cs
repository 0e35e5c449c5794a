using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.ConfigSync;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Vrrp;

/// <summary>A master that forwards for the virtual addresses and is not reached at them.</summary>
public sealed class AcceptModeTests
{
    [Fact(Explicit = true)]
    public void A_master_without_accept_mode_forwards_and_translates_but_is_not_reached_at_the_virtual_addresses()
    {
        var node = new RedoubtOptions
        {
            StateSync = false,
            RedoubtXml =
                "<vip><member>lan@1</member><member>wan@2</member><protocol>vrrp3</protocol><interval>20</interval><accept>no</accept></vip>",
        };
        using var lab = LabSession.Build(new LabOptions { Nodes = [node] });
        lab.StartAll();
        var (fw1, client) = (lab.Redoubt(1), lab.Topology.Client);
        Deadline
            .In(15)
            .Await("it is master of all", () => fw1.Status().Carp.Vips is { Count: 4 } all && all.All(v => v.State == VipState.Master));

        // What comes back to the translated client is addressed to the virtual address as well.
        Assert.True(client.Pings(Topology.ServerAddress));
        Assert.True(client.Pings(Topology.ServerAddress6));
        Assert.True(client.Pings(Topology.LanAddress(1)), "its own addresses are its own");
        Assert.False(client.Pings(Topology.LanVip, 2));
        Assert.False(client.Pings(Topology.LanVip6, 2));
        var neighbours = client.Execute("ip", "neigh", "show", "dev", "lan0");
        Assert.Contains($"{Topology.LanVip} lladdr {MacAddress.Virtual(Topology.LanVhid)}", neighbours, StringComparison.Ordinal);
        Assert.Contains($"{Topology.LanVip6} lladdr {MacAddress.VirtualVrrp6(Topology.LanVhid)}", neighbours, StringComparison.Ordinal);
        Assert.Contains(
            "counter unaccepted",
            fw1.Place.Execute("nft", "list", "counters", "table", "inet", "redoubt"),
            StringComparison.Ordinal
        );

        var since = fw1.Status().Carp.Vips.Select(v => v.Since).ToList();
        Configured.MustEdit(fw1, root => root.WithPath("redoubt/vip/accept", _ => ConfigNode.Leaf("accept", "yes")));

        Assert.True(client.Pings(Topology.LanVip));
        Assert.True(client.Pings(Topology.LanVip6));
        Assert.Equal(since, fw1.Status().Carp.Vips.Select(v => v.Since));
    }
}
