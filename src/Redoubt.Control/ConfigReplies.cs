using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>One thing that is wrong in a document, or not acted on.</summary>
/// <param name="Severity">"error": the document is refused. "warning": it is taken.</param>
/// <param name="Line">Line, from 1; 0 when there is none.</param>
/// <param name="Element">Path of the element, "virtualip/vip[2]/vhid"; empty when the whole document is meant.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Expected">What would be right; empty when the message says it.</param>
public sealed record ConfigProblem(string Severity, int Line, string Element, string Message, string Expected = "");

/// <summary>One difference between two documents; secrets are shown as ***.</summary>
/// <param name="Path">The element.</param>
/// <param name="Kind">"added", "removed", "changed" or "moved".</param>
/// <param name="Old">Text before, or null.</param>
/// <param name="New">Text after, or null.</param>
public sealed record ConfigDifference(string Path, string Kind, string? Old, string? New);

/// <summary>One entry of the history: a document that was in force.</summary>
public sealed record ConfigRevision
{
    /// <summary>The entry's name, for <c>config rollback</c>.</summary>
    public required string Id { get; init; }

    /// <summary>When it was applied, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>Who applied it.</summary>
    public required string User { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>SHA-256 of the document's bytes, hexadecimal.</summary>
    public required string Digest { get; init; }

    /// <summary>Bytes of the document.</summary>
    public required long Bytes { get; init; }

    /// <summary>What changed against the entry before, at most a few lines.</summary>
    public IReadOnlyList<string> Changes { get; init; } = [];

    /// <summary>True for the entry that is in force.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Current { get; init; }
}

/// <summary>A push that redoubt-web shall carry out.</summary>
/// <param name="Id">Its number; plan and result name it.</param>
/// <param name="DryRun">Compare with the peer, change nothing.</param>
/// <param name="Areas">Areas; empty: all that are switched on.</param>
/// <param name="Reason">Why.</param>
public sealed record PushWanted(long Id, bool DryRun, IReadOnlyList<string> Areas, string Reason);

/// <summary>What redoubt-web needs for a push; the methodCall goes beside the line, unless there is none to make.</summary>
public sealed record PushPlan
{
    /// <summary>Number of the wanted push.</summary>
    public required long Id { get; init; }

    /// <summary>"https" or "http".</summary>
    public required string Scheme { get; init; }

    /// <summary>The peer's address, without brackets.</summary>
    public required string Host { get; init; }

    /// <summary>The peer's port.</summary>
    public required int Port { get; init; }

    /// <summary>The remote account.</summary>
    public required string User { get; init; }

    /// <summary>Its password.</summary>
    public required string Password { get; init; }

    /// <summary>SHA-256 of the peer's certificate, hexadecimal; null: none is pinned.</summary>
    public string? Pin { get; init; }

    /// <summary>The version of the local document, which the peer's must equal.</summary>
    public required string ConfigVersion { get; init; }

    /// <summary>Areas that the call carries; none where the peer has all of it.</summary>
    public required IReadOnlyList<string> Areas { get; init; }

    /// <summary>The method of the call: <c>pfsense.restore_config_section</c>, or for a peer of ours <c>redoubt.restore_config_changes</c>.</summary>
    public string Method { get; init; } = "pfsense.restore_config_section";

    /// <summary>Our digests of these areas as they shall be on the peer, by area.</summary>
    public required IReadOnlyDictionary<string, string> Digests { get; init; }

    /// <summary>Id of the node where the change began.</summary>
    public required string Origin { get; init; }

    /// <summary>Ids of the nodes that the change has passed, this one last.</summary>
    public required IReadOnlyList<string> Path { get; init; }

    /// <summary>Our number of the change.</summary>
    public required long Generation { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"PushPlan {{ Id = {Id}, Host = {Host}, Generation = {Generation} }}";
}

/// <summary>What the peer of a push asks first.</summary>
/// <param name="Config">The document's version, the text of its element <c>version</c>.</param>
/// <param name="Product">Version of the daemon.</param>
/// <param name="Kernel">Release of the kernel.</param>
/// <param name="Node">Name of this node.</param>
/// <param name="NodeId">Id of this node in its cluster, as in <c>X-Redoubt-Origin</c>.</param>
public sealed record ConfigVersion(string Config, string Product, string Kernel, string Node, string NodeId);

/// <summary>One area of the configuration on this node.</summary>
/// <param name="Area">Its name.</param>
/// <param name="Digest">Canonical digest of its content, hexadecimal.</param>
/// <param name="State">"applied", or "kept, not applied" where nothing on this node acts on it.</param>
public sealed record ConfigArea(string Area, string Digest, string State);

/// <summary>One account.</summary>
public sealed record UserEntry
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its number; 0 is the first administrator.</summary>
    public required int Uid { get; init; }

    /// <summary>Text for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>True when it cannot log in.</summary>
    public bool Disabled { get; init; }

    /// <summary>Its own privileges and those of its groups, sorted.</summary>
    public IReadOnlyList<string> Privileges { get; init; } = [];

    /// <summary>Groups that it is a member of.</summary>
    public IReadOnlyList<string> Groups { get; init; } = [];
}
