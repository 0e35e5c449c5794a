using Redoubt.Core.StateSync;

namespace Redoubt.Linux.Conntrack;

/// <summary>What happened to an entry.</summary>
public enum ConntrackEventKind
{
    /// <summary>It entered the table.</summary>
    New,

    /// <summary>Something about it changed; refreshes of its lifetime are not told.</summary>
    Update,

    /// <summary>It left the table.</summary>
    Destroy,

    /// <summary>A helper expects a flow: <see cref="ConntrackEvents.Expected"/>.</summary>
    Expect,

    /// <summary>It does not any more.</summary>
    Unexpect,
}

/// <summary>One piece of news from the kernel's table.</summary>
public struct ConntrackEvent
{
    /// <summary>What happened.</summary>
    public ConntrackEventKind Kind { get; set; }

    /// <summary>
    /// Netlink port id of the socket whose request caused it (compare <see cref="ConntrackTable.Port"/>), 0 for packets and expiry.
    /// </summary>
    public uint Port { get; set; }

    /// <summary>Which parts of <see cref="Entry"/> the kernel told.</summary>
    public EntryParts Fields { get; set; }

    /// <summary>The entry.</summary>
    public ConntrackEntry Entry { get; set; }
}
