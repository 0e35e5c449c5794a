using System.Buffers.Binary;

namespace Redoubt.Core;

/// <summary>The Internet checksum of RFC 1071: the complement of the one's complement sum of big-endian 16-bit words.</summary>
public static class InternetChecksum
{
    /// <summary>The checksum of <paramref name="bytes"/>; 0 over a message whose checksum field is filled in and right.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes) => Finish(Add(0, bytes));

    /// <summary>Adds bytes to a running sum; only the last part of a message may have an odd length.</summary>
    public static ulong Add(ulong sum, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 4)
        {
            sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }
        if (bytes.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }
        return bytes.IsEmpty ? sum : sum + ((uint)bytes[0] << 8);
    }

    /// <summary>Folds a running sum and complements it.</summary>
    public static ushort Finish(ulong sum)
    {
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>
    /// The running sum of the pseudo header that upper protocols cover: source, destination, length and protocol number
    /// (IPv4: RFC 793 section 3.1, IPv6: RFC 8200 section 8.1; in sum they are the same words).
    /// </summary>
    public static ulong PseudoHeader(bool ipv6, IpAddressValue source, IpAddressValue destination, int length, byte protocol)
    {
        Span<byte> addresses = stackalloc byte[32];
        var size = ipv6 ? 16 : 4;
        source.Write(addresses[..size]);
        destination.Write(addresses[size..(2 * size)]);
        return Add((ulong)length + protocol, addresses[..(2 * size)]);
    }
}
