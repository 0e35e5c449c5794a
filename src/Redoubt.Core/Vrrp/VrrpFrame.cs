using Redoubt.Core.Carp;

namespace Redoubt.Core.Vrrp;

/// <summary>Whole Ethernet frames with a VRRP advertisement in them.</summary>
public static class VrrpFrame
{
    /// <summary>The longest frame: an Ethernet frame with a full payload.</summary>
    public const int MaxLength = CarpFrame.EthernetLength + 1500;

    /// <summary>Type of service: internetwork control (RFC 791), as keepalived sends it.</summary>
    public const byte InternetworkControl = 0xc0;

    /// <summary>Writes an advertisement of <paramref name="host"/> and returns the frame's length. Like keepalived's, it may be fragmented on IPv4.</summary>
    public static int Write(
        Span<byte> frame,
        VrrpVirtualHost host,
        byte priority,
        MacAddress sourceMac,
        IpAddressValue source,
        IpAddressValue destination,
        MacAddress destinationMac,
        ushort identification
    )
    {
        var ipv6 = host.Options.IsIPv6;
        var header = CarpFrame.EthernetLength + (ipv6 ? CarpFrame.IPv6Length : CarpFrame.IPv4Length);
        var length = host.WriteMessage(frame[header..], priority, source, destination);
        CarpFrame.WriteEthernet(frame, destinationMac, sourceMac, ipv6 ? CarpFrame.TypeIPv6 : CarpFrame.TypeIPv4);
        var packet = frame[CarpFrame.EthernetLength..];
        if (ipv6)
            CarpFrame.WriteIPv6(packet, InternetworkControl, length, CarpAdvertisement.Protocol, source, destination);
        else
            CarpFrame.WriteIPv4(
                packet,
                InternetworkControl,
                identification,
                length,
                CarpAdvertisement.Protocol,
                source,
                destination,
                mayFragment: true
            );
        return header + length;
    }
}
