using System.Net;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.ConfigSync;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Addresses;

/// <summary>Addresses that nobody has and the firewall answers for, and such that are routed to it.</summary>
public sealed class ProxiedAddressTests
{
    private const string Routed = "198.51.100.7";

    internal static string Vip(string mode, string on, string rest) => $"<vip><mode>{mode}</mode><interface>{on}</interface>{rest}</vip>";

    internal static string Network(string address, int bits) =>
        $"<type>network</type><subnet>{address}</subnet><subnet_bits>{bits}</subnet_bits>";

    private static string ToClient(string external) =>
        $"<onetoone><external>{external}</external><interface>wan</interface><source><address>{Topology.ClientAddress}</address></source><destination><any/></destination></onetoone>";

    internal static void Insert(RedoubtNode node, string section, string xml) =>
        File.WriteAllText(
            node.ConfigFile,
            File.ReadAllText(node.ConfigFile).Replace($"</{section}>", $"{xml}</{section}>", StringComparison.Ordinal)
        );

    private static string States(RedoubtNode node) =>
        string.Join("; ", node.Status().Addresses.Select(a => $"{a.Address} {a.Device ?? "-"} {a.State}"));

    // Who has them, as a host learns it; all are asked for at once, because who gets no answer waits for a second.
    private static string[] Learned(Place place, params IReadOnlyList<string> addresses)
    {
        place.TryExecute("sh", "-c", $"for a in {string.Join(' ', addresses)}; do ping -n -c 1 -W 1 $a & done; wait");
        return
        [
            .. addresses
                .Select(a => place.Execute("ip", "neigh", "show", "to", a).Split(' '))
                .Select(words => Array.IndexOf(words, "lladdr") is >= 0 and var at ? words[at + 1] : "nobody"),
        ];
    }

    [Fact]
    public void Proxied_and_routed_addresses_reach_a_host_by_translation_and_others_are_left_alone()
    {
        using var lab = LabSession.Build(
            new LabOptions { Nodes = [new RedoubtOptions { StateSync = false, RedoubtXml = StandingAddressTests.QuickElection }] }
        );
        var (fw1, server, observer) = (lab.Redoubt(1), lab.Topology.Server, lab.Topology.Observer);
        lab.Topology.SyncSegment.Attach(observer, "sync0", "10.77.3.60/24");
        server.Ip($"route add {Routed} via {Topology.WanVip}");
        Insert(
            fw1,
            "virtualip",
            Vip("proxyarp", "wan", Network("203.0.113.40", 30))
                + Vip("proxyarp", "wan", "<type>single</type><subnet>fd00:2::40</subnet><subnet_bits>64</subnet_bits>")
                + Vip("proxyarp", "wan", Network("203.0.113.100", 31)) // the server is in it, by mistake
                + Vip("proxyarp", "opt1", "<range><from>10.77.3.40</from><to>10.77.3.42</to></range>")
                + Vip("other", "wan", Network("198.51.100.0", 28))
        );
        Insert(fw1, "nat", ToClient("203.0.113.41") + ToClient(Routed));
        fw1.Start();
        fw1.WaitForState(VipState.Master, Deadline.In(20));

        Assert.Equal(
            "203.0.113.40/30 wan0 answered; fd00:2::40 wan0 answered; 203.0.113.100/31 wan0 answered; 10.77.3.40-10.77.3.42 sync0 answered; 198.51.100.0/28 - translation",
            States(fw1)
        );
        Assert.True(server.Pings("203.0.113.41"));
        Assert.True(server.Pings(Routed));
        var (mac4, mac6) = ($"{MacAddress.Virtual(Topology.WanVhid)}", $"{MacAddress.VirtualVrrp6(Topology.WanVhid)}");
        Assert.Equal(
            [mac4, mac6, "nobody", "nobody"],
            Learned(server, "203.0.113.43", "fd00:2::40", "203.0.113.44", "fd00:2::41") // the first ones are translated to nobody
        );
        // Without a vhid, with the node's own MAC.
        var own = Pair.Device(fw1.Place, "sync0").Mac.ToString();
        Assert.Equal(["nobody", own, own, "nobody"], Learned(observer, "10.77.3.39", "10.77.3.40", "10.77.3.42", "10.77.3.43"));
        Assert.True(fw1.Status().Addresses[0].Answers > 0);
        Assert.Null(fw1.Status().Addresses[4].Answers);

        var since = fw1.Status().Carp.Vips.Select(v => v.Since).ToList();
        Configured.MustEdit(
            fw1,
            root => root.WithPath("virtualip", v => v!.WithChildren([.. v.Children.Where(c => c.Value("mode") != "proxyarp")]))
        );
        server.Execute("ip", "neigh", "flush", "dev", "wan0");
        Assert.False(server.Pings("203.0.113.41", 1));
        Assert.Equal("198.51.100.0/28 - translation", States(fw1));
        Assert.Equal(since, fw1.Status().Carp.Vips.Select(v => v.Since));
    }
}
