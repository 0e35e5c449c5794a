using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>How the node is, in one word.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Health>))]
public enum Health
{
    /// <summary>Nothing to report.</summary>
    [JsonStringEnumMemberName("healthy")]
    Healthy,

    /// <summary>The node works, but something it relies on does not; the reasons say what.</summary>
    [JsonStringEnumMemberName("degraded")]
    Degraded,

    /// <summary>The node cannot do its job; the reasons say why.</summary>
    [JsonStringEnumMemberName("failed")]
    Failed,
}

/// <summary>The answer to <c>status</c>. The JSON names are part of the contract: new fields may come, these stay.</summary>
public sealed record NodeStatus
{
    /// <summary>The node's own name, as in its configuration.</summary>
    public required string Node { get; init; }

    /// <summary>Version of the running daemon.</summary>
    public required string Version { get; init; }

    /// <summary>Health in one word.</summary>
    public required Health Health { get; init; }

    /// <summary>Why the node is not healthy, one sentence each; empty when it is.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>Elections and virtual addresses.</summary>
    public required CarpStatus Carp { get; init; }

    /// <summary>Virtual addresses that are in no election.</summary>
    public IReadOnlyList<AddressStatus> Addresses { get; init; } = [];

    /// <summary>The cluster by its heartbeats; null where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ClusterStatus? Cluster { get; init; }

    /// <summary>The health checks.</summary>
    public IReadOnlyList<CheckStatus> Checks { get; init; } = [];

    /// <summary>Replication of connection states.</summary>
    public required StateSyncStatus StateSync { get; init; }

    /// <summary>Replication of the configuration.</summary>
    public required ConfigSyncStatus ConfigSync { get; init; }
}

/// <summary>One health check.</summary>
public sealed record CheckStatus
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>ping, tcp, link, http, script, process, file.</summary>
    public required string Type { get; init; }

    /// <summary>What it looks at.</summary>
    public required string Target { get; init; }

    /// <summary>The demotion while it fails.</summary>
    public required int Weight { get; init; }

    /// <summary>Whether it counts as passed; null before the first result.</summary>
    public bool? Passes { get; init; }

    /// <summary>Since when, UTC.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Why the last try failed; null where it did not.</summary>
    public string? Error { get; init; }
}
