using Redoubt.Core.Carp;

namespace Redoubt.Core.Failover;

/// <summary>
/// A packet that takes an advertisement's way out of a node and goes to the node itself: same device, family, protocol and group. Switches drop the frame: its
/// destination is where it came from. Its TTL is 1, so that nobody takes it for an advertisement wherever it should be heard all the same.
/// </summary>
public static class SendProbe
{
    private const byte Ttl = 1;

    /// <summary>The longest frame.</summary>
    public const int MaxLength = CarpFrame.MaxLength;

    /// <summary>Writes the frame and returns its length.</summary>
    public static int Write(Span<byte> frame, bool ipv6, MacAddress own, IpAddressValue source)
    {
        var header = CarpFrame.EthernetLength + (ipv6 ? CarpFrame.IPv6Length : CarpFrame.IPv4Length);
        var length = header + CarpAdvertisement.Length;
        frame[..length].Clear();
        CarpFrame.WriteEthernet(frame, own, own, ipv6 ? CarpFrame.TypeIPv6 : CarpFrame.TypeIPv4);
        var packet = frame[CarpFrame.EthernetLength..];
        if (ipv6)
            CarpFrame.WriteIPv6(
                packet,
                CarpFrame.LowDelay,
                CarpAdvertisement.Length,
                CarpAdvertisement.Protocol,
                source,
                CarpFrame.GroupIPv6,
                Ttl
            );
        else
            CarpFrame.WriteIPv4(
                packet,
                CarpFrame.LowDelay,
                0,
                CarpAdvertisement.Length,
                CarpAdvertisement.Protocol,
                source,
                CarpFrame.GroupIPv4,
                Ttl
            );
        "redoubt probe"u8.CopyTo(frame[header..]);
        return length;
    }
}
