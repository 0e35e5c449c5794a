using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Tests.Addresses;

/// <summary>Virtual addresses at the MAC of the node that holds them.</summary>
public sealed class RealMacTests : IDisposable
{
    internal static readonly RedoubtOptions Options = new()
    {
        StateSync = false,
        RedoubtXml = "<failover><preempt>never</preempt></failover><vip><member>lan@1</member><member>wan@2</member><mac>real</mac></vip>",
    };

    private readonly LabCluster _lab = LabSession.Build(new LabOptions { Nodes = [Options, Options] });

    private RedoubtNode First => _lab.Redoubt(1);

    private RedoubtNode Second => _lab.Redoubt(2);

    public void Dispose() => _lab.Dispose();

    private void Start()
    {
        _lab.StartAll();
        First.WaitForState(VipState.Master, Deadline.In(20));
        Second.WaitForState(VipState.Backup, Deadline.In(20));
    }

    internal static string Mac(RedoubtNode node) => Pair.Device(node.Place, "lan0").Mac.ToString();

    private static string[] Known(Place place) =>
        [
            .. new[] { Topology.LanVip, Topology.LanVip6 }
                .Select(a => place.Execute("ip", "neigh", "show", "to", a, "dev", "lan0").Split(' '))
                .Select(words => Array.IndexOf(words, "lladdr") is >= 0 and var at ? words[at + 1] : "nobody"),
        ];

    internal static void AwaitKnown(Place place, RedoubtNode owner) =>
        Deadline
            .In(5)
            .Await(
                $"{place} knows {owner.Name}'s MAC",
                () => Known(place).All(m => m == Mac(owner)),
                () => $"{string.Join(' ', Known(place))} and not {Mac(owner)}"
            );

    private static string Addresses(RedoubtNode node) =>
        string.Join(
            '\n',
            node.Place.Execute("ip", "-o", "addr").Split('\n').Select(l => l.Split("valid_lft")[0].TrimEnd()).Order(StringComparer.Ordinal)
        );

    [Fact(Explicit = true)]
    public void The_addresses_are_at_the_holders_own_MAC_follow_it_and_leave_nothing_behind()
    {
        var before = Addresses(First);
        Start();
        var client = _lab.Topology.Client;
        Assert.Equal(["real", "real"], First.Status().Carp.Vips.Select(v => v.Mac));
        Assert.DoesNotContain("macvlan", First.Place.Execute("ip", "-d", "link"), StringComparison.Ordinal);
        foreach (var address in (string[])[Topology.LanVip, Topology.LanVip6, Topology.ServerAddress, Topology.ServerAddress6])
            Assert.True(client.Pings(address), address);
        AwaitKnown(client, First);
        // An address of ours goes with the node's own in the same network, unless the device is told otherwise, and is set again.
        First.Place.Ip($"addr del {Topology.LanAddress(1)}/24 dev lan0", $"addr del {Topology.LanVip}/24 dev lan0");
        First.Place.Ip($"addr add {Topology.LanAddress(1)}/24 dev lan0");
        Deadline.In(5).Await("it is there again", () => First.HasLanAddress);

        Assert.True(First.Ask(new ControlRequest { Verb = ControlVerb.Failover, Force = true }).Ok);
        Second.WaitForState(VipState.Master, Deadline.In(5));
        AwaitKnown(client, Second); // it was told: it has asked nobody
        foreach (var address in (string[])[Topology.LanVip, Topology.LanVip6, Topology.ServerAddress, Topology.ServerAddress6])
            Assert.True(client.Pings(address), address);
        Deadline.In(5).Await("fw1 has them no more", () => Addresses(First) == before, () => Addresses(First));

        // A killed one leaves them; with a virtual MAC from now on they are no more to be on the device itself.
        Second.Kill9();
        Assert.True(Second.HasLanAddress);
        File.WriteAllText(
            Second.ConfigFile,
            File.ReadAllText(Second.ConfigFile).Replace("<mac>virtual</mac>", "<mac>virtual</mac>", StringComparison.Ordinal)
        );
        Second.Start();
        Deadline
            .In(10)
            .Await(
                "fw2's device has them no more",
                () => !Second.Place.Execute("ip", "addr", "show", "dev", "lan0").Contains($"{Topology.LanVip}/", StringComparison.Ordinal)
            );
    }

    [Fact(Explicit = true)]
    public void A_planned_hand_over_and_the_way_back_lose_nothing()
    {
        NodeOptions node = Options with
        {
            StateSync = true,
            RedoubtXml = "<vip><member>lan@1</member><member>wan@2</member><mac>real</mac></vip>",
        };
        using var lab = LabSession.Build(new LabOptions { Nodes = [node, node] });
        lab.StartAll();
        var (first, second) = (lab.Redoubt(1), lab.Redoubt(2));
        first.WaitForState(VipState.Master, Deadline.In(20));
        Deadline
            .In(15)
            .Await(
                "states are in sync",
                () =>
                    lab.RedoubtNodes.All(n =>
                        n.Status().StateSync.Peers is { Count: > 0 } all && all.All(p => p is { Alive: true, InSync: true })
                    )
            );
        using var echo = new UdpEcho(lab.Topology.Server.Namespace, new IPEndPoint(IPAddress.Parse(Topology.ServerAddress), 0));
        using var probe = new UdpProbe(lab.Topology.Client.Namespace, echo.EndPoint);
        Deadline.In(5).Await("echoes", () => probe.Received > 500);

        foreach (var (back, to) in new[] { (false, second), (true, first) })
        {
            probe.Mark($"to {to.Name}");
            Assert.True(first.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = back }).Ok);
            to.WaitForState(VipState.Master, Deadline.In(5));
            var before = probe.Received;
            Deadline.In(5).Await("echoes by the other node", () => probe.Received > before + 1_000); // beyond the drain time
        }

        var result = probe.Stop();
        TestContext.Current.TestOutputHelper?.WriteLine($"{result}: {string.Join("; ", result.Gaps)}; {string.Join("; ", result.Marks)}");
        Assert.Equal(0, result.Lost);
    }
}
