using System.Buffers.Binary;
using Redoubt.Core.Carp;

namespace Redoubt.Core.Heartbeat;

/// <summary>
/// Whole Ethernet frames with a heartbeat in them, for interfaces with vhids: UDP to CARP's multicast group, hop limit 1. They are made here and not by a
/// UDP socket so that the egress hook, and nothing before it, decides whether they leave.
/// </summary>
public static class HeartbeatFrame
{
    /// <summary>The longest frame.</summary>
    public const int MaxLength = CarpFrame.EthernetLength + CarpFrame.IPv6Length + UdpLength + HeartbeatLimits.MaxLength;

    private const int UdpLength = 8;
    private const byte Udp = 17;

    /// <summary>Where the message has to stand in the frame before <see cref="Write"/>.</summary>
    public static int MessageOffset(bool ipv6) =>
        CarpFrame.EthernetLength + (ipv6 ? CarpFrame.IPv6Length : CarpFrame.IPv4Length) + UdpLength;

    /// <summary>Puts the headers before a message of that length at <see cref="MessageOffset"/>; returns the frame's length.</summary>
    public static int Write(
        Span<byte> frame,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue source,
        int messageLength,
        ushort identification
    )
    {
        var length = UdpLength + messageLength;
        var (group, mac) = ipv6 ? (CarpFrame.GroupIPv6, CarpFrame.GroupMacIPv6) : (CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4);
        CarpFrame.WriteEthernet(frame, mac, sourceMac, ipv6 ? CarpFrame.TypeIPv6 : CarpFrame.TypeIPv4);
        var packet = frame[CarpFrame.EthernetLength..];
        var header = ipv6 ? CarpFrame.IPv6Length : CarpFrame.IPv4Length;
        if (ipv6)
            CarpFrame.WriteIPv6(packet, CarpFrame.LowDelay, length, Udp, source, group, hopLimit: 1);
        else
            CarpFrame.WriteIPv4(packet, CarpFrame.LowDelay, identification, length, Udp, source, group, ttl: 1);
        var datagram = packet.Slice(header, length);
        BinaryPrimitives.WriteUInt16BigEndian(datagram, HeartbeatLimits.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], HeartbeatLimits.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], 0);
        var sum = InternetChecksum.Finish(InternetChecksum.Add(InternetChecksum.PseudoHeader(ipv6, source, group, length, Udp), datagram));
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], sum == 0 ? (ushort)0xffff : sum);
        return CarpFrame.EthernetLength + header + length;
    }
}
