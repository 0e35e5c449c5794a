using Redoubt.Core;

namespace Redoubt.Linux.Links;

/// <summary>What rtnetlink tells of a network device.</summary>
public readonly record struct LinkInfo
{
    /// <summary>Interface index.</summary>
    public int Index { get; init; }

    /// <summary>Name.</summary>
    public string Name { get; init; }

    /// <summary>IFLA_LINK: the index of the device below (of a macvlan: its parent), 0 where there is none.</summary>
    public int ParentIndex { get; init; }

    /// <summary>IFF_UP: switched on by the administrator.</summary>
    public bool IsUp { get; init; }

    /// <summary>IFF_RUNNING: on and with carrier.</summary>
    public bool IsRunning { get; init; }

    /// <summary>Bytes of payload a frame takes.</summary>
    public int Mtu { get; init; }

    /// <summary>Hardware address; 0 for devices without one of 6 bytes.</summary>
    public MacAddress Mac { get; init; }

    /// <summary>IFLA_INFO_KIND ("macvlan", "veth", "bridge"), empty for hardware.</summary>
    public string Kind { get; init; }

    /// <summary>IFLA_MACVLAN_MODE of a macvlan: 1 private, 2 vepa, 4 bridge (if_link.h); 0 of other devices.</summary>
    public uint MacvlanMode { get; init; }
}

/// <summary>One address of a device.</summary>
public readonly record struct AddressInfo
{
    /// <summary>Index of its device.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>The address.</summary>
    public IpAddressValue Address { get; init; }

    /// <summary>Its family.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>Bits of the network.</summary>
    public int PrefixLength { get; init; }

    /// <summary>Scope: 0 global, 253 link, 254 host (rtnetlink's RT_SCOPE_*).</summary>
    public byte Scope { get; init; }

    /// <summary>IFA_PROTO: who set it; 0 where the kernel does not tell.</summary>
    public byte Protocol { get; init; }

    /// <summary>IFA_FLAGS (IFA_F_*).</summary>
    public uint Flags { get; init; }

    /// <summary>IFA_F_TENTATIVE or IFA_F_DADFAILED: not usable.</summary>
    public bool IsTentative => (Flags & (0x40 | 0x08)) != 0;

    /// <summary>IPv4, IFA_F_SECONDARY: the device has had another address of the same network before.</summary>
    public bool IsSecondary => !IsIPv6 && (Flags & 0x01) != 0;

    /// <summary>IFA_F_DADFAILED: another host on the link has it.</summary>
    public bool IsDuplicate => (Flags & 0x08) != 0;

    /// <summary>fe80::/10.</summary>
    public bool IsLinkLocal => IsIPv6 && Address.High >> 54 == 0x3fa;
}
