using System.Buffers.Binary;
using Redoubt.Core.Carp;

namespace Redoubt.Core.Neighbours;

/// <summary>What a frame has its hearers believe: an address is at a MAC.</summary>
/// <param name="Address">The address.</param>
/// <param name="IsIPv6">Its family.</param>
/// <param name="Mac">Where it is said to be.</param>
/// <remarks><code>
/// ARP   14 htype=1 | 16 ptype=0800 | 18 hlen=6 | 19 plen=4 | 20 oper | 22 sender MAC | 28 sender IP | 32 target MAC | 38 target IP
/// IPv6  14 version | 18 length | 20 next=58 | 21 hops=255 | 22 source | 38 destination
/// NS    54 type=135 | 62 target | 78 options: type | length in units of 8 | ...    claims its source address
/// NA    54 type=136 | 62 target | 78 options                                       claims its target
/// </code></remarks>
public readonly record struct NeighbourClaim(IpAddressValue Address, bool IsIPv6, MacAddress Mac)
{
    private const int ArpEnd = CarpFrame.EthernetLength + 28;
    private const int Icmp = CarpFrame.EthernetLength + CarpFrame.IPv6Length;
    private const int Options = Icmp + 24;
    private const int OptionLimit = 16;
    private const byte IcmpV6 = 58;
    private const byte Solicitation = 135;
    private const byte Advertisement = 136;

    /// <summary>Reads a whole frame from the Ethernet header on; false where it claims nothing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out NeighbourClaim claim)
    {
        claim = default;
        if (frame.Length < CarpFrame.EthernetLength)
            return false;
        return BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
        {
            CarpFrame.TypeArp => TryReadArp(frame, out claim),
            CarpFrame.TypeIPv6 => TryReadDiscovery(frame, out claim),
            _ => false,
        };
    }

    // Questions claim, too: who hears one notes where it came from. A probe (RFC 5227) claims nothing: its sender address is zero.
    private static bool TryReadArp(ReadOnlySpan<byte> frame, out NeighbourClaim claim)
    {
        claim = default;
        if (frame.Length < ArpEnd || BinaryPrimitives.ReadUInt64BigEndian(frame[14..]) >> 16 != 0x0001_0800_0604)
            return false;
        claim = new NeighbourClaim(IpAddressValue.Read(frame.Slice(28, 4)), false, MacAddress.Read(frame[22..]));
        return claim.Address != default;
    }

    private static bool TryReadDiscovery(ReadOnlySpan<byte> frame, out NeighbourClaim claim)
    {
        claim = default;
        if (frame.Length < Options || frame[20] != IcmpV6 || frame[21] != 255 || frame[54] is not (Solicitation or Advertisement))
            return false;
        var solicits = frame[54] == Solicitation;
        var address = IpAddressValue.Read(frame.Slice(solicits ? 22 : 62, 16));
        var found = TryFindMac(frame[Options..], solicits ? (byte)1 : (byte)2, out var mac);
        // Without the option an advertisement speaks for where it came from, a question for nothing.
        if (!found && !solicits)
            mac = MacAddress.Read(frame[6..]);
        claim = new NeighbourClaim(address, true, mac);
        return (found || !solicits) && address != default;
    }

    private static bool TryFindMac(ReadOnlySpan<byte> options, byte wanted, out MacAddress mac)
    {
        mac = default;
        for (var i = 0; i < OptionLimit && options.Length >= 8; i++)
        {
            var length = options[1] * 8;
            if (length == 0 || length > options.Length)
                return false;
            if (options[0] == wanted)
            {
                mac = MacAddress.Read(options[2..]);
                return true;
            }
            options = options[length..];
        }
        return false;
    }
}
