using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>What an event is about.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<EventKind>))]
public enum EventKind
{
    /// <summary>The daemon started.</summary>
    [JsonStringEnumMemberName("start")]
    Start,

    /// <summary>The daemon stopped in order.</summary>
    [JsonStringEnumMemberName("stop")]
    Stop,

    /// <summary>A vhid changed its state.</summary>
    [JsonStringEnumMemberName("transition")]
    Transition,

    /// <summary>The demotion ledger changed.</summary>
    [JsonStringEnumMemberName("demotion")]
    Demotion,

    /// <summary>State replication: peers, bulk, overrun.</summary>
    [JsonStringEnumMemberName("sync")]
    Sync,

    /// <summary>Configuration: read, applied, refused, rolled back.</summary>
    [JsonStringEnumMemberName("config")]
    Config,

    /// <summary>An alarm was raised (<see cref="EventRecord.To"/> "raised") or cleared ("cleared").</summary>
    [JsonStringEnumMemberName("alarm")]
    Alarm,

    /// <summary>Maintenance mode was switched.</summary>
    [JsonStringEnumMemberName("maintenance")]
    Maintenance,

    /// <summary>A planned hand-over began, ended or was refused.</summary>
    [JsonStringEnumMemberName("failover")]
    Failover,

    /// <summary>A hook ran, failed or was refused.</summary>
    [JsonStringEnumMemberName("hook")]
    Hook,

    /// <summary>A role-bound service started, stopped or failed.</summary>
    [JsonStringEnumMemberName("service")]
    Service,

    /// <summary>The wall clock was set.</summary>
    [JsonStringEnumMemberName("clock")]
    Clock,
}

/// <summary>One event of a node, as it is kept on disk and sent over the control socket.</summary>
public sealed record EventRecord
{
    /// <summary>Number of the event on this node; grows by one with each event, also over restarts.</summary>
    [JsonPropertyName("seq")]
    public required long Sequence { get; init; }

    /// <summary>When it happened by the node's wall clock, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What it is about.</summary>
    [JsonPropertyName("type")]
    public required EventKind Kind { get; init; }

    /// <summary>One sentence for people.</summary>
    public required string Message { get; init; }

    /// <summary>Logical interface, where the event has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Interface { get; init; }

    /// <summary>Vhid, where the event has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public byte? Vhid { get; init; }

    /// <summary>State before.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? From { get; init; }

    /// <summary>State after.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? To { get; init; }

    /// <summary>Why.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>The mastership epoch of the failover group, where heartbeats count it: the greater one is the later.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Epoch { get; init; }

    /// <summary>The alarm's id, for alarms.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Alarm { get; init; }
}
