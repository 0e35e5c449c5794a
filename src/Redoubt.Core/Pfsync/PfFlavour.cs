namespace Redoubt.Core.Pfsync;

/// <summary>Whose pfsync a packet is; the version byte tells them apart and neither accepts the other's.</summary>
public enum PfFlavour
{
    /// <summary>Version 5: FreeBSD, pfSense, OPNsense. Sizes follow from the action, an EOF section ends the packet.</summary>
    FreeBsd,

    /// <summary>Version 6: OpenBSD. Subheaders announce the size of their messages.</summary>
    OpenBsd,
}

/// <summary>What differs between the flavours in one byte.</summary>
public static class PfFlavourNumbers
{
    /// <summary>AF_INET, of both.</summary>
    public const byte FamilyIPv4 = 2;

    /// <summary>AF_INET6 of this sender: 28 on FreeBSD, 24 on OpenBSD.</summary>
    public static byte FamilyIPv6(this PfFlavour flavour) => flavour == PfFlavour.FreeBsd ? (byte)28 : (byte)24;

    /// <summary>The version byte.</summary>
    public static byte Version(this PfFlavour flavour) => flavour == PfFlavour.FreeBsd ? (byte)5 : (byte)6;

    /// <summary>Whether this byte is a family of the sender's.</summary>
    public static bool IsFamily(this PfFlavour flavour, byte family) => family == FamilyIPv4 || family == flavour.FamilyIPv6();

    /// <summary>PFTM_MAX: FreeBSD 15 has five classes for SCTP more.</summary>
    public static int Timeouts(this PfFlavour flavour) => flavour == PfFlavour.FreeBsd ? 25 : 20;
}
