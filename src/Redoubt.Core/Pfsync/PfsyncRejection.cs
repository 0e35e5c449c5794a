namespace Redoubt.Core.Pfsync;

/// <summary>Why a datagram, or the rest of it, was refused. Each has its counter.</summary>
public enum PfsyncRejection
{
    /// <summary>Accepted.</summary>
    None,

    /// <summary>Came from an address that is no configured peer.</summary>
    UnknownPeer,

    /// <summary>Shorter than its header.</summary>
    TooShort,

    /// <summary>Longer than <see cref="PfsyncLimits.MaxDatagram"/>.</summary>
    TooLong,

    /// <summary>Does not begin with the magic number.</summary>
    BadMagic,

    /// <summary>A version we do not speak.</summary>
    BadVersion,

    /// <summary>The sender's node id is not 1..8.</summary>
    BadNode,

    /// <summary>The sender says our own node id, or one that another peer has: two nodes are configured alike.</summary>
    DuplicateNode,

    /// <summary>The length in the header is not the datagram's.</summary>
    BadLength,

    /// <summary>The authentication tag is wrong.</summary>
    BadSeal,

    /// <summary>Not encrypted, though this node has the cluster's secret: the sender has none.</summary>
    NotEncrypted,

    /// <summary>Encrypted, though this node has no secret.</summary>
    Encrypted,

    /// <summary>Belongs to an earlier or unproven session of the sender: it did not echo our challenge.</summary>
    BadSession,

    /// <summary>A sequence number that was received already.</summary>
    Duplicate,

    /// <summary>A section runs beyond the datagram, is shorter than its action needs, or there are too many; the rest is dropped.</summary>
    BadSection,

    /// <summary>One message has values that no connection can have; that message is skipped.</summary>
    BadMessage,
}
