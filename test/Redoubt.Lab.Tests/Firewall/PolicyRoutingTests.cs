using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Links;

namespace Redoubt.Lab.Tests.Firewall;

/// <summary>Routing rules and tables against what iproute2 then sees.</summary>
public sealed class PolicyRoutingTests : IDisposable
{
    private readonly ConntrackNamespace _node = new();

    public PolicyRoutingTests()
    {
        foreach (var (device, address) in new[] { ("a0", "192.0.2.1/24"), ("b0", "198.51.100.1/24") })
        {
            _node.Shell("ip", $"link add {device} type veth peer name {device}p");
            _node.Shell("ip", $"address add {address} dev {device}");
            _node.Shell("ip", $"link set {device}p up");
            _node.Shell("ip", $"link set {device} up");
        }
    }

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Tables_follow_what_is_wanted_and_nothing_is_left_behind()
    {
        var one = Route(1, Hop(1, "192.0.2.9", "a0", 1));
        var group = Route(2, Hop(1, "192.0.2.9", "a0", 2), Hop(1, "198.51.100.9", "b0", 1), Hop(2, "198.51.100.8", "b0", 1));

        Assert.Empty(Apply(one, group));
        Assert.Empty(Apply(one, group));
        var rules = _node.Shell("ip", "-N rule show");
        Assert.Contains("20993:\tfrom all fwmark 0x10000/0xffff0000 lookup 20993", rules, StringComparison.Ordinal);
        Assert.Contains("20994:\tfrom all fwmark 0x20000/0xffff0000 lookup 20994", rules, StringComparison.Ordinal);
        Assert.Contains("default via 192.0.2.9 dev a0", _node.Shell("ip", "route show table 20993"), StringComparison.Ordinal);
        var tiers = _node.Shell("ip", "route show table 20994");
        Assert.Contains("nexthop via 192.0.2.9 dev a0 weight 2", tiers, StringComparison.Ordinal);
        Assert.Contains("default via 198.51.100.8 dev b0", tiers, StringComparison.Ordinal);

        Assert.Empty(Apply(group));
        Assert.DoesNotContain("20993", _node.Shell("ip", "-N rule show"), StringComparison.Ordinal);
        Assert.DoesNotContain("table 20993", _node.Shell("ip", "route show table all"), StringComparison.Ordinal);
        Assert.Contains("table 20994", _node.Shell("ip", "route show table all"), StringComparison.Ordinal);

        Assert.Empty(Apply());
        Assert.DoesNotContain("2099", _node.Shell("ip", "-N rule show"), StringComparison.Ordinal);
        Assert.DoesNotContain("table 20994", _node.Shell("ip", "route show table all"), StringComparison.Ordinal);
    }

    [Fact]
    public void Routing_rules_of_others_stay_and_a_gateway_nobody_reaches_is_told()
    {
        _node.Shell("ip", "rule add fwmark 0x30000/0xffff0000 lookup 20995 priority 20995");

        var failures = Apply(Route(1, Hop(1, "203.0.113.9", "a0", 1)));

        Assert.Contains("route by gateway g1", Assert.Single(failures), StringComparison.Ordinal);
        Assert.Empty(Apply());
        Assert.Contains("20995", _node.Shell("ip", "-N rule show"), StringComparison.Ordinal);
    }

    private IReadOnlyList<string> Apply(params PolicyRoute[] routes)
    {
        IReadOnlyList<string> failures = [];
        _node.Run(() => failures = PolicyRouting.Apply(routes));
        return failures;
    }

    private static PolicyRoute Route(int id, params PolicyHop[] hops) =>
        new($"g{id}", (uint)id << FlowMark.GatewayShift, PolicyRoute.FirstTable + id, false, [.. hops]);

    private static PolicyHop Hop(int tier, string gateway, string device, int weight)
    {
        Assert.True(AddressPrefix.TryParse(gateway, out var address));
        return new PolicyHop(tier, address, device, weight);
    }
}
