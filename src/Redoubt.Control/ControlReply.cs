using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>One answer line. The line that has <see cref="Ok"/> is the last one of an answer.</summary>
public sealed record ControlReply
{
    /// <summary>True: done; false: refused or failed; null: more lines follow.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Ok { get; init; }

    /// <summary>What was done, or the error.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Message { get; init; }

    /// <summary>Answer to <see cref="ControlVerb.Status"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NodeStatus? Status { get; init; }

    /// <summary>Answer to <see cref="ControlVerb.StatesCount"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StateCount? Count { get; init; }

    /// <summary>One event.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EventRecord? Event { get; init; }

    /// <summary>One state.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StateRow? Row { get; init; }

    /// <summary>One rule.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RuleRow? Rule { get; init; }

    /// <summary>The last line of an answer that failed.</summary>
    public static ControlReply Error(string message) => new() { Ok = false, Message = message };
}
