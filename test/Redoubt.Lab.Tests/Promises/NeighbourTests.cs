using Redoubt.Core;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>
/// Neighbours know the virtual MAC for a virtual address and the real MAC for the node's own address, at all times: the node's
/// kernel, which has both on one cable, must not mix them up when it asks or answers.
/// </summary>
public sealed class NeighbourTests
{
    private static readonly TimeSpan _span = TimeSpan.FromSeconds(3); // entries go stale after 250 to 750 ms

    [Fact]
    public void Neighbours_keep_the_virtual_MAC_for_the_virtual_address_and_the_real_MAC_for_the_nodes_own_under_traffic_of_both_sides()
    {
        using var pair = new Pair(prepare: ForgetQuickly);
        var fw1 = pair.First;
        Expectation[] expected = [.. Expect(pair)];
        Observe(pair, expected);

        // Its own addresses go and come back, as when an administrator or a DHCP client works on the device. In between it has
        // no way to the network.
        fw1.Place.Ip($"addr del {Topology.LanAddress(1)}/24 dev lan0", $"addr del {Topology.LanAddress6(1)}/64 dev lan0");
        fw1.Place.Ip($"addr add {Topology.LanAddress(1)}/24 dev lan0", $"addr add {Topology.LanAddress6(1)}/64 dev lan0 nodad");
        Observe(pair, expected);
        Assert.Equal(Redoubt.Control.VipState.Master, fw1.State(Topology.LanVhid));
    }

    [Fact]
    public void A_neighbour_of_a_node_that_answers_with_its_real_MAC_too_is_seen_to_learn_it()
    {
        using var pair = new Pair(prepare: ForgetQuickly);
        var (fw1, observer) = (pair.First, pair.Topology.Observer);
        Assert.True(observer.Pings(Topology.LanVip));
        Assert.Equal(MacAddress.Virtual(Topology.LanVhid), Neighbours.Known(observer, "lan0", Topology.LanVip));
        fw1.Freeze(); // it would repair the setting; its lease lives for a while yet
        fw1.Place.SetSysctl("ipv4/conf/lan0/arp_ignore", 0);
        // Whichever of the two answers comes last stays.
        Deadline
            .In(1.5)
            .Await(
                "the observer learns the real MAC",
                () =>
                {
                    observer.TryExecute("ip", "neigh", "flush", "dev", "lan0");
                    observer.TryExecute("ping", "-n", "-q", "-c", "1", "-W", "1", Topology.LanVip);
                    return Neighbours.Known(observer, "lan0", Topology.LanVip) == Pair.Device(fw1.Place, "lan0").Mac;
                },
                () => $"{Neighbours.Known(observer, "lan0", Topology.LanVip)}"
            );
    }

    private static void ForgetQuickly(Topology topology)
    {
        foreach (var (place, device) in new[] { (topology.Client, "lan0"), (topology.Observer, "lan0"), (topology.Server, "wan0") })
        {
            foreach (var family in new[] { "ipv4", "ipv6" })
            {
                place.SetSysctl($"{family}/neigh/{device}/base_reachable_time_ms", 500);
                place.SetSysctl($"{family}/neigh/{device}/delay_first_probe_time", 0);
            }
        }
    }

    // Virtual and own addresses of fw1 as the client, the observer and the server know them.
    private static IEnumerable<Expectation> Expect(Pair pair)
    {
        var (topology, node) = (pair.Topology, pair.First.Place);
        var (lan, wan) = (Pair.Device(node, "lan0").Mac, Pair.Device(node, "wan0").Mac);
        foreach (var place in new[] { topology.Client, topology.Observer })
        {
            yield return new(place, "lan0", Topology.LanVip, MacAddress.Virtual(Topology.LanVhid));
            yield return new(place, "lan0", Topology.LanVip6, MacAddress.Virtual(Topology.LanVhid));
            yield return new(place, "lan0", Topology.LanAddress(1), lan);
            yield return new(place, "lan0", Topology.LanAddress6(1), lan);
        }
        yield return new(topology.Server, "wan0", Topology.WanVip, MacAddress.Virtual(Topology.WanVhid));
        yield return new(topology.Server, "wan0", Topology.WanVip6, MacAddress.Virtual(Topology.WanVhid));
        yield return new(topology.Server, "wan0", Topology.WanAddress(1), wan);
        yield return new(topology.Server, "wan0", Topology.WanAddress6(1), wan);
    }

    // Pings in both directions all the while, and after each round a look into the neighbours' tables.
    private static void Observe(Pair pair, Expectation[] expected)
    {
        var node = pair.First;
        var deadline = new Deadline(_span);
        var rounds = 0;
        var seen = new int[expected.Length];
        string[] hosts =
        [
            Topology.ClientAddress,
            Topology.ClientAddress6,
            Topology.ObserverLanAddress,
            Topology.ServerAddress,
            Topology.ServerAddress6,
        ];
        var ways = expected.Select(e => (e.Place, e.Address)).Concat(hosts.Select(h => (node.Place, h)));
        using var traffic = new PingTraffic(pair.Lab, ways);
        while (!deadline.HasPassed)
        {
            rounds++;
            for (var i = 0; i < expected.Length; i++)
            {
                var known = Neighbours.Known(expected[i].Place, expected[i].Device, expected[i].Address);
                if (known is null)
                    continue; // not asked yet
                Assert.True(known == expected[i].Mac, $"{expected[i]}: it knows {known} in round {rounds}");
                seen[i]++;
            }
        }
        for (var i = 0; i < expected.Length; i++)
            Assert.True(seen[i] > rounds / 2, $"{expected[i]}: known in {seen[i]} of {rounds} rounds");
    }

    private sealed record Expectation(Place Place, string Device, string Address, MacAddress Mac);
}
