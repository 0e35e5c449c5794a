using Redoubt.Core.Cluster;

namespace Redoubt.Core.StateSync;

/// <summary>What an engine is told at its making.</summary>
public sealed record StateSyncEngineOptions
{
    /// <summary>This node's number, 1..8.</summary>
    public required byte NodeId { get; init; }

    /// <summary>Number of this life of the process: differs from every earlier one.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Where the logical clock starts: above all that earlier lives drew (microseconds since 1970 do).</summary>
    public required ulong ClockStart { get; init; }

    /// <summary>Unpredictable bits for challenges and hashes.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Number of peers, 1..7; peers are named by their index from 0.</summary>
    public required int Peers { get; init; }

    /// <summary>Links to each peer, 1 or 2.</summary>
    public int Links { get; init; } = 1;

    /// <summary>What the nodes share to encrypt; null: nothing is encrypted, and nothing encrypted is understood.</summary>
    public ClusterSecret? Secret { get; init; }

    /// <summary>Which flows are replicated.</summary>
    public required StateScope Scope { get; init; }

    /// <summary>States held at most.</summary>
    public int MaxEntries { get; init; } = 1 << 20;

    /// <summary>How long a node that hears no peer waits until it is ready.</summary>
    public TimeSpan LoneWait { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long the first bulks may take.</summary>
    public TimeSpan BulkLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>In which the whole table is walked once.</summary>
    public TimeSpan ScanPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two comparisons of the tables with a peer.</summary>
    public TimeSpan DigestPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Where frames wait that may not leave before the peers know their flow; null: none are held.</summary>
    public IHeldFrames? Held { get; init; }

    /// <summary>Frames held at most; further ones go at once.</summary>
    public int MaxHeld { get; init; } = 256;

    /// <summary>How long a frame is held at most. FreeBSD's pfsync waits as long (net.pfsync.defer_delay).</summary>
    public TimeSpan HoldLimit { get; init; } = TimeSpan.FromMilliseconds(20);
}
