using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.ConfigSync;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Addresses;

/// <summary>Aliases: on an interface and on the loopback device always, on a vhid with its master.</summary>
public sealed class StandingAddressTests : IDisposable
{
    internal const string QuickElection =
        "<vip><member>lan@1</member><member>wan@2</member><protocol>vrrp3</protocol><interval>20</interval></vip>";

    private const string OnLan = "10.0.9.1";
    private const string OnLan6 = "fd00:9::1";
    private const string OnLoopback = "10.99.0.1";
    private const string SomebodyElses = "10.99.0.2";
    private const string OnVhid = "10.0.0.9";

    private readonly LabCluster _lab = LabSession.Build(
        new LabOptions { Nodes = [new RedoubtOptions { StateSync = false, RedoubtXml = QuickElection }] }
    );

    private RedoubtNode Node => _lab.Redoubt(1);

    public void Dispose() => _lab.Dispose();

    private static string Alias(string on, string address, int bits) =>
        $"<vip><mode>ipalias</mode><interface>{on}</interface><subnet>{address}</subnet><subnet_bits>{bits}</subnet_bits></vip>";

    private static readonly string _onLan = Alias("lan", OnLan, 24);
    private static readonly string _onLan6 = Alias("lan", OnLan6, 64);
    private static readonly string _onLoopback = Alias("lo0", OnLoopback, 24);

    private void Edit(string old, string text) =>
        File.WriteAllText(Node.ConfigFile, File.ReadAllText(Node.ConfigFile).Replace(old, text, StringComparison.Ordinal));

    private string Addresses => Node.Place.Execute("ip", "-o", "addr");

    private string States => string.Join("; ", Node.Status().Addresses.Select(a => $"{a.Address} {a.Device} {a.State}"));

    [Fact]
    public void Aliases_stand_in_every_role_and_change_without_a_failover_and_one_on_a_vhid_goes_with_it()
    {
        Edit("</virtualip>", $"{Alias("_viplab0", OnVhid, 24)}</virtualip>");
        Node.Start();
        Node.WaitForState(VipState.Master, Deadline.In(20));
        var since = Node.Status().Carp.Vips.Select(v => v.Since).ToList();
        var client = _lab.Topology.Client;
        client.Ip("addr add 10.0.9.50/24 dev lan0", "addr add fd00:9::50/64 dev lan0 nodad");
        Node.Place.Ip($"addr add {SomebodyElses}/32 dev lo");

        Configured.MustEdit(
            Node,
            root =>
                ((string[])[_onLan, _onLan6, _onLoopback, Alias("lo0", SomebodyElses, 32)]).Aggregate(
                    root,
                    (r, vip) => Configured.Add(r, "virtualip", vip)
                )
        );
        Assert.Equal("10.0.9.1/24 lan0 held; fd00:9::1/64 lan0 held; 10.99.0.1/32 lo held; 10.99.0.2/32 lo held", States);
        foreach (var address in (string[])[OnLan, OnLan6, OnLoopback, OnVhid])
            Assert.True(client.Pings(address), address);
        Assert.Equal(since, Node.Status().Carp.Vips.Select(v => v.Since));

        Assert.True(Node.Ask(new ControlRequest { Verb = ControlVerb.Carp, On = false }).Ok);
        Deadline.In(5).Await("the vhid's addresses are away", () => !Node.HasLanAddress);
        Assert.False(Node.Place.HasAddress(OnVhid));
        Assert.False(client.Pings(OnVhid, 1));
        client.Ip($"route add {OnLoopback} via {OnLan}");
        foreach (var address in (string[])[OnLan, OnLan6, OnLoopback])
            Assert.True(client.Pings(address), address);

        Configured.MustEdit(
            Node,
            root =>
                root.WithPath(
                    "virtualip",
                    v =>
                        v!.WithChildren([
                            .. v.Children.Where(c => c.Value("interface") is not ("lan" or "lo0") || c.Value("mode") != "ipalias"),
                        ])
                )
        );
        Assert.Empty(Node.Status().Addresses);
        Assert.False(Node.Place.HasAddress(OnLan));
        Assert.False(Node.Place.HasAddress(OnLoopback));
        Assert.True(Node.Place.HasAddress(SomebodyElses));
    }

    [Fact]
    public void A_killed_daemons_aliases_are_taken_over_or_removed_and_a_stopped_one_leaves_none()
    {
        var before = Addresses;
        Edit("</virtualip>", $"{_onLan}{_onLan6}{_onLoopback}</virtualip>");
        Node.Start();
        Deadline
            .In(5)
            .Await("all are held", () => States == "10.0.9.1/24 lan0 held; fd00:9::1/64 lan0 held; 10.99.0.1/32 lo held", () => States);
        Node.Kill9();
        Assert.True(Node.Place.HasAddress(OnLan));
        // Somebody else's address in a network of ours: the kernel would remove it together with ours.
        Node.Place.Ip("addr add 10.0.9.77/24 dev lan0");
        Edit(_onLan, "");
        Edit(_onLoopback, "");

        Node.Start();

        Deadline.In(5).Await("what fits is held", () => States == "fd00:9::1/64 lan0 held", () => States);
        Assert.False(Node.Place.HasAddress(OnLan));
        Assert.False(Node.Place.HasAddress(OnLoopback));
        Assert.True(Node.Place.HasAddress("10.0.9.77"));

        Node.Place.Ip("addr del 10.0.9.77/24 dev lan0");
        Assert.True(Node.Stop());
        Assert.Equal(Plain(before), Plain(Addresses));
    }

    [Fact(Explicit = true)] // it looks every five seconds
    public void An_alias_that_somebody_deletes_is_set_again()
    {
        Edit("</virtualip>", $"{_onLan6}</virtualip>");
        Node.Start();
        Deadline.In(5).Await("it is held", () => States == "fd00:9::1/64 lan0 held", () => States);
        Node.Place.Ip($"addr del {OnLan6}/64 dev lan0");
        Assert.Equal("fd00:9::1/64 lan0 missing", States);

        Deadline.In(10).Await("it is there again", () => Node.Place.HasAddress(OnLan6));
        Assert.Equal("fd00:9::1/64 lan0 held", States);
    }

    private static string Plain(string addresses) =>
        string.Join('\n', addresses.Split('\n').Select(l => l.Split("valid_lft")[0].TrimEnd()).Order(StringComparer.Ordinal));
}
