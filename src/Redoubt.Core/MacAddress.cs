using System.Buffers.Binary;
using System.Globalization;

namespace Redoubt.Core;

/// <summary>A 48-bit Ethernet address, kept in the low 48 bits of a number, first byte on the wire highest.</summary>
public readonly record struct MacAddress(ulong Value)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 6;

    /// <summary>ff:ff:ff:ff:ff:ff.</summary>
    public static readonly MacAddress Broadcast = new(0xffff_ffff_ffff);

    /// <summary>The virtual MAC of CARP and of VRRP for IPv4: 00:00:5e:00:01:VHID (RFC 5798 section 7.3).</summary>
    public static MacAddress Virtual(byte vhid) => new(0x0000_5e00_0100UL | vhid);

    /// <summary>The virtual MAC of VRRP for IPv6: 00:00:5e:00:02:VRID (RFC 5798 section 7.3).</summary>
    public static MacAddress VirtualVrrp6(byte vrid) => new(0x0000_5e00_0200UL | vrid);

    /// <summary>Reads six bytes in wire order.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes) =>
        new(((ulong)BinaryPrimitives.ReadUInt16BigEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32BigEndian(bytes[2..]));

    /// <summary>Writes six bytes in wire order.</summary>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)(Value >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(destination[2..], (uint)Value);
    }

    /// <summary>Reads "00:00:5e:00:01:2a", six groups of two hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out MacAddress address)
    {
        address = default;
        if (text.Length != 17)
            return false;
        ulong value = 0;
        for (var i = 0; i < Length; i++)
        {
            if (i > 0 && text[(i * 3) - 1] != ':')
                return false;
            if (!byte.TryParse(text.Slice(i * 3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var part))
                return false;
            value = (value << 8) | part;
        }
        address = new MacAddress(value);
        return true;
    }

    /// <inheritdoc />
    public override string ToString()
    {
        Span<byte> b = stackalloc byte[Length];
        Write(b);
        return FormattableString.Invariant($"{b[0]:x2}:{b[1]:x2}:{b[2]:x2}:{b[3]:x2}:{b[4]:x2}:{b[5]:x2}");
    }
}
