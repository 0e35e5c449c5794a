using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Redoubt.Core;

/// <summary>
/// An IPv4 or IPv6 address without an object: 16 bytes as two numbers in network order. An IPv4 address stands in the low
/// 32 bits of <see cref="Low"/>; which family it is, is said by whoever holds it (a tuple, a vip), never guessed.
/// </summary>
/// <param name="High">The first eight bytes on the wire, most significant first; 0 for IPv4.</param>
/// <param name="Low">The last eight bytes on the wire, most significant first; for IPv4 the address in the low 32 bits.</param>
public readonly record struct IpAddressValue(ulong High, ulong Low)
{
    /// <summary>Reads 4 or 16 bytes in network order; any other length is a fault of the caller.</summary>
    public static IpAddressValue Read(ReadOnlySpan<byte> bytes) =>
        bytes.Length switch
        {
            4 => new IpAddressValue(0, BinaryPrimitives.ReadUInt32BigEndian(bytes)),
            16 => new IpAddressValue(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..])),
            _ => throw new ArgumentException("an address has 4 or 16 bytes", nameof(bytes)),
        };

    /// <summary>Writes the address in network order; the destination's length, 4 or 16, decides the family.</summary>
    public void Write(Span<byte> destination)
    {
        if (destination.Length == 4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(destination, (uint)Low);
            return;
        }
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    /// <summary>The value of a framework address; the scope of a link-local one is dropped.</summary>
    public static IpAddressValue From(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out var length);
        return Read(bytes[..length]);
    }

    /// <summary>The framework's object for this address.</summary>
    public IPAddress ToIPAddress(AddressFamily family)
    {
        Span<byte> bytes = stackalloc byte[16];
        var span = family == AddressFamily.InterNetwork ? bytes[..4] : bytes;
        Write(span);
        return new IPAddress(span);
    }
}
