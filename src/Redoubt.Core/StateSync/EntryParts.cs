namespace Redoubt.Core.StateSync;

/// <summary>Which parts of an entry a piece of kernel news tells; the others are unknown, not 0.</summary>
[Flags]
public enum EntryParts
{
    /// <summary>Only the tuples.</summary>
    None = 0,

    /// <summary>Status bits.</summary>
    Status = 1,

    /// <summary>Timeout.</summary>
    Timeout = 2,

    /// <summary>Mark.</summary>
    Mark = 4,

    /// <summary>The kernel's id.</summary>
    Id = 8,

    /// <summary>TCP state, flags and window scales.</summary>
    Tcp = 16,

    /// <summary>Everything, as in a dump.</summary>
    All = Status | Timeout | Mark | Id | Tcp,
}
