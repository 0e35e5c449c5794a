using Redoubt.Core;

namespace Redoubt.Linux.Links;

/// <summary>One route of the kernel.</summary>
public readonly record struct RouteInfo
{
    /// <summary>The destination's network address.</summary>
    public IpAddressValue Network { get; init; }

    /// <summary>Its family.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>Bits of the network.</summary>
    public int PrefixLength { get; init; }

    /// <summary>The next hop; null where there is none.</summary>
    public IpAddressValue? Gateway { get; init; }

    /// <summary>Index of the device; 0 where there is none.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>rtm_protocol: who set it.</summary>
    public byte Protocol { get; init; }

    /// <summary>RTN_BLACKHOLE: packets are dropped.</summary>
    public bool IsBlackhole { get; init; }

    /// <summary>The table; 254 is the main one.</summary>
    public uint Table { get; init; }

    /// <summary>Set by this product as a static route, not as the connected route of a virtual address.</summary>
    public bool IsOurStatic => Protocol == RouteMessage.Protocol && Table == RouteMessage.MainTable && (Gateway is not null || IsBlackhole);

    /// <summary>Set by this product as the connected route of a virtual address.</summary>
    public bool IsOurConnected => Protocol == RouteMessage.Protocol && Table == RouteMessage.MainTable && Gateway is null && !IsBlackhole;
}
