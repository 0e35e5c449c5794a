using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>What <see cref="ControlVerb.ClusterInit"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ClusterInitRequest
{
    /// <summary>Addresses of the node that is invited, one for each sync link: one or two.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>Its host name; null: it tells when it joins.</summary>
    public string? Name { get; init; }

    /// <summary>Logical names of the sync links; empty: as configured.</summary>
    public IReadOnlyList<string> SyncLinks { get; init; } = [];

    /// <summary>Who does it, for the history.</summary>
    public string By { get; init; } = "";
}

/// <summary>What <see cref="ControlVerb.ClusterJoin"/> asks for.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ClusterJoinRequest
{
    /// <summary>An invitation, or the answer to one.</summary>
    public required string Token { get; init; }

    /// <summary>Another cluster may be left for it.</summary>
    public bool Force { get; init; }

    /// <summary>Who does it, for the history.</summary>
    public string By { get; init; } = "";

    /// <inheritdoc/>
    public override string ToString() => "ClusterJoinRequest { Token = *** }";
}

/// <summary>The cluster as this node's configuration has it, and what is heard of the others.</summary>
public sealed record ClusterDescription
{
    /// <summary>This node's id, 1..8.</summary>
    public required int Node { get; init; }

    /// <summary>Its host name.</summary>
    public required string Name { get; init; }

    /// <summary>Version of its program.</summary>
    public required string Version { get; init; }

    /// <summary>Eight hexadecimal digits that are the same on all nodes with the same secret; null: no secret.</summary>
    public string? Secret { get; init; }

    /// <summary>Logical names of the sync links.</summary>
    public required IReadOnlyList<string> SyncLinks { get; init; }

    /// <summary>SHA-256 of the certificate that redoubt-web shows; null where none was told.</summary>
    public string? Certificate { get; init; }

    /// <summary>SHA-256 of the certificate that the push's peer must show; null: none is pinned.</summary>
    public string? Pinned { get; init; }

    /// <summary>The other nodes.</summary>
    public required IReadOnlyList<ClusterMemberDescription> Peers { get; init; }
}

/// <summary>Another node of <see cref="ClusterDescription"/>.</summary>
/// <param name="Node">Its id.</param>
/// <param name="Name">Its name, or address.</param>
/// <param name="Addresses">Its addresses on the sync links.</param>
/// <param name="Heard">What is heard of it; null where there are no heartbeats.</param>
public sealed record ClusterMemberDescription(int Node, string Name, IReadOnlyList<string> Addresses, ClusterPeerStatus? Heard);
