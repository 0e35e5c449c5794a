using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Redoubt.Core.Carp;

/// <summary>Which form of the digest an advertisement carries.</summary>
public enum CarpDigestForm
{
    /// <summary>None of ours.</summary>
    None,

    /// <summary>Over all addresses: FreeBSD, NetBSD, ucarp.</summary>
    AllAddresses,

    /// <summary>Without IPv6 link-local addresses: what OpenBSD sends.</summary>
    WithoutLinkLocal,
}

/// <summary>
/// Makes and checks the digests of one virtual host. The messages are laid out once; only the counter in their last eight
/// bytes changes, so nothing is allocated per advertisement.
/// </summary>
/// <remarks>Message: 2, 1, [link-layer address], vhid, IPv4 ascending, IPv6 ascending, counter (carp.md section 2.2).</remarks>
public sealed class CarpAuthenticator
{
    private const int CounterLength = 8;
    private readonly byte[] _key = new byte[CarpHostOptions.KeyLength];
    private readonly byte[] _all;
    private readonly byte[]? _withoutLinkLocal;

    /// <summary>Lays out the messages of these options.</summary>
    public CarpAuthenticator(CarpHostOptions options)
    {
        options.WriteKey(_key);
        var ipv4 = Ascending(options.IPv4Addresses, ipv6: false, withLinkLocal: true);
        var ipv6 = Ascending(options.IPv6Addresses, ipv6: true, withLinkLocal: true);
        var ipv6Global = Ascending(options.IPv6Addresses, ipv6: true, withLinkLocal: false);
        _all = Layout(options, ipv4, ipv6);
        _withoutLinkLocal = ipv6Global.Length == ipv6.Length ? null : Layout(options, ipv4, ipv6Global);
    }

    /// <summary>Writes the 20-byte digest for a counter in the wanted form.</summary>
    public void Write(Span<byte> digest, ulong counter, CarpDigestForm form) =>
        Hash(form == CarpDigestForm.WithoutLinkLocal && _withoutLinkLocal is not null ? _withoutLinkLocal : _all, counter, digest);

    /// <summary>Says in constant time per form which one this digest is.</summary>
    public CarpDigestForm Check(ulong counter, ReadOnlySpan<byte> digest)
    {
        Span<byte> expected = stackalloc byte[CarpAdvertisement.DigestLength];
        Hash(_all, counter, expected);
        if (CryptographicOperations.FixedTimeEquals(expected, digest))
            return CarpDigestForm.AllAddresses;
        if (_withoutLinkLocal is null)
            return CarpDigestForm.None;
        Hash(_withoutLinkLocal, counter, expected);
        return CryptographicOperations.FixedTimeEquals(expected, digest) ? CarpDigestForm.WithoutLinkLocal : CarpDigestForm.None;
    }

    /// <summary>The bytes under the digest for a counter, as a copy: for tests and for the offline decoder.</summary>
    public byte[] Message(ulong counter, CarpDigestForm form)
    {
        var copy = (byte[])(form == CarpDigestForm.WithoutLinkLocal && _withoutLinkLocal is not null ? _withoutLinkLocal : _all).Clone();
        BinaryPrimitives.WriteUInt64BigEndian(copy.AsSpan(copy.Length - CounterLength), counter);
        return copy;
    }

    private void Hash(byte[] message, ulong counter, Span<byte> digest)
    {
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(message.Length - CounterLength), counter);
        HMACSHA1.HashData(_key, message, digest[..CarpAdvertisement.DigestLength]);
    }

    private static byte[] Layout(CarpHostOptions options, IpAddressValue[] ipv4, IpAddressValue[] ipv6)
    {
        var message = new byte[3 + MacAddress.Length + (4 * ipv4.Length) + (16 * ipv6.Length) + CounterLength];
        message[0] = 2;
        message[1] = 1;
        var at = 2;
        if (options.HashedMac is { } mac)
        {
            mac.Write(message.AsSpan(at));
            at += MacAddress.Length;
        }
        message[at++] = options.Vhid;
        foreach (var address in ipv4)
        {
            address.Write(message.AsSpan(at, 4));
            at += 4;
        }
        foreach (var address in ipv6)
        {
            address.Write(message.AsSpan(at, 16));
            at += 16;
        }
        return message[..(at + CounterLength)];
    }

    // BSD walks from 0 to all ones and takes the next larger address, so these two are never hashed and duplicates once.
    private static IpAddressValue[] Ascending(IReadOnlyList<IpAddressValue> addresses, bool ipv6, bool withLinkLocal) =>
        [
            .. addresses
                .Select(a => ipv6 && IsLinkLocal(a) ? new IpAddressValue(a.High & 0xffff_0000_ffff_ffff, a.Low) : a)
                .Where(a => a != default && (ipv6 ? a.High != ulong.MaxValue || a.Low != ulong.MaxValue : a.Low != uint.MaxValue))
                .Where(a => withLinkLocal || !ipv6 || !IsLinkLocal(a))
                .Distinct()
                .OrderBy(a => a.High)
                .ThenBy(a => a.Low),
        ];

    private static bool IsLinkLocal(IpAddressValue address) => address.High >> 54 == 0xfe80 >> 6;
}
