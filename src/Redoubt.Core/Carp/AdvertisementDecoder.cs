using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Redoubt.Core.Vrrp;

namespace Redoubt.Core.Carp;

/// <summary>One field of a decoded packet, in the words of the protocol.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value as text.</param>
public sealed record DecodedField(string Name, string Value);

/// <summary>A decoded packet.</summary>
/// <param name="Protocol">"carp", "vrrp2", "vrrp3", or "other" where the packet is neither.</param>
/// <param name="IsValid">Whether a receiver would accept it, as far as can be told from what was given.</param>
/// <param name="Verdict">"accepted", or why not; "not checked" parts are named.</param>
/// <param name="Fields">Every field, link layer first.</param>
public sealed record DecodedAdvertisement(string Protocol, bool IsValid, string Verdict, ImmutableArray<DecodedField> Fields);

/// <summary>What is known besides the bytes.</summary>
public sealed record DecoderOptions
{
    /// <summary>The passphrase; null where the digest is not to be checked.</summary>
    public string? Key { get; init; }

    /// <summary>The virtual IPv4 addresses under the digest.</summary>
    public IReadOnlyList<IpAddressValue> IPv4Addresses { get; init; } = [];

    /// <summary>The virtual IPv6 addresses under the digest.</summary>
    public IReadOnlyList<IpAddressValue> IPv6Addresses { get; init; } = [];

    /// <summary>TTL or hop limit of a bare payload, whose IP header is not there; null where not known.</summary>
    public int? Ttl { get; init; }

    /// <summary>Whether a bare payload came in IPv6.</summary>
    public bool IsIPv6 { get; init; }
}

/// <summary>Says what is in an Ethernet frame, an IP packet or a bare payload of protocol 112. Never throws on any bytes.</summary>
public static class AdvertisementDecoder
{
    private const int TaggingLimit = 2;
    private const byte AuthenticationHeader = 51;

    /// <summary>Decodes; whether it is a frame, a packet or a payload is seen from the bytes.</summary>
    public static DecodedAdvertisement Decode(ReadOnlySpan<byte> bytes, DecoderOptions options)
    {
        var fields = ImmutableArray.CreateBuilder<DecodedField>();
        if (TryEthernet(bytes, fields, out var packet))
            bytes = packet;
        if (bytes.Length >= 20 && bytes[0] >> 4 == 4)
            return IPv4(bytes, options, fields);
        if (bytes.Length >= 40 && bytes[0] >> 4 == 6)
            return IPv6(bytes, options, fields);
        if (!packet.IsEmpty)
            return Other("neither IPv4 nor IPv6", fields);
        return Payload(bytes, options.IsIPv6, null, null, options.Ttl, options, fields);
    }

