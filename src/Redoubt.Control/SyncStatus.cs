using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>Replication of connection states.</summary>
public sealed record StateSyncStatus
{
    /// <summary>True when states are replicated at all.</summary>
    public required bool Enabled { get; init; }

    /// <summary>States known to the replication.</summary>
    public required long Entries { get; init; }

    /// <summary>One entry per peer.</summary>
    public IReadOnlyList<PeerStatus> Peers { get; init; } = [];

    /// <summary>Counters of the replication since the daemon started, by name.</summary>
    public IReadOnlyDictionary<string, long> Counters { get; init; } = new Dictionary<string, long>();
}

/// <summary>One peer of the state replication.</summary>
public sealed record PeerStatus
{
    /// <summary>The peer's address on the sync link.</summary>
    public required string Address { get; init; }

    /// <summary>True when the peer was heard recently.</summary>
    public required bool Alive { get; init; }

    /// <summary>True when the peer holds every state that this node owns, and the other way round.</summary>
    public required bool InSync { get; init; }

    /// <summary>How far the replication is behind, milliseconds; null when unknown (also when set to a number that is not finite).</summary>
    public double? LagMs
    {
        get;
        init => field = value is { } lag && double.IsFinite(lag) ? lag : null;
    }

    /// <summary>"done", "running 37%", "comparing", "waiting" or "failed".</summary>
    public required string Bulk { get; init; }

    /// <summary>"equal" or "different": both nodes' tables when they were last compared; null when they were not yet, or cannot be.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Tables { get; init; }

    /// <summary>Seconds since both directions were compared; null when they were not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ComparedSecondsAgo { get; init; }

    /// <summary>States told or asked for because the tables differed, since the daemon started; null where they were not compared.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Repaired { get; init; }

    /// <summary>Why a peer that is heard does not count as reached: "does not hear", "does not acknowledge"; null when both directions work.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Silence { get; init; }

    /// <summary>Half of what was sent in the last minutes was in the peer's kernel within so many milliseconds; null where nothing was sent, or it is not measured.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LagMedianMs { get; init; }

    /// <summary>The same for 99 of 100.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? LagHighMs { get; init; }

    /// <summary>Age of the oldest change that the peer has not acknowledged, milliseconds; 0 where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? OldestMs { get; init; }

    /// <summary>Datagrams sent again since the daemon started.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Resent { get; init; }

    /// <summary>The device of the sync link that states to it take; null where there is but one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Link { get; init; }
}

/// <summary>A node's part in the replication of the configuration.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ConfigRole>))]
public enum ConfigRole
{
    /// <summary>No replication.</summary>
    [JsonStringEnumMemberName("none")]
    None,

    /// <summary>This node pushes.</summary>
    [JsonStringEnumMemberName("primary")]
    Primary,

    /// <summary>This node receives.</summary>
    [JsonStringEnumMemberName("secondary")]
    Secondary,
}

/// <summary>Replication of the configuration.</summary>
public sealed record ConfigSyncStatus
{
    /// <summary>This node's part.</summary>
    public required ConfigRole Role { get; init; }

    /// <summary>Digest of the replicated areas of the running configuration, hexadecimal; null when not computed.</summary>
    public string? Digest { get; init; }

    /// <summary>One entry per peer.</summary>
    public IReadOnlyList<ConfigPeerStatus> Peers { get; init; } = [];

    /// <summary>Both nodes were edited: what happened, and what can be done; null when not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Conflict { get; init; }

    /// <summary>Until when a change waits for its confirmation, UTC; null when none does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? ConfirmUntil { get; init; }

    /// <summary>When a primary was last received from, UTC; null when never.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? LastReceived { get; init; }

    /// <summary>Areas that are pushed and that nothing on this node acts on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? KeptNotApplied { get; init; }
}

/// <summary>One peer of the configuration replication.</summary>
public sealed record ConfigPeerStatus
{
    /// <summary>The peer's address.</summary>
    public required string Address { get; init; }

    /// <summary>True when the digests of both nodes were read and are equal.</summary>
    public required bool InSync { get; init; }

    /// <summary>When the last push ended well, UTC; null when none did.</summary>
    public DateTimeOffset? LastPush { get; init; }

    /// <summary>Why the last push failed; null when it did not.</summary>
    public string? Error { get; init; }

    /// <summary>When the peer's digests were last read, UTC; null when never.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? LastVerified { get; init; }

    /// <summary>Since when the peer has something else than this node, UTC; null when it has the same, or when nothing is known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? DriftSince { get; init; }

    /// <summary>Areas in which the peer differs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Differing { get; init; }
}
