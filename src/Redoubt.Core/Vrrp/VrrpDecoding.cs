using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Carp;

namespace Redoubt.Core.Vrrp;

/// <summary>Says what is in a VRRP message, and what a receiver of the same version would think of it.</summary>
internal static class VrrpDecoding
{
    /// <summary>Adds the fields and decides. What is not known (no IP header) is not checked, and the verdict says so.</summary>
    public static DecodedAdvertisement Decode(
        ReadOnlySpan<byte> payload,
        bool ipv6,
        IpAddressValue? source,
        IpAddressValue? destination,
        int? ttl,
        Protocol112Kind kind,
        ImmutableArray<DecodedField>.Builder fields
    )
    {
        var protocol = kind == Protocol112Kind.Vrrp2 ? "vrrp2" : "vrrp3";
        if (!VrrpAdvertisement.TryView(payload, ipv6, out var view))
            return new DecodedAdvertisement(protocol, false, "length does not fit the address count", fields.ToImmutable());
        Add(fields, "version", view.Version);
        Add(fields, "type", view.Type);
        Add(fields, "vrid", view.Vrid);
        Add(fields, "priority", view.Priority);
        Add(fields, "address count", view.AddressCount);
        if (view.Version == 2)
        {
            Add(fields, "authentication type", $"{view.AuthenticationType} {AuthenticationText(view.AuthenticationType)}");
            Add(fields, "authentication data", Convert.ToHexStringLower(view.AuthenticationData));
        }
        else
        {
            Add(fields, "reserved", view.Reserved);
        }
        Add(fields, "interval", $"{view.Interval.TotalSeconds.ToString("F2", CultureInfo.InvariantCulture)} s");
        var right = Sum(view, ipv6, source, destination, out var sum);
        Add(fields, "checksum", $"0x{view.Checksum:x4} {sum}");
        for (var i = 0; i < view.AddressCount; i++)
            Add(fields, "address", AdvertisementDecoder.Text(view.Address(i), ipv6));
        if (Meaning(view.Priority) is { } meaning)
            Add(fields, "meaning", meaning);
        var multicast = destination is not { } to || to == (ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4);
        var verdict = 0 switch
        {
            _ when ttl is { } t && t != 255 && multicast => "bad TTL",
            _ when view.Type != VrrpAdvertisement.AdvertisementType => "bad type",
            _ when right == false => "bad checksum",
            _ when view.Vrid == 0 => "bad vrid",
            _ when view.Interval == TimeSpan.Zero => "bad interval",
            _ when view.Priority == 0 => "accepted: the master leaves",
            _ when right is null => "accepted, checksum not checked",
            _ => "accepted",
        };
        return new DecodedAdvertisement(protocol, verdict.StartsWith("accepted", StringComparison.Ordinal), verdict, fields.ToImmutable());
    }

    private static bool? Sum(in VrrpAdvertisement view, bool ipv6, IpAddressValue? source, IpAddressValue? destination, out string text)
    {
        var withoutPseudo = view.ChecksumIsRightWithoutPseudoHeader;
        if (view.Version == 2)
        {
            text = withoutPseudo ? "right" : "wrong";
            return withoutPseudo;
        }
        if (source is not { } from || destination is not { } to)
        {
            text = withoutPseudo && !ipv6 ? "right without the pseudo header" : "not checked: no IP header";
            return withoutPseudo && !ipv6 ? true : null;
        }
        var right = view.ChecksumIsRight(from, to);
        text =
            right ? "right"
            : withoutPseudo ? "right only without the pseudo header"
            : "wrong";
        return right;
    }

    private static string? Meaning(byte priority) =>
        priority switch
        {
            0 => "the master leaves",
            VrrpHostOptions.OwnerPriority => "the sender owns the addresses",
            _ => null,
        };

    private static string AuthenticationText(byte type) =>
        type switch
        {
            0 => "none",
            VrrpAdvertisement.PasswordAuthentication => "password",
            2 => "authentication header",
            _ => "unknown",
        };

    private static void Add(ImmutableArray<DecodedField>.Builder fields, string name, string value) =>
        fields.Add(new DecodedField(name, value));

    private static void Add(ImmutableArray<DecodedField>.Builder fields, string name, int value) =>
        Add(fields, name, value.ToString(CultureInfo.InvariantCulture));
}
