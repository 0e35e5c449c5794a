namespace Redoubt.Control;

/// <summary>The cluster as one node hears it.</summary>
public sealed record ClusterStatus
{
    /// <summary>This node's id, 1..8.</summary>
    public required int Node { get; init; }

    /// <summary>This node's name.</summary>
    public required string Name { get; init; }

    /// <summary>Time between heartbeats, ms.</summary>
    public required double IntervalMs { get; init; }

    /// <summary>How long this node asks to be waited for, ms.</summary>
    public required double HoldMs { get; init; }

    /// <summary>The latest a heartbeat of this node ever left, ms after it was due.</summary>
    public required double WorstLatenessMs { get; init; }

    /// <summary>The other nodes.</summary>
    public IReadOnlyList<ClusterPeerStatus> Peers { get; init; } = [];

    /// <summary>Failover groups.</summary>
    public IReadOnlyList<ClusterGroupStatus> Groups { get; init; } = [];

    /// <summary>Heartbeats received, by what became of them.</summary>
    public IReadOnlyDictionary<string, long> Heartbeats { get; init; } = new Dictionary<string, long>();
}

/// <summary>Another node, by its heartbeats.</summary>
public sealed record ClusterPeerStatus
{
    /// <summary>Its id, 1..8.</summary>
    public required int Node { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>It was heard within its hold time.</summary>
    public required bool Alive { get; init; }

    /// <summary>It hears this node.</summary>
    public required bool HearsUs { get; init; }

    /// <summary>The sum of its demotion ledger.</summary>
    public required int Demotion { get; init; }

    /// <summary>On which interfaces and sync links it is heard.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary>Time to it and back, ms, with the time it lets our message wait; null before it was measured.</summary>
    public double? RoundTripMs { get; init; }

    /// <summary>Its wall clock minus ours, ms; null before it was heard.</summary>
    public long? ClockOffsetMs { get; init; }

    /// <summary>Version of its program; null before it was heard.</summary>
    public string? Version { get; init; }
}

/// <summary>A failover group on this node.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Role">NONE, BACKUP, ASKING or MASTER.</param>
/// <param name="Epoch">Number of the mastership that is held or was last seen.</param>
/// <param name="Master">Name of the node that holds it; null where none is known.</param>
public sealed record ClusterGroupStatus(string Name, string Role, long Epoch, string? Master);
