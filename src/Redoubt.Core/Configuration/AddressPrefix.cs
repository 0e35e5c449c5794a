using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Redoubt.Core.Configuration;

/// <summary>An address together with its family and prefix length: what "10.0.0.1/24" says, host bits included.</summary>
/// <param name="Address">The address as written; host bits are kept.</param>
/// <param name="IsIPv6">The family.</param>
/// <param name="Length">Prefix length in bits, 0..32 or 0..128.</param>
public readonly record struct AddressPrefix(IpAddressValue Address, bool IsIPv6, int Length)
{
    private static readonly SearchValues<char> AddressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    /// <summary>The longest prefix of the family: 32 or 128.</summary>
    public int MaxLength => IsIPv6 ? 128 : 32;

    /// <summary>Says that this is one address and not a network.</summary>
    public bool IsHost => Length == MaxLength;

    /// <summary>fe80::/10.</summary>
    public bool IsLinkLocal => IsIPv6 && Address.High >> 54 == 0x3fa;

    /// <summary>127.0.0.0/8 or ::1.</summary>
    public bool IsLoopback => IsIPv6 ? Address == new IpAddressValue(0, 1) : Address.Low >> 24 == 127;

    /// <summary>The same prefix with all host bits zero.</summary>
    public AddressPrefix Network => this with { Address = Mask(Address, Length) };

    /// <summary>The address as a prefix of full length.</summary>
    public AddressPrefix Host => this with { Length = MaxLength };

    /// <summary>Whether all of <paramref name="other"/> lies inside this network; never across families.</summary>
    public bool Contains(AddressPrefix other) =>
        IsIPv6 == other.IsIPv6 && other.Length >= Length && Mask(other.Address, Length) == Mask(Address, Length);

    /// <summary>Reads an address with or without "/length"; without, it is a host. Dotted IPv4 needs all four parts; no scope ids.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out AddressPrefix prefix)
    {
        prefix = default;
        var slash = text.IndexOf('/');
        var address = slash < 0 ? text : text[..slash];
        if (!TryParseAddress(address, out var value, out var ipv6))
            return false;
        var length = ipv6 ? 128 : 32;
        if (slash >= 0)
        {
            if (!int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length))
                return false;
            if (length > (ipv6 ? 128 : 32))
                return false;
        }
        prefix = new AddressPrefix(value, ipv6, length);
        return true;
    }

    /// <summary>Reads one plain address of either family; neither brackets nor a scope id nor shortened IPv4 are taken.</summary>
    public static bool TryParseAddress(ReadOnlySpan<char> text, out IpAddressValue address, out bool isIPv6)
    {
        address = default;
        isIPv6 = text.Contains(':');
        if (!isIPv6)
            return TryParseDottedQuad(text, out address);
        if (text.IndexOfAnyExcept(AddressCharacters) >= 0)
            return false;
        if (!IPAddress.TryParse(text, out var parsed))
            return false;
        if (parsed.AddressFamily != AddressFamily.InterNetworkV6)
            return false;
        address = IpAddressValue.From(parsed);
        return true;
    }

    /// <summary>The address without its length, in the framework's canonical form.</summary>
    public string AddressText =>
        IsIPv6
            ? Address.ToIPAddress(AddressFamily.InterNetworkV6).ToString()
            : string.Create(
                CultureInfo.InvariantCulture,
                stackalloc char[15],
                $"{(byte)(Address.Low >> 24)}.{(byte)(Address.Low >> 16)}.{(byte)(Address.Low >> 8)}.{(byte)Address.Low}"
            );

    /// <inheritdoc />
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{AddressText}/{Length}");

    private IpAddressValue Mask(IpAddressValue address, int length)
    {
        if (!IsIPv6)
            return new IpAddressValue(0, address.Low & (length == 0 ? 0 : 0xffff_ffffUL << (32 - length) & 0xffff_ffffUL));
        var high =
            length >= 64 ? ulong.MaxValue
            : length == 0 ? 0
            : ulong.MaxValue << (64 - length);
        var low = length <= 64 ? 0 : ulong.MaxValue << (128 - length);
        return new IpAddressValue(address.High & high, address.Low & low);
    }

    // The framework also takes "10.1" and octal parts; an administrator who wrote those meant something else. By hand, because an alias holds a hundred thousand.
    private static bool TryParseDottedQuad(ReadOnlySpan<char> text, out IpAddressValue address)
    {
        address = default;
        var value = 0u;
        for (var part = 0; part < 4; part++)
        {
            var digits = text.IndexOfAnyExceptInRange('0', '9') is var end and >= 0 ? text[..end] : text;
            if (digits.Length is < 1 or > 3 || (digits.Length > 1 && digits[0] == '0'))
                return false;
            var number = 0u;
            foreach (var digit in digits)
                number = (number * 10) + (uint)(digit - '0');
            if (number > 255)
                return false;
            value = (value << 8) | number;
            text = text[digits.Length..];
            if (part == 3)
                continue;
            if (text.IsEmpty || text[0] != '.')
                return false;
            text = text[1..];
        }
        address = new IpAddressValue(0, value);
        return text.IsEmpty;
    }
}
