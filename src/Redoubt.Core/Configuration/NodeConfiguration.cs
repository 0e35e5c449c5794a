using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>A configuration file, validated: what the operator asked, as an immutable value.</summary>
public sealed record NodeConfiguration
{
    /// <summary>system/hostname; "firewall" when the file names none.</summary>
    public string Hostname { get; init; } = "firewall";

    /// <summary>system/domain, or empty.</summary>
    public string Domain { get; init; } = "";

    /// <summary>virtualip_carp_maintenancemode: persistent CARP maintenance mode.</summary>
    public bool MaintenanceMode { get; init; }

    /// <summary>The interfaces, in the order of the file.</summary>
    public ImmutableArray<InterfaceConfiguration> Interfaces { get; init; } = [];

    /// <summary>The virtual addresses of all modes, in the order of the file.</summary>
    public ImmutableArray<VirtualAddress> VirtualAddresses { get; init; } = [];

    /// <summary>The election's view: one entry per interface and vhid, with all its addresses; in the order of the file.</summary>
    public ImmutableArray<VirtualHostConfiguration> VirtualHosts { get; init; } = [];

    /// <summary>State and configuration synchronisation as pfSense writes it.</summary>
    public HaSync HaSync { get; init; } = new();

    /// <summary>What stands under <c>redoubt</c>, with defaults filled in.</summary>
    public RedoubtSettings Redoubt { get; init; } = new();

    /// <summary>The filter rules that can be applied, in the order of the file. Rules that can not are warnings of the result.</summary>
    public ImmutableArray<FilterRule> FilterRules { get; init; } = [];

    /// <summary>The aliases that applied rules use, by name.</summary>
    public ImmutableDictionary<string, AliasContent> Aliases { get; init; } = ImmutableDictionary<string, AliasContent>.Empty;

    /// <summary>Schedules, in the order of the file.</summary>
    public ImmutableArray<Schedule> Schedules { get; init; } = [];

    /// <summary>Gateways and their groups.</summary>
    public GatewayTable Gateways { get; init; } = GatewayTable.Empty;

    /// <summary>What other sections say about the firewall as a whole.</summary>
    public FirewallSettings Firewall { get; init; } = new();

    /// <summary>Address translation.</summary>
    public NatConfiguration Nat { get; init; } = new();

    /// <summary>The interface of that logical name (lan, wan, opt1), or null.</summary>
    public InterfaceConfiguration? Interface(string name) => Interfaces.FirstOrDefault(i => i.Name == name);

    /// <summary>This configuration, to be put in the place of another: vhids whose addresses change remember the former ones.</summary>
    public NodeConfiguration After(NodeConfiguration before) =>
        this with
        {
            VirtualHosts =
            [
                .. VirtualHosts.Select(host =>
                    host.Protocol == VirtualRouterProtocol.Carp
                    && before.VirtualHosts.FirstOrDefault(h => h.Member == host.Member && h.Protocol == host.Protocol) is { } former
                    && !former.Addresses.Select(a => a.Host).ToHashSet().SetEquals(host.Addresses.Select(a => a.Host))
                        ? host with
                        {
                            FormerAddresses = former.Addresses,
                        }
                        : host
                ),
            ],
        };
}
