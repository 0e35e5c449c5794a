namespace Redoubt.Core.Configuration;

/// <summary>
/// One entry of <c>interfaces</c>. The addresses are those that somebody else (networkd, ifupdown) has set on this node;
/// they are read for rules and checks only and never configured.
/// </summary>
public sealed record InterfaceConfiguration
{
    /// <summary>The logical name that all other sections use: lan, wan, opt1.</summary>
    public required string Name { get; init; }

    /// <summary>The kernel's name of the device, at most 15 characters.</summary>
    public required string Device { get; init; }

    /// <summary>The name for people; the logical name in capitals when the file gives none.</summary>
    public string Description { get; init; } = "";

    /// <summary>ipaddr/subnet when static; null for dhcp, pppoe or none.</summary>
    public AddressPrefix? IPv4 { get; init; }

    /// <summary>ipaddrv6/subnetv6 when static; null for dhcp6, slaac, track6 or none.</summary>
    public AddressPrefix? IPv6 { get; init; }

    /// <summary>Leads to the Internet, so automatic outbound NAT applies: named wan, or has a gateway, or gets its address by dhcp or pppoe.</summary>
    public bool IsWan { get; init; }

    /// <summary>blockpriv: private source addresses are refused.</summary>
    public bool BlockPrivate { get; init; }

    /// <summary>blockbogons: source addresses that nobody can have are refused.</summary>
    public bool BlockBogons { get; init; }

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}
