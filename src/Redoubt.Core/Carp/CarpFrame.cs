using System.Buffers.Binary;

namespace Redoubt.Core.Carp;

/// <summary>Whole Ethernet frames with an advertisement in them.</summary>
public static class CarpFrame
{
    /// <summary>The longest frame: Ethernet, IPv6, advertisement.</summary>
    public const int MaxLength = EthernetLength + IPv6Length + CarpAdvertisement.Length;

    /// <summary>Type of service of an advertisement: low delay (RFC 1349), as BSD has sent it from the beginning.</summary>
    public const byte LowDelay = 0x10;

    internal const int EthernetLength = 14;
    internal const int IPv4Length = 20;
    internal const int IPv6Length = 40;
    internal const ushort TypeIPv4 = 0x0800;
    internal const ushort TypeArp = 0x0806;
    internal const ushort TypeIPv6 = 0x86dd;
    private const ushort DoNotFragment = 0x4000;

    /// <summary>224.0.0.18.</summary>
    public static readonly IpAddressValue GroupIPv4 = new(0, 0xe000_0012);

    /// <summary>ff02::12.</summary>
    public static readonly IpAddressValue GroupIPv6 = new(0xff02_0000_0000_0000, 0x12);

    /// <summary>01:00:5e:00:00:12, the Ethernet address of 224.0.0.18.</summary>
    public static readonly MacAddress GroupMacIPv4 = new(0x0100_5e00_0012);

    /// <summary>33:33:00:00:00:12, the Ethernet address of ff02::12.</summary>
    public static readonly MacAddress GroupMacIPv6 = new(0x3333_0000_0012);

    /// <summary>
    /// Writes the next advertisement of <paramref name="host"/> as a frame and returns its length. The host takes one counter
    /// value and remembers the source. <paramref name="identification"/> is the IPv4 id; where null, the counter's low bits.
    /// </summary>
    public static int Write(
        Span<byte> frame,
        CarpVirtualHost host,
        bool ipv6,
        MacAddress sourceMac,
        IpAddressValue sourceAddress,
        IpAddressValue destination,
        MacAddress destinationMac,
        byte advBase,
        byte advSkew,
        byte demotion,
        byte trafficClass = LowDelay,
        ushort? identification = null
    )
    {
        var header = EthernetLength + (ipv6 ? IPv6Length : IPv4Length);
        var payload = frame.Slice(header, CarpAdvertisement.Length);
        host.WriteAdvertisement(payload, ipv6, advBase, advSkew, demotion);
        host.SentFrom(ipv6, sourceAddress);
        WriteEthernet(frame, destinationMac, sourceMac, ipv6 ? TypeIPv6 : TypeIPv4);
        var packet = frame[EthernetLength..];
        if (ipv6)
        {
            WriteIPv6(packet, trafficClass, CarpAdvertisement.Length, CarpAdvertisement.Protocol, sourceAddress, destination);
        }
        else
        {
            var id = identification ?? BinaryPrimitives.ReadUInt16BigEndian(payload[14..]);
            WriteIPv4(packet, trafficClass, id, CarpAdvertisement.Length, CarpAdvertisement.Protocol, sourceAddress, destination);
        }
        return header + CarpAdvertisement.Length;
    }

    internal static void WriteEthernet(Span<byte> frame, MacAddress destination, MacAddress source, ushort type)
    {
        destination.Write(frame);
        source.Write(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], type);
    }

    internal static void WriteIPv6(
        Span<byte> packet,
        byte trafficClass,
        int length,
        byte next,
        IpAddressValue source,
        IpAddressValue destination,
        byte hopLimit = 255
    )
    {
        BinaryPrimitives.WriteUInt32BigEndian(packet, 0x6000_0000u | ((uint)trafficClass << 20));
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)length);
        packet[6] = next;
        packet[7] = hopLimit;
        source.Write(packet.Slice(8, 16));
        destination.Write(packet.Slice(24, 16));
    }

    internal static void WriteIPv4(
        Span<byte> packet,
        byte tos,
        ushort id,
        int length,
        byte protocol,
        IpAddressValue source,
        IpAddressValue destination,
        byte ttl = 255,
        bool mayFragment = false
    )
    {
        packet[0] = 0x45;
        packet[1] = tos;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(IPv4Length + length));
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], id);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], mayFragment ? (ushort)0 : DoNotFragment);
        packet[8] = ttl;
        packet[9] = protocol;
        packet[10] = 0;
        packet[11] = 0;
        source.Write(packet.Slice(12, 4));
        destination.Write(packet.Slice(16, 4));
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Of(packet[..IPv4Length]));
    }
}
