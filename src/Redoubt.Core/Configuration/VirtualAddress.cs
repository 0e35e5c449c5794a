using System.Collections.Immutable;
using Redoubt.Core.Vrrp;

namespace Redoubt.Core.Configuration;

/// <summary>virtualip/vip/mode.</summary>
public enum VirtualAddressMode
{
    /// <summary>Held by the master of a vhid.</summary>
    Carp,

    /// <summary>An additional address; on a CARP address it moves with that vhid.</summary>
    IpAlias,

    /// <summary>Addresses that nobody has: the node answers the link's questions for them, so that packets come here to be translated.</summary>
    ProxyArp,

    /// <summary>Addresses that others route here: nothing to do for them, rules of translation may name them.</summary>
    Other,
}

/// <summary>The election protocol of a vhid.</summary>
public enum VirtualRouterProtocol
{
    /// <summary>CARP, as pfSense speaks it.</summary>
    Carp,

    /// <summary>VRRP version 3 (RFC 9568).</summary>
    Vrrp3,

    /// <summary>VRRP version 2 (RFC 3768), IPv4 only.</summary>
    Vrrp2,
}

/// <summary>One entry of <c>virtualip/vip</c>.</summary>
public sealed record VirtualAddress
{
    /// <summary>What kind of address it is.</summary>
    public required VirtualAddressMode Mode { get; init; }

    /// <summary>Logical name of the interface; for an alias on a CARP address that address's interface; "lo0" for the loopback.</summary>
    public required string Interface { get; init; }

    /// <summary>For an alias on a CARP address (interface <c>_vip…</c>) the uniqid of that address, else null.</summary>
    public string? ParentUniqId { get; init; }

    /// <summary>1..255; of the parent for a stacked alias; 0 for everything that is in no election.</summary>
    public byte Vhid { get; init; }

    /// <summary>Seconds between advertisements, 1..255.</summary>
    public byte AdvBase { get; init; } = 1;

    /// <summary>1/256 seconds added to the interval, 0..254.</summary>
    public byte AdvSkew { get; init; }

    /// <summary>The key of the advertisements' digest; empty unless <see cref="Mode"/> is CARP.</summary>
    public Secret Password { get; init; }

    /// <summary>The address and its prefix length as written.</summary>
    public required AddressPrefix Prefix { get; init; }

    /// <summary>proxyarp, other: all addresses that the entry stands for; of the other modes <see cref="Prefix"/>'s address.</summary>
    public required AddressRange Range { get; init; }

    /// <summary>The address alone.</summary>
    public IpAddressValue Address => Prefix.Address;

    /// <summary>The family.</summary>
    public bool IsIPv6 => Prefix.IsIPv6;

    /// <summary>Bits of the prefix.</summary>
    public int PrefixLength => Prefix.Length;

    /// <summary>Text for people, or empty.</summary>
    public string Description { get; init; } = "";

    /// <summary>Thirteen hexadecimal digits in pfSense's files; other sections refer to it as <c>_vip…</c>; may be empty.</summary>
    public string UniqId { get; init; } = "";

    /// <summary>From <c>redoubt/vip</c>.</summary>
    public VirtualRouterProtocol Protocol { get; init; }

    /// <summary>From <c>redoubt/vip/mac</c>: the address is answered with the device's own MAC.</summary>
    public bool UsesRealMac { get; init; }

    /// <summary>From <c>redoubt/vip/peer</c>: advertisements go to these addresses and not to the multicast group.</summary>
    public ImmutableArray<AddressPrefix> UnicastPeers { get; init; } = [];

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}

/// <summary>One vhid on one interface: what the election runs. Its CARP entries agree on everything but the address.</summary>
public sealed record VirtualHostConfiguration
{
    /// <summary>Logical name of the interface.</summary>
    public required string Interface { get; init; }

    /// <summary>Kernel's name of the device.</summary>
    public required string Device { get; init; }

    /// <summary>1..255.</summary>
    public required byte Vhid { get; init; }

    /// <summary>Seconds between advertisements, 1..255.</summary>
    public byte AdvBase { get; init; } = 1;

    /// <summary>1/256 seconds added to the interval, 0..254.</summary>
    public byte AdvSkew { get; init; }

    /// <summary>The key of the digest.</summary>
    public Secret Password { get; init; }

    /// <summary>
    /// Every address that moves with the vhid: CARP addresses and the aliases stacked on them, in the order of the file.
    /// FreeBSD's digest covers them all, so both nodes must have the same set.
    /// </summary>
    public ImmutableArray<AddressPrefix> Addresses { get; init; } = [];

    /// <summary>CARP: the addresses before the change that a reload brought, where they differ; for a while their digest counts, too.</summary>
    public ImmutableArray<AddressPrefix> FormerAddresses { get; init; } = [];

    /// <summary>The election protocol.</summary>
    public VirtualRouterProtocol Protocol { get; init; }

    /// <summary>The addresses are answered with the device's own MAC.</summary>
    public bool UsesRealMac { get; init; }

    /// <summary>Receivers of the advertisements; empty: the multicast group.</summary>
    public ImmutableArray<AddressPrefix> UnicastPeers { get; init; } = [];

    /// <summary>VRRP: 1..255. Where the file names none, 254 − <see cref="AdvSkew"/>, so that a smaller skew is better in either protocol.</summary>
    public byte Priority { get; init; }

    /// <summary>VRRP: time between advertisements. Where the file names none, <see cref="AdvBase"/> seconds.</summary>
    public TimeSpan Interval { get; init; }

    /// <summary>VRRP version 3 on IPv4: what the checksum covers.</summary>
    public VrrpChecksum Checksum { get; init; }

    /// <summary>
    /// Accept_Mode of RFC 5798, section 6.1: whether the master takes packets to the addresses as its own. The owner of the addresses (priority 255) always does.
    /// </summary>
    public bool Accepts { get; init; } = true;

    /// <summary>VRRP for IPv6, which has virtual MACs of its own.</summary>
    public bool IsVrrp6 => Protocol == VirtualRouterProtocol.Vrrp3 && Addresses is [{ IsIPv6: true }, ..];

    /// <summary>The options of VRRP's election; only where <see cref="Protocol"/> is not CARP.</summary>
    public VrrpHostOptions VrrpOptions() =>
        new()
        {
            Vrid = Vhid,
            Version = (byte)(Protocol == VirtualRouterProtocol.Vrrp2 ? 2 : 3),
            IsIPv6 = Addresses[0].IsIPv6,
            Priority = Priority,
            Interval = Interval,
            Addresses = [.. Addresses.Select(a => a.Address)],
            Checksum = Checksum,
            Password = Protocol == VirtualRouterProtocol.Vrrp2 ? Password.Text ?? "" : "",
            Peers = [.. UnicastPeers.Where(p => p.IsIPv6 == Addresses[0].IsIPv6).Select(p => p.Address)],
        };

    /// <summary>The name by which <c>redoubt</c> refers to it: "lan@1".</summary>
    public string Member => FormattableString.Invariant($"{Interface}@{Vhid}");
}
