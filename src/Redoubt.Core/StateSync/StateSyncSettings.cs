using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>What an engine is told once.</summary>
public sealed record StateSyncSettings
{
    /// <summary>This node, 1..<see cref="PfsyncLimits.MaxNodeId"/>.</summary>
    public required byte NodeId { get; init; }

    /// <summary>Differs between two lives of this process; not 0.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Where the logical clock begins: above all that an earlier life gave out, so derived from the wall clock.</summary>
    public required ulong Clock { get; init; }

    /// <summary>Other nodes, 1..7; the engine knows them as 0, 1, ...</summary>
    public required int Peers { get; init; }

    /// <summary>Which flows are replicated.</summary>
    public required StateScope Scope { get; init; }

    /// <summary>States held at most.</summary>
    public int MaxEntries { get; init; } = 1 << 20;

    /// <summary>The time in which the kernel's table is walked once.</summary>
    public TimeSpan ScanPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a node that hears no peer waits until it calls itself ready.</summary>
    public TimeSpan LoneWait { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a bulk may take until the node is ready all the same.</summary>
    public TimeSpan BulkLimit { get; init; } = TimeSpan.FromSeconds(60);
}
