using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>What <see cref="ControlVerb.ConfigShow"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigShowRequest
{
    /// <summary>Passwords, keys and hashes are shown as ***. Who may not change things gets nothing else.</summary>
    public bool Redacted { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigApply"/> asks for; the document goes beside the line.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigApplyRequest
{
    /// <summary>Who applies, for the history; 1 to <see cref="ControlLimits.Name"/> characters.</summary>
    public required string User { get; init; }

    /// <summary>Why, for the history; at most <see cref="ControlLimits.ConfigReason"/> characters.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Digest of the document that was edited; where another one is in force by now, the change is refused as a conflict. Null: whatever is in force.</summary>
    public string? BasedOn { get; init; }

    /// <summary>Seconds after which the change is taken back unless it was confirmed, at most <see cref="ControlLimits.ConfirmSeconds"/>; 0: it needs no confirmation.</summary>
    public int ConfirmSeconds { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigDiff"/> compares with the document in force: the document beside the line, or an entry of the history.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigDiffRequest
{
    /// <summary>An entry of the history; null where a document goes beside the line.</summary>
    public string? Id { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigRollback"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigRollbackRequest
{
    /// <summary>An entry of the history.</summary>
    public required string Id { get; init; }

    /// <summary>Who goes back.</summary>
    public required string User { get; init; }

    /// <summary>As in <see cref="ConfigApplyRequest.ConfirmSeconds"/>.</summary>
    public int ConfirmSeconds { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigReceive"/> asks for: a call that came in from a primary; the methodCall goes beside the line.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigReceiveRequest
{
    /// <summary>The method without its prefix: restore_config_section, merge_config_section, merge_installedpackages_section,
    /// interfaces_carp_configure, filter_configure.</summary>
    public required string Method { get; init; }

    /// <summary>The account that was authenticated.</summary>
    public required string User { get; init; }

    /// <summary>Where the call came from.</summary>
    public required string Address { get; init; }

    /// <summary>Id of the node where the change began; null when the caller is no node of ours.</summary>
    public string? Origin { get; init; }

    /// <summary>Ids of the nodes that the change has passed; empty when unknown.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>The caller's number of the change; null when the caller is no node of ours.</summary>
    public long? Generation { get; init; }

    /// <summary>Merge and validate, but change nothing: the answer says what would change.</summary>
    public bool DryRun { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigBackup"/> asks for; the answer's document is an XML-RPC methodResponse.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigBackupRequest
{
    /// <summary>Names of top-level sections.</summary>
    public required IReadOnlyList<string> Sections { get; init; }

    /// <summary>Passwords, keys and hashes are replaced by a marker.</summary>
    public bool Redacted { get; init; }
}

/// <summary>What <see cref="ControlVerb.ConfigPush"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigPushRequest
{
    /// <summary>Compare with the peer, change nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>Areas; empty: all that are switched on.</summary>
    public IReadOnlyList<string> Areas { get; init; } = [];

    /// <summary>Why, for both nodes' logs.</summary>
    public string Reason { get; init; } = "";
}

/// <summary>What <see cref="ControlVerb.ConfigPushPlan"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigPushPlanRequest
{
    /// <summary>Number of the wanted push.</summary>
    public required long Id { get; init; }

    /// <summary>Areas; empty: all that are switched on.</summary>
    public IReadOnlyList<string> Areas { get; init; } = [];

    /// <summary>Only how the peer is reached is wanted: no call comes beside the line, and the plan counts as no push.</summary>
    public bool Brief { get; init; }

    /// <summary>
    /// Digests by area that the peer told: areas that are equal there are left out where they can be, and where all are, the plan has no areas and nothing is beside
    /// the line. Null: nothing is known, all of it is wanted.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Held { get; init; }

    /// <summary>Areas are wanted whole, although the peer may hold what they were before.</summary>
    public bool Whole { get; init; }
}

/// <summary>How a push ended (<see cref="ControlVerb.ConfigPushResult"/>).</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ConfigPushResult
{
    /// <summary>Number of the wanted push.</summary>
    public required long Id { get; init; }

    /// <summary>The peer's address.</summary>
    public required string Peer { get; init; }

    /// <summary>True when the peer took the change, or, in a dry run, when it answered.</summary>
    public required bool Ok { get; init; }

    /// <summary>Why not; null when it did.</summary>
    public string? Error { get; init; }

    /// <summary>Areas that were pushed.</summary>
    public IReadOnlyList<string> Areas { get; init; } = [];

    /// <summary>The peer's digests, read from it after the push, by area; null when they could not be read.</summary>
    public IReadOnlyDictionary<string, string>? PeerDigests { get; init; }

    /// <summary>How long it took.</summary>
    public double Seconds { get; init; }

    /// <summary>The number that the plan had.</summary>
    public long Generation { get; init; }

    /// <summary>What differs, for people; only of a dry run.</summary>
    public IReadOnlyList<string> Differences { get; init; } = [];
}

/// <summary>What <see cref="ControlVerb.Auth"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AuthRequest
{
    /// <summary>The account.</summary>
    public required string User { get; init; }

    /// <summary>Its password.</summary>
    public required string Password { get; init; }

    /// <summary>The privilege that is needed; null: any account will do.</summary>
    public string? Privilege { get; init; }

    /// <summary>Where the one who wants in comes from.</summary>
    public required string Address { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"AuthRequest {{ User = {User}, Privilege = {Privilege}, Address = {Address} }}";
}

/// <summary>What <see cref="ControlVerb.User"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record UserRequest
{
    /// <summary>"list", "add", "passwd", "privilege" or "delete".</summary>
    public required string Action { get; init; }

    /// <summary>The account; null for a list.</summary>
    public string? Name { get; init; }

    /// <summary>The new password of "add" and "passwd".</summary>
    public string? Password { get; init; }

    /// <summary>Text for people, for "add".</summary>
    public string? Description { get; init; }

    /// <summary>The privileges that "add" and "privilege" grant.</summary>
    public IReadOnlyList<string> Grant { get; init; } = [];

    /// <summary>The privileges that "privilege" takes away.</summary>
    public IReadOnlyList<string> Revoke { get; init; } = [];

    /// <summary>Who changes it, for the history.</summary>
    public string By { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => $"UserRequest {{ Action = {Action}, Name = {Name} }}";
}

/// <summary>What <see cref="ControlVerb.InterfacesAssign"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record InterfaceAssignRequest
{
    /// <summary>Logical name: lan, wan, optN.</summary>
    public required string Name { get; init; }

    /// <summary>Kernel's name of the device.</summary>
    public required string Device { get; init; }

    /// <summary>Text for people; null: as it is.</summary>
    public string? Description { get; init; }

    /// <summary>The node's own address with prefix length, "10.0.0.11/24"; null: as it is.</summary>
    public string? Address { get; init; }

    /// <summary>Who changes it, for the history.</summary>
    public string By { get; init; } = "";
}
