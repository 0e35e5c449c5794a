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

    /// <summary>What is wrong with a document, or not acted on.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ConfigProblem>? Problems { get; init; }

    /// <summary>What differs; cut at <see cref="ControlLimits.Differences"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ConfigDifference>? Differences { get; init; }

    /// <summary>Entries of the history, newest first.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ConfigRevision>? History { get; init; }

    /// <summary>Id of the history's entry that is in force now.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Revision { get; init; }

    /// <summary>SHA-256 of the document in force, for <see cref="ConfigApplyRequest.BasedOn"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Digest { get; init; }

    /// <summary>For <c>auth</c>: when to try again, milliseconds.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? RetryAfterMs { get; init; }

    /// <summary>For <c>config-receive</c>: the fault that the caller gets.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? FaultCode { get; init; }

    /// <summary>A push that redoubt-web shall carry out.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PushWanted? Push { get; init; }

    /// <summary>What redoubt-web needs for a push.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PushPlan? Plan { get; init; }

    /// <summary>How the push ended that <c>config-push</c> waited for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigPushResult? Pushed { get; init; }

    /// <summary>Answer to <c>config-version</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigVersion? Version { get; init; }

    /// <summary>Answer to <c>config-digests</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ConfigArea>? Areas { get; init; }

    /// <summary>Answer to <c>user</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<UserEntry>? Users { get; init; }

    /// <summary>Of <c>cluster-init</c>: the invitation, which holds the secret; of <c>cluster-join</c> with it: the answer, which holds none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Token { get; init; }

    /// <summary>Answer to <c>cluster-show</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ClusterDescription? Cluster { get; init; }

    /// <summary>Answer to <c>doctor</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Examination? Examination { get; init; }

    /// <summary>The last line of an answer that failed.</summary>
    public static ControlReply Error(string message) => new() { Ok = false, Message = message };
}
