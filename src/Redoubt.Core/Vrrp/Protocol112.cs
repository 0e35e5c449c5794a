using Redoubt.Core.Carp;

namespace Redoubt.Core.Vrrp;

/// <summary>Who speaks IP protocol 112 here.</summary>
public enum Protocol112Kind
{
    /// <summary>CARP, or nothing known: CARP's checks then say what is wrong.</summary>
    Carp,

    /// <summary>VRRP version 2 (RFC 3768).</summary>
    Vrrp2,

    /// <summary>VRRP version 3 (RFC 5798).</summary>
    Vrrp3,
}

/// <summary>Tells CARP and VRRP apart (carp.md section 13).</summary>
public static class Protocol112
{
    private const byte CarpAuthenticationWords = 7;

    /// <summary>Classifies what stands behind the IP header; its length must come from that header, not from the frame.</summary>
    public static Protocol112Kind Classify(ReadOnlySpan<byte> payload, bool ipv6)
    {
        if (payload.Length < 4)
            return Protocol112Kind.Carp;
        if (payload[0] == 0x31)
            return IsOtherVersionOfCarp(payload, ipv6) ? Protocol112Kind.Carp : Protocol112Kind.Vrrp3;
        if (payload[0] != 0x21 || ipv6)
            return Protocol112Kind.Carp;
        if (payload.Length == CarpAdvertisement.Length && payload[3] == CarpAuthenticationWords)
            return Protocol112Kind.Carp;
        if (payload.Length != VrrpAdvertisement.Version2Length(payload[3]))
            return Protocol112Kind.Carp;
        return MayAlsoBeCarp(payload, ipv6) && InternetChecksum.Of(payload) != 0 ? Protocol112Kind.Carp : Protocol112Kind.Vrrp2;
    }

    /// <summary>Seven VRRPv2 addresses, or CARP with eight bytes behind it: a right CARP digest decides for CARP.</summary>
    public static bool MayAlsoBeCarp(ReadOnlySpan<byte> payload, bool ipv6) =>
        !ipv6
        && payload.Length == VrrpAdvertisement.Version2Length(CarpAuthenticationWords)
        && payload[0] == 0x21
        && payload[3] == CarpAuthenticationWords;

    // VRRPv3 with seven IPv4 addresses has CARP's length and byte 3, but its checksum covers a pseudo header.
    private static bool IsOtherVersionOfCarp(ReadOnlySpan<byte> payload, bool ipv6) =>
        !ipv6 && payload.Length == CarpAdvertisement.Length && payload[3] == CarpAuthenticationWords && InternetChecksum.Of(payload) == 0;
}
