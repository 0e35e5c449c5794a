using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>
/// One request line. An unknown field is an error: a daemon must not carry out half of what a newer client asked for.
/// </summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ControlRequest
{
    /// <summary>The verb, one of <see cref="ControlVerb"/>.</summary>
    public required string Verb { get; init; }

    /// <summary>The switch of <c>carp</c> and <c>maintenance</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? On { get; init; }

    /// <summary>The amount of <c>carp-demote</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Amount { get; init; }

    /// <summary>The reason of <c>carp-demote</c> and <c>carp-undemote</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>The vhid of <c>carp-state</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public byte? Vhid { get; init; }

    /// <summary>The logical interface of <c>carp-state</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Interface { get; init; }

    /// <summary>The wanted state of <c>carp-state</c>: "master" or "backup".</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? State { get; init; }

    /// <summary>For <c>failover</c>: take back what was handed over.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Back { get; init; }

    /// <summary>For <c>failover</c>: although the peer is not ready.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Force { get; init; }

    /// <summary>For <c>events</c>: stay and send new ones as they happen.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Follow { get; init; }

    /// <summary>For <c>events</c>: only those at or after this time.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DateTimeOffset? Since { get; init; }
}

/// <summary>The verbs of the control socket.</summary>
public static class ControlVerb
{
    /// <summary>Answers with <see cref="ControlReply.Status"/>.</summary>
    public const string Status = "status";

    /// <summary>Answers with a line per event (<see cref="ControlReply.Event"/>), then the last line; a follow has no last line.</summary>
    public const string Events = "events";

    /// <summary>Switches CARP by <see cref="ControlRequest.On"/>.</summary>
    public const string Carp = "carp";

    /// <summary>Enters a demotion.</summary>
    public const string CarpDemote = "carp-demote";

    /// <summary>Takes a demotion back.</summary>
    public const string CarpUndemote = "carp-undemote";

    /// <summary>Asks one vhid to become master or backup.</summary>
    public const string CarpState = "carp-state";

    /// <summary>Switches persistent maintenance mode by <see cref="ControlRequest.On"/>.</summary>
    public const string Maintenance = "maintenance";

    /// <summary>Hands over to the peer, or takes back.</summary>
    public const string Failover = "failover";

    /// <summary>Answers with <see cref="ControlReply.Count"/>.</summary>
    public const string StatesCount = "states-count";

    /// <summary>Answers with a line per state (<see cref="ControlReply.Row"/>), then the last line.</summary>
    public const string StatesList = "states-list";

    /// <summary>Answers with a line per rule of the firewall (<see cref="ControlReply.Rule"/>), then the last line.</summary>
    public const string RulesList = "rules-list";

    /// <summary>Starts a new bulk synchronisation.</summary>
    public const string StatesSync = "states-sync";
}
