using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>What an engine of plain pfsync is told at its making.</summary>
public sealed record PlainPfsyncOptions
{
    /// <summary>Host id: the creator of this node's states, not 0. Drawn anew at each start unless the operator gives one.</summary>
    public required uint HostId { get; init; }

    /// <summary>Where the numbers of states start: above all that earlier lives drew under the same host id (microseconds since 1970 do).</summary>
    public required ulong FirstId { get; init; }

    /// <summary>What each peer is sent; a multicast group is one peer.</summary>
    public required IReadOnlyList<PfFormat> Peers { get; init; }

    /// <summary>Which flows are replicated.</summary>
    public required StateScope Scope { get; init; }

    /// <summary>Bytes of a packet without its IP header: an MTU of 1500 less FreeBSD's reserve of 40 for either IP header.</summary>
    public int MaxPacket { get; init; } = 1460;

    /// <summary>Flows held at most.</summary>
    public int MaxEntries { get; init; } = 1 << 20;

    /// <summary>How long a node that hears no peer waits until it is ready.</summary>
    public TimeSpan LoneWait { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long the peers' tables may take: 12 requests, 5 s apart, as pf does.</summary>
    public TimeSpan BulkLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>In which the kernel's table is walked once.</summary>
    public TimeSpan ScanPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a state waits for the other half of its connection before it is put into the kernel alone: pf holds messages for up to a second.</summary>
    public TimeSpan HalfWait { get; init; } = TimeSpan.FromMilliseconds(1500);
}
