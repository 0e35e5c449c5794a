using System.Buffers.Binary;

namespace Redoubt.Core.Carp;

/// <summary>Whole frames that tell hosts and switches where an address now lives (carp.md section 8).</summary>
public static class Announcement
{
    /// <summary>Bytes of a gratuitous ARP frame.</summary>
    public const int ArpLength = CarpFrame.EthernetLength + 28;

    /// <summary>Bytes of an unsolicited neighbour advertisement frame.</summary>
    public const int NeighbourAdvertisementLength = CarpFrame.EthernetLength + CarpFrame.IPv6Length + IcmpLength;

    private const int IcmpLength = 32;
    private const byte IcmpV6 = 58;
    private const byte NeighbourAdvertisement = 136;
    private const byte OverrideFlag = 0x20;
    private const byte RouterFlag = 0x80;
    private static readonly IpAddressValue _allNodes = new(0xff02_0000_0000_0000, 1);
    private static readonly MacAddress _allNodesMac = new(0x3333_0000_0001);

    /// <summary>
    /// Writes a gratuitous ARP for an IPv4 address and returns its length: sender and target address are the address itself.
    /// The request form has a zero target MAC; the reply form carries <paramref name="mac"/> there, for hosts that only learn from replies.
    /// </summary>
    public static int WriteArp(Span<byte> frame, MacAddress mac, IpAddressValue address, bool reply) =>
        WriteArp(frame, mac, address, reply, reply ? mac : default);

    /// <summary>As the other overload, with a target MAC of choice: keepalived fills in ff:ff:ff:ff:ff:ff, ucarp its own.</summary>
    public static int WriteArp(Span<byte> frame, MacAddress mac, IpAddressValue address, bool reply, MacAddress targetMac)
    {
        CarpFrame.WriteEthernet(frame, MacAddress.Broadcast, mac, CarpFrame.TypeArp);
        var arp = frame.Slice(CarpFrame.EthernetLength, 28);
        BinaryPrimitives.WriteUInt16BigEndian(arp, 1);
        BinaryPrimitives.WriteUInt16BigEndian(arp[2..], CarpFrame.TypeIPv4);
        arp[4] = MacAddress.Length;
        arp[5] = 4;
        BinaryPrimitives.WriteUInt16BigEndian(arp[6..], (ushort)(reply ? 2 : 1));
        mac.Write(arp[8..]);
        address.Write(arp.Slice(14, 4));
        targetMac.Write(arp[18..]);
        address.Write(arp.Slice(24, 4));
        return ArpLength;
    }

    /// <summary>
    /// Writes an unsolicited neighbour advertisement for an IPv6 address, to ff02::1, override flag, with the target's link-layer
    /// address, and returns its length. <paramref name="router"/> sets the router flag, which a forwarding node must keep.
    /// </summary>
    public static int WriteNeighbourAdvertisement(
        Span<byte> frame,
        MacAddress mac,
        IpAddressValue address,
        IpAddressValue source,
        bool router = false
    )
    {
        CarpFrame.WriteEthernet(frame, _allNodesMac, mac, CarpFrame.TypeIPv6);
        CarpFrame.WriteIPv6(frame[CarpFrame.EthernetLength..], 0, IcmpLength, IcmpV6, source, _allNodes);
        var icmp = frame.Slice(CarpFrame.EthernetLength + CarpFrame.IPv6Length, IcmpLength);
        icmp.Clear();
        icmp[0] = NeighbourAdvertisement;
        icmp[4] = (byte)(router ? OverrideFlag | RouterFlag : OverrideFlag);
        address.Write(icmp.Slice(8, 16));
        icmp[24] = 2;
        icmp[25] = 1;
        mac.Write(icmp[26..]);
        var sum = InternetChecksum.PseudoHeader(ipv6: true, source, _allNodes, IcmpLength, IcmpV6);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Add(sum, icmp)));
        return NeighbourAdvertisementLength;
    }
}
