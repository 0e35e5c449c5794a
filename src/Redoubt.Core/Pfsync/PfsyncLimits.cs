namespace Redoubt.Core.Pfsync;

/// <summary>Every bound of the wire in one place.</summary>
public static class PfsyncLimits
{
    /// <summary>Bytes of a UDP payload at most: fits a 1500 byte link with IPv6 and room for a tunnel.</summary>
    public const int MaxDatagram = 1400;

    /// <summary>Bytes kept free at the end of every datagram for the number and the authentication tag of <see cref="PfsyncSeal"/>.</summary>
    public const int TagReserve = PfsyncSeal.Overhead;

    /// <summary>Bytes that messages may fill, header included.</summary>
    public const int MaxContent = MaxDatagram - TagReserve;

    /// <summary>The highest node id.</summary>
    public const int MaxNodeId = 8;

    /// <summary>Sections in one datagram at most; more is malformed.</summary>
    public const int MaxSections = 256;
}
