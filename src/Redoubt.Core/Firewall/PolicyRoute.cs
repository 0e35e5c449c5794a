using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>One next hop of a policy route.</summary>
/// <param name="Tier">1 is used first; a later tier when no hop of an earlier one is left.</param>
/// <param name="Gateway">Its address.</param>
/// <param name="Device">The kernel's name of the device it is reached by.</param>
/// <param name="Weight">Share among hops of its tier.</param>
public sealed record PolicyHop(int Tier, AddressPrefix Gateway, string Device, int Weight);

/// <summary>
/// A routing table for connections that a rule sends to a gateway: a rule "fwmark Mark/RoutingMask lookup Table" and, in that table, a default route
/// for each tier, with the tier as its metric. Where none of them is left, the main table decides.
/// </summary>
/// <param name="Name">The gateway's or group's name, for people.</param>
/// <param name="Mark">What the packet's mark is under <see cref="FlowMark.RoutingMask"/>.</param>
/// <param name="Table">Number of the routing table, and priority of the rule.</param>
/// <param name="IsIPv6">The family.</param>
/// <param name="Hops">Next hops, best first.</param>
public sealed record PolicyRoute(string Name, uint Mark, int Table, bool IsIPv6, ImmutableArray<PolicyHop> Hops)
{
    /// <summary>Number of the first table: 0x5200 ("R"), plus the gateway's number.</summary>
    public const int FirstTable = 0x5200;

    /// <summary>The routes of the gateways that the given rules use.</summary>
    internal static ImmutableArray<PolicyRoute> Of(NodeConfiguration configuration, IEnumerable<string> names)
    {
        var routes = ImmutableArray.CreateBuilder<PolicyRoute>();
        foreach (var name in names.Distinct().OrderBy(configuration.Gateways.Id))
        {
            var id = configuration.Gateways.Id(name);
            var hops = configuration
                .Gateways.Resolve(name)
                .Select(m => new PolicyHop(
                    m.Tier,
                    m.Gateway.Address!.Value,
                    configuration.Interface(m.Gateway.Interface)!.Device,
                    m.Gateway.Weight
                ));
            foreach (var family in hops.GroupBy(h => h.Gateway.IsIPv6))
                routes.Add(new PolicyRoute(name, (uint)id << FlowMark.GatewayShift, FirstTable + id, family.Key, [.. family]));
        }
        return routes.ToImmutable();
    }

    /// <inheritdoc />
    public bool Equals(PolicyRoute? other) =>
        other is not null
        && (Name, Mark, Table, IsIPv6) == (other.Name, other.Mark, other.Table, other.IsIPv6)
        && Hops.SequenceEqual(other.Hops);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Mark, Table, IsIPv6, Hops.Length);
}
