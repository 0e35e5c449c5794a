namespace Redoubt.Core.Neighbours;

/// <summary>What became of a frame that may ask for an address.</summary>
public enum ProxyOutcome : byte
{
    /// <summary>It asks for a proxied address; the answer is written.</summary>
    Answered,

    /// <summary>Too short, or its fields contradict each other.</summary>
    Malformed,

    /// <summary>IPv6: the checksum is wrong.</summary>
    BadChecksum,

    /// <summary>No question: an answer, another protocol.</summary>
    NotAQuestion,

    /// <summary>IPv6: the hop limit is not 255, so it came over a router.</summary>
    NotFromTheLink,

    /// <summary>We sent it.</summary>
    Own,

    /// <summary>The sender announces its own address, and asks nobody.</summary>
    Announcement,

    /// <summary>It asks for an address that is not proxied.</summary>
    NotProxied,

    /// <summary>It asks for an address inside a proxied network that somebody has.</summary>
    Excepted,
}
