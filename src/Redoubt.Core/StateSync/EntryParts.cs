namespace Redoubt.Core.StateSync;

/// <summary>Which parts of an entry a message of the kernel held. An UPDATE event names only what changed: a part that is missing is unknown, not 0.</summary>
[Flags]
public enum EntryParts
{
    /// <summary>Only the tuples.</summary>
    None = 0,

    /// <summary>CTA_STATUS.</summary>
    Status = 1,

    /// <summary>CTA_TIMEOUT.</summary>
    Timeout = 2,

    /// <summary>CTA_MARK. The kernel leaves a mark of 0 out.</summary>
    Mark = 4,

    /// <summary>CTA_ID.</summary>
    Id = 8,

    /// <summary>CTA_PROTOINFO_TCP with a state.</summary>
    Tcp = 16,

    /// <summary>CTA_ZONE, or a zone in one of the tuples.</summary>
    Zone = 32,

    /// <summary>CTA_LABELS. The kernel leaves out what has no label.</summary>
    Labels = 64,

    /// <summary>CTA_SEQ_ADJ_ORIG and CTA_SEQ_ADJ_REPLY.</summary>
    Adjust = 128,

    /// <summary>CTA_HELP.</summary>
    Helper = 256,

    /// <summary>CTA_PROTOINFO_SCTP with a state.</summary>
    Sctp = 512,

    /// <summary>Everything that changes, as in a dump.</summary>
    All = Status | Timeout | Mark | Id | Tcp | Labels | Adjust | Helper | Sctp,
}
