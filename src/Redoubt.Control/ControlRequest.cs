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

    /// <summary>The arguments of <c>config-show</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigShowRequest? Show { get; init; }

    /// <summary>The arguments of <c>config-apply</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigApplyRequest? Apply { get; init; }

    /// <summary>The arguments of <c>config-diff</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigDiffRequest? Diff { get; init; }

    /// <summary>The arguments of <c>config-rollback</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigRollbackRequest? Rollback { get; init; }

    /// <summary>The arguments of <c>config-receive</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigReceiveRequest? Receive { get; init; }

    /// <summary>The arguments of <c>config-backup</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigBackupRequest? Backup { get; init; }

    /// <summary>The arguments of <c>config-push</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigPushRequest? Push { get; init; }

    /// <summary>The arguments of <c>config-push-plan</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigPushPlanRequest? PushPlan { get; init; }

    /// <summary>The arguments of <c>config-push-result</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConfigPushResult? PushResult { get; init; }

    /// <summary>The arguments of <c>auth</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AuthRequest? Auth { get; init; }

    /// <summary>The arguments of <c>user</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public UserRequest? User { get; init; }

    /// <summary>The arguments of <c>interfaces-assign</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public InterfaceAssignRequest? Assign { get; init; }

    /// <summary>For <c>web-certificate</c>: SHA-256 of the one that the caller has, lower-case hexadecimal.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Known { get; init; }

    /// <summary>For <c>web-certificate</c>: SHA-256 of the one that the caller shows, its own perhaps, lower-case hexadecimal.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Shown { get; init; }

    /// <summary>The arguments of <c>cluster-init</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ClusterInitRequest? ClusterInit { get; init; }

    /// <summary>The arguments of <c>cluster-join</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ClusterJoinRequest? ClusterJoin { get; init; }
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

    /// <summary>Answers with <see cref="ControlReply.Examination"/>.</summary>
    public const string Doctor = "doctor";

    /// <summary>Starts a new bulk synchronisation.</summary>
    public const string StatesSync = "states-sync";

    /// <summary>Answers with the document in force (<see cref="ControlRequest.Show"/>).</summary>
    public const string ConfigShow = "config-show";

    /// <summary>Says what is wrong with the document beside the line, and changes nothing.</summary>
    public const string ConfigCheck = "config-check";

    /// <summary>Answers with what differs from the document in force (<see cref="ControlRequest.Diff"/>).</summary>
    public const string ConfigDiff = "config-diff";

    /// <summary>Applies the document beside the line (<see cref="ControlRequest.Apply"/>).</summary>
    public const string ConfigApply = "config-apply";

    /// <summary>Keeps a change that waits for its confirmation.</summary>
    public const string ConfigConfirm = "config-confirm";

    /// <summary>Takes the primary's next push although this node was edited.</summary>
    public const string ConfigAccept = "config-accept";

    /// <summary>Answers with the history, newest first.</summary>
    public const string ConfigHistory = "config-history";

    /// <summary>Applies an entry of the history (<see cref="ControlRequest.Rollback"/>).</summary>
    public const string ConfigRollback = "config-rollback";

    /// <summary>Carries out a call from a primary (<see cref="ControlRequest.Receive"/>).</summary>
    public const string ConfigReceive = "config-receive";

    /// <summary>Answers with sections of the document as a methodResponse (<see cref="ControlRequest.Backup"/>).</summary>
    public const string ConfigBackup = "config-backup";

    /// <summary>Answers with <see cref="ControlReply.Version"/>.</summary>
    public const string ConfigVersion = "config-version";

    /// <summary>Answers with <see cref="ControlReply.Areas"/>.</summary>
    public const string ConfigDigests = "config-digests";

    /// <summary>Pushes to the peer and waits for the outcome (<see cref="ControlRequest.Push"/>).</summary>
    public const string ConfigPush = "config-push";

    /// <summary>Attaches redoubt-web: a line for each wanted push (<see cref="ControlReply.Push"/>), without end.</summary>
    public const string ConfigPushFollow = "config-push-follow";

    /// <summary>Answers with <see cref="ControlReply.Plan"/> and the methodCall beside it.</summary>
    public const string ConfigPushPlan = "config-push-plan";

    /// <summary>Says how a push ended (<see cref="ControlRequest.PushResult"/>).</summary>
    public const string ConfigPushResult = "config-push-result";

    /// <summary>Is this the password of that account, and has it the privilege (<see cref="ControlRequest.Auth"/>)?</summary>
    public const string Auth = "auth";

    /// <summary>Lists and changes accounts (<see cref="ControlRequest.User"/>).</summary>
    public const string User = "user";

    /// <summary>Makes a cluster, or invites one more node (<see cref="ControlRequest.ClusterInit"/>); answers with <see cref="ControlReply.Token"/>.</summary>
    public const string ClusterInit = "cluster-init";

    /// <summary>Takes an invitation, or the answer to one (<see cref="ControlRequest.ClusterJoin"/>).</summary>
    public const string ClusterJoin = "cluster-join";

    /// <summary>Answers with <see cref="ControlReply.Cluster"/>.</summary>
    public const string ClusterShow = "cluster-show";

    /// <summary>Gives a logical interface its device (<see cref="ControlRequest.Assign"/>).</summary>
    public const string InterfacesAssign = "interfaces-assign";

    /// <summary>
    /// Answers with the certificate that redoubt-web is to serve (<see cref="ControlReply.Digest"/>: its SHA-256; none: its own), and, unless the caller has it
    /// (<see cref="ControlRequest.Known"/>), as the document with its key, in PEM. For redoubt-web alone.
    /// </summary>
    public const string WebCertificate = "web-certificate";
}
