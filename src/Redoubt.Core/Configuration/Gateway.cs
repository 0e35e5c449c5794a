using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>gateways/gateway_item.</summary>
/// <param name="Name">What rules and groups call it.</param>
/// <param name="Interface">Logical name of the interface it is reached by.</param>
/// <param name="Address">Its address; null where it is learnt (dynamic).</param>
/// <param name="IsIPv6">Its family.</param>
/// <param name="Weight">Share among gateways of one tier, 1..30.</param>
/// <param name="IsDisabled">Switched off.</param>
public sealed record Gateway(string Name, string Interface, AddressPrefix? Address, bool IsIPv6, int Weight, bool IsDisabled);

/// <summary>gateways/gateway_group: gateways in tiers; a later tier is used when no gateway of an earlier one is left.</summary>
/// <param name="Name">What rules call it.</param>
/// <param name="Members">Tier, 1..5, and name of a gateway.</param>
public sealed record GatewayGroup(string Name, ImmutableArray<(int Tier, string Gateway)> Members);

/// <summary>The section gateways, as far as rules refer to it.</summary>
/// <param name="Items">The gateways.</param>
/// <param name="Groups">The groups.</param>
public sealed record GatewayTable(ImmutableArray<Gateway> Items, ImmutableArray<GatewayGroup> Groups)
{
    /// <summary>No gateways.</summary>
    public static GatewayTable Empty { get; } = new([], []);

    /// <summary>Whether a gateway or group has that name.</summary>
    public bool Knows(string name) => Items.Any(g => g.Name == name) || Groups.Any(g => g.Name == name);

    /// <summary>
    /// The number by which connections remember it: its place among gateways, then groups, from 1. The same on every node with the same
    /// section, because marks are replicated. 0: unknown, or beyond 255.
    /// </summary>
    public int Id(string name)
    {
        var names = Items.Select(g => g.Name).Concat(Groups.Select(g => g.Name)).ToList();
        var id = names.IndexOf(name) + 1;
        return id <= ConfigurationLimits.PolicyRoutes ? id : 0;
    }

    /// <summary>The usable gateways behind a name with their tiers, best first; empty where there is none.</summary>
    public ImmutableArray<(int Tier, Gateway Gateway)> Resolve(string name)
    {
        var members = Groups.FirstOrDefault(g => g.Name == name)?.Members ?? [(1, name)];
        return
        [
            .. members
                .Select(m => (m.Tier, Gateway: Items.FirstOrDefault(g => g.Name == m.Gateway)!))
                .Where(m => m.Gateway is { Address: not null, IsDisabled: false })
                .OrderBy(m => m.Tier),
        ];
    }
}
