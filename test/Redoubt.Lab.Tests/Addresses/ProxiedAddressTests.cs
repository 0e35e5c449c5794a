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
    private const int EnoughAnswers = 40;
    private const string Routed = "198.51.100.7";

    private static string Vip(string mode, string on, string rest) => $"<vip><mode>{mode}</mode><interface>{on}</interface>{rest}</vip>";

    private static string Network(string address, int bits) =>
        $"<type>network</type><subnet>{address}</subnet><subnet_bits>{bits}</subnet_bits>";

    private static string ToClient(string external) =>
        $"<onetoone><external>{external}</external><interface>wan</interface><source><address>{Topology.ClientAddress}</address></source><destination><any/></destination></onetoone>";

    private static void Insert(RedoubtNode node, string section, string xml) =>
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
        using var lab = LabSession.Build(new LabOptions { Nodes = [new RedoubtOptions { StateSync = false }] });
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
        var virtualMac = MacAddress.Virtual(Topology.WanVhid).ToString();
        Assert.Equal(
            [virtualMac, virtualMac, "nobody", "nobody"],
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

    [Fact]
    public void A_frozen_master_answers_no_more_for_proxied_addresses_and_never_do_two()
    {
        NodeOptions options = new RedoubtOptions { StateSync = false, RedoubtXml = "<failover><preempt>never</preempt></failover>" };
        using var lab = LabSession.Build(new LabOptions { Nodes = [options, options] });
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        foreach (var node in lab.RedoubtNodes)
            Insert(
                node,
                "virtualip",
                Vip("proxyarp", "lan", Network("10.0.0.40", 30)) + Vip("proxyarp", "lan", Network("fd00:1::40", 126))
            );
        lab.StartAll();
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(20));
        Assert.All(fw2.Status().Addresses, a => Assert.Equal("standby", a.State));
        var observer = lab.Topology.Port("observer.lan");
        using var watch = new OwnerWatch(lab.Topology, observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse("10.0.0.41"));
        using var watch6 = new OwnerWatch(lab.Topology, observer, IPAddress.Parse("fd00:1::99"), IPAddress.Parse("fd00:1::41"));
        void AwaitAnswers(Port port, int more = 0) =>
            Deadline
                .In(10)
                .Await(
                    $"{port.Name} answers",
                    () => watch.Answers(port) >= more + EnoughAnswers && watch6.Answers(port) >= more + EnoughAnswers,
                    () => $"{watch.Answers(port)}, {watch6.Answers(port)}"
                );

        AwaitAnswers(fw1.Lan);
        fw1.Freeze();
        AwaitAnswers(fw2.Lan);
        fw1.Thaw(); // it finds questions that came while its lease lived
        fw1.WaitForState(VipState.Backup, Deadline.In(10));
        AwaitAnswers(fw2.Lan, Math.Max(watch.Answers(fw2.Lan), watch6.Answers(fw2.Lan)));

        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
        {
            Assert.True(result is { TwoOwners: [], Dropped: 0, NotSent: 0 }, result.ToString());
            Assert.True(result.Of(fw1.Lan)!.Last < result.Of(fw2.Lan)!.First, result.ToString());
        }
        Assert.All(fw1.Status().Addresses, a => Assert.Equal("standby", a.State));
    }
}
