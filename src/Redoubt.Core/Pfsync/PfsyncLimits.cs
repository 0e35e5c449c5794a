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

    /// <summary>Links between two nodes at most.</summary>
    public const int Links = 2;

    /// <summary>Sections in one datagram at most; more is malformed.</summary>
    public const int MaxSections = 256;

    /// <summary>Digests in one message of sums: nodes of the table, ranges of a node.</summary>
    public const int DigestFan = 64;

    /// <summary>Digests of single states in one message at most; a size of 255 words would allow 126.</summary>
    public const int DigestsListed = 120;

    /// <summary>Ranges of the table, of 4096, that one comparison looks into; the next one goes on.</summary>
    public const int DigestRanges = 256;

    /// <summary>Digests of single states that a comparison takes in; beyond that it looks into fewer ranges.</summary>
    public const int DigestsKept = 1 << 16;

    /// <summary>Rounds in a row about one owner's states, while a peer that comes back says that more differs.</summary>
    public const int DigestRoundsInARow = 64;

    /// <summary>Ranges that differ after a partition above which the whole table is sent instead.</summary>
    public const int DigestRangesForBulk = 1024;
}