    private static bool TryEthernet(ReadOnlySpan<byte> bytes, ImmutableArray<DecodedField>.Builder fields, out ReadOnlySpan<byte> packet)
    {
        packet = default;
        var at = 12;
        for (var tags = 0; tags <= TaggingLimit && bytes.Length > at + 2; tags++)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
            if (type is 0x8100 or 0x88a8)
            {
                at += 4;
                continue;
            }
            var version = type switch
            {
                CarpFrame.TypeIPv4 => 4,
                CarpFrame.TypeIPv6 => 6,
                _ => 0,
            };
            // A bare packet may carry these two bytes by chance: the IP version must agree.
            if (version == 0 || bytes[at + 2] >> 4 != version)
                return false;
            Add(fields, "destination MAC", MacAddress.Read(bytes).ToString());
            Add(fields, "source MAC", MacAddress.Read(bytes[6..]).ToString());
            packet = bytes[(at + 2)..];
            return true;
        }
        return false;
    }

    private static DecodedAdvertisement IPv4(ReadOnlySpan<byte> packet, DecoderOptions options, ImmutableArray<DecodedField>.Builder fields)
    {
        var header = (packet[0] & 0xf) * 4;
        var total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        var source = IpAddressValue.Read(packet.Slice(12, 4));
        var destination = IpAddressValue.Read(packet.Slice(16, 4));
        var fragment = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff;
        AddIp(fields, false, source, destination, packet[8], packet[1]);
        if (header < 20 || total < header || total > packet.Length)
            return Other("IPv4 header: impossible length", fields);
        if (InternetChecksum.Of(packet[..header]) != 0)
            return Other("IPv4 header: bad checksum", fields);
        if (fragment != 0)
            return Other("IPv4 fragment", fields);
        var payload = packet[header..total];
        var protocol = packet[9];
        if (protocol == AuthenticationHeader && payload.Length >= 24 && payload[0] == CarpAdvertisement.Protocol)
        {
            var length = (payload[1] + 2) * 4;
            if (length > payload.Length)
                return Other("authentication header: impossible length", fields);
            Add(fields, "authentication header", $"{length} bytes, not checked");
            payload = payload[length..];
            protocol = CarpAdvertisement.Protocol;
        }
        return protocol == CarpAdvertisement.Protocol
            ? Payload(payload, false, source, destination, packet[8], options, fields)
            : Other($"IP protocol {protocol}, not 112", fields);
    }

    private static DecodedAdvertisement IPv6(ReadOnlySpan<byte> packet, DecoderOptions options, ImmutableArray<DecodedField>.Builder fields)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]);
        var source = IpAddressValue.Read(packet.Slice(8, 16));
        var destination = IpAddressValue.Read(packet.Slice(24, 16));
        var trafficClass = (byte)(BinaryPrimitives.ReadUInt16BigEndian(packet) >> 4);
        AddIp(fields, true, source, destination, packet[7], trafficClass);
        if (length > packet.Length - 40)
            return Other("IPv6 header: impossible length", fields);
        return packet[6] == CarpAdvertisement.Protocol
            ? Payload(packet.Slice(40, length), true, source, destination, packet[7], options, fields)
            : Other($"next header {packet[6]}, not 112", fields);
    }

    private static DecodedAdvertisement Payload(
        ReadOnlySpan<byte> payload,
        bool ipv6,
        IpAddressValue? source,
        IpAddressValue? destination,
        int? ttl,
        DecoderOptions options,
        ImmutableArray<DecodedField>.Builder fields
    )
    {
        Add(fields, "length", payload.Length);
        var kind = Protocol112.Classify(payload, ipv6);
        if (
            kind != Protocol112Kind.Carp
            && Protocol112.MayAlsoBeCarp(payload, ipv6)
            && DigestForm(payload, options) is { } and not CarpDigestForm.None
        )
            kind = Protocol112Kind.Carp;
        return kind == Protocol112Kind.Carp
            ? Carp(payload, destination, ipv6, ttl, options, fields)
            : VrrpDecoding.Decode(payload, ipv6, source, destination, ttl, kind, fields);
    }

    private static DecodedAdvertisement Carp(
        ReadOnlySpan<byte> payload,
        IpAddressValue? destination,
        bool ipv6,
        int? ttl,
        DecoderOptions options,
        ImmutableArray<DecodedField>.Builder fields
    )
    {
        if (!CarpAdvertisement.TryView(payload, out var view))
            return new DecodedAdvertisement("carp", false, "badlen: shorter than 36 bytes", fields.ToImmutable());
        Add(fields, "version", view.Version);
        Add(fields, "type", view.Type);
        Add(fields, "vhid", view.Vhid);
        Add(fields, "advbase", view.AdvBase);
        Add(fields, "advskew", view.AdvSkew);
        Add(
            fields,
            "interval",
            $"{CarpTimes.Interval(view.AdvBase, view.AdvSkew).TotalSeconds.ToString("F6", CultureInfo.InvariantCulture)} s"
        );
        Add(fields, "demotion", view.Demotion);
        Add(fields, "authlen", view.AuthenticationLength);
        Add(fields, "checksum", $"0x{view.Checksum:x4} {(view.ChecksumIsRight ? "right" : "wrong")}");
        Add(fields, "counter", view.Counter.ToString(CultureInfo.InvariantCulture));
        Add(fields, "digest", Convert.ToHexStringLower(view.Digest));
        if (view.IsResignation)
            Add(fields, "meaning", "the master resigns");
        if (payload.Length > CarpAdvertisement.Length)
            Add(fields, "bytes behind", payload.Length - CarpAdvertisement.Length);
        var form = DigestForm(payload, options);
        Add(
            fields,
            "digest check",
            form switch
            {
                null => "not checked: no key given",
                CarpDigestForm.AllAddresses => "right, over all addresses",
                CarpDigestForm.WithoutLinkLocal => "right, without link-local addresses (OpenBSD)",
                _ => "wrong: other key, other addresses or forged",
            }
        );
        var multicast = destination is not { } to || to == (ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4);
        var rejection = 0 switch
        {
            _ when ttl is { } t && t != 255 && multicast => CarpRejection.BadTtl,
            _ when !view.ChecksumIsRight => CarpRejection.BadChecksum,
            _ when view.Version != 2 => CarpRejection.BadVersion,
            _ when view.Vhid == 0 => CarpRejection.UnknownVhid,
            _ when form == CarpDigestForm.None => CarpRejection.BadDigest,
            _ => CarpRejection.None,
        };
        var verdict = CarpRejectionText.Text(rejection);
        if (rejection == CarpRejection.None && form is null)
            verdict += ", digest not checked";
        return new DecodedAdvertisement("carp", rejection == CarpRejection.None, verdict, fields.ToImmutable());
    }

    private static CarpDigestForm? DigestForm(ReadOnlySpan<byte> payload, DecoderOptions options)
    {
        if (options.Key is null || !CarpAdvertisement.TryView(payload, out var view))
            return null;
        var host = new CarpHostOptions
        {
            Vhid = view.Vhid,
            Password = options.Key,
            IPv4Addresses = options.IPv4Addresses,
            IPv6Addresses = options.IPv6Addresses,
        };
        return new CarpAuthenticator(host).Check(view.Counter, view.Digest);
    }

    private static DecodedAdvertisement Other(string verdict, ImmutableArray<DecodedField>.Builder fields) =>
        new("other", false, verdict, fields.ToImmutable());

    private static void AddIp(
        ImmutableArray<DecodedField>.Builder fields,
        bool ipv6,
        IpAddressValue source,
        IpAddressValue destination,
        byte ttl,
        byte trafficClass
    )
    {
        Add(fields, "source", Text(source, ipv6));
        Add(fields, "destination", Text(destination, ipv6));
        Add(fields, ipv6 ? "hop limit" : "ttl", ttl);
        Add(fields, ipv6 ? "traffic class" : "tos", $"0x{trafficClass:x2}");
    }

    internal static string Text(IpAddressValue address, bool ipv6) =>
        address.ToIPAddress(ipv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork).ToString();

    private static void Add(ImmutableArray<DecodedField>.Builder fields, string name, string value) =>
        fields.Add(new DecodedField(name, value));

    private static void Add(ImmutableArray<DecodedField>.Builder fields, string name, int value) =>
        Add(fields, name, value.ToString(CultureInfo.InvariantCulture));
}
