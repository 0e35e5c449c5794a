using System.Text.RegularExpressions;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Addresses;

/// <summary>Two nodes, one public address, and none of their own on that side.</summary>
public sealed partial class SingleAddressTests
{
    private const string Far = "198.51.100.9"; // behind the server

    [Theory]
    [InlineData("real", false)]
    [InlineData("real", true, Explicit = true)]
    [InlineData("virtual", true, Explicit = true)]
    public void The_network_is_reached_by_who_holds_the_address_and_by_nobody_else(string mac, bool andTheRest)
    {
        var options = new RedoubtOptions
        {
            StateSync = false,
            RedoubtXml = $"<vip><member>wan@2</member><mac>{mac}</mac></vip>",
            ExtraXml =
                $"<gateways><gateway_item><interface>wan</interface><gateway>{Topology.ServerAddress}</gateway><name>FAR</name></gateway_item></gateways>"
                + "<staticroutes><route><network>198.51.100.0/24</network><gateway>FAR</gateway></route></staticroutes>",
        };
        using var lab = LabSession.Build(new LabOptions { Nodes = [options, options] });
        var (first, second, client) = (lab.Redoubt(1), lab.Redoubt(2), lab.Topology.Client);
        lab.Topology.Server.Ip($"addr add {Far}/32 dev lo");
        foreach (var node in lab.RedoubtNodes)
        {
            node.Place.Ip("addr flush dev wan0 scope global");
            var text = File.ReadAllText(node.ConfigFile);
            File.WriteAllText(node.ConfigFile, OwnOnWan().Replace(text, "<if>wan0</if></wan>"));
        }
        lab.StartAll();
        first.WaitForState(VipState.Master, Deadline.In(20));
        second.WaitForState(VipState.Backup, Deadline.In(20));

        AssertReaches(client);
        Assert.Equal((true, true, false, false), (Route(first), Route6(first), Route(second), Route6(second)));
        Assert.All(lab.RedoubtNodes, n => Assert.DoesNotContain(n.Status().Reasons, r => r.Contains("route", StringComparison.Ordinal)));

        Assert.True(first.Ask(new ControlRequest { Verb = ControlVerb.Failover, Force = true }).Ok);
        second.WaitForState(VipState.Master, Deadline.In(5));
        AssertReaches(client);
        Deadline.In(5).Await("fw1 has the routes no more", () => !Route(first) && !Route6(first));

        if (!andTheRest)
            return;
        // A killed one leaves them; the next one does not believe them.
        second.Kill9();
        Assert.True(Route(second));
        first.WaitForState(VipState.Master, Deadline.In(10));
        second.Start();
        second.WaitForState(VipState.Backup, Deadline.In(10));
        Assert.Equal((true, true, false, false), (Route(first), Route6(first), Route(second), Route6(second)));
        AssertReaches(client);
        // With an address of its own it needs none of ours; beside the virtual one on the same device as soon as that one is away.
        first.Place.Ip($"addr add {Topology.WanAddress(1)}/24 dev wan0");
        AssertReaches(client);
        Assert.True(first.Ask(new ControlRequest { Verb = ControlVerb.Carp, On = false }).Ok);
        second.WaitForState(VipState.Master, Deadline.In(10));
        AssertReaches(client);
        Deadline
            .In(5)
            .Await(
                "the kernel's own route alone",
                () => !Route(first) && Routes(first, "203.0.113.0/24").Contains("proto 2", StringComparison.Ordinal)
            );
    }

    private static void AssertReaches(Place client)
    {
        foreach (var address in (string[])[Topology.ServerAddress, Topology.ServerAddress6, Far])
            Assert.True(client.Pings(address), address);
    }

    private static string Routes(FirewallNode node, string network) =>
        node.Place.Execute("ip", network.Contains(':', StringComparison.Ordinal) ? "-6" : "-4", "-N", "route", "show", network);

    private static bool Route(FirewallNode node) => Routes(node, "203.0.113.0/24").Contains("proto 82", StringComparison.Ordinal);

    private static bool Route6(FirewallNode node) => Routes(node, "fd00:2::/64").Contains("proto 82", StringComparison.Ordinal);

    [GeneratedRegex("<if>wan0</if>.*?</wan>", RegexOptions.Singleline)]
    private static partial Regex OwnOnWan();
}
