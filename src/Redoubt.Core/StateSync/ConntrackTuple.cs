namespace Redoubt.Core.StateSync;

/// <summary>
/// One direction of a tracked connection as nf_conntrack keys it (kernel: struct nf_conntrack_tuple). Ports are host
/// numbers here and big endian on the wire. For ICMP and ICMPv6 <see cref="SourcePort"/> is the identifier and
/// <see cref="DestinationPort"/> is type * 256 + code. For GRE the ports are the keys, for protocols without ports 0.
/// </summary>
public readonly record struct ConntrackTuple
{
    /// <summary>Address family number of Linux: 2 (IPv4) or 10 (IPv6).</summary>
    public byte Family { get; init; }

    /// <summary>IP protocol number.</summary>
    public byte Protocol { get; init; }

    /// <summary>Conntrack zone, 0 by default.</summary>
    public ushort Zone { get; init; }

    /// <summary>Source port, ICMP identifier or GRE key.</summary>
    public ushort SourcePort { get; init; }

    /// <summary>Destination port, ICMP type * 256 + code, or GRE key.</summary>
    public ushort DestinationPort { get; init; }

    /// <summary>Source address.</summary>
    public IpAddressValue Source { get; init; }

    /// <summary>Destination address.</summary>
    public IpAddressValue Destination { get; init; }
}
