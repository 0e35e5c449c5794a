using System.Collections.Immutable;

namespace Redoubt.Core.Cluster;

/// <summary>What a token is compared with: this node as it is.</summary>
public sealed record ClusterFacts
{
    /// <summary>Its host name.</summary>
    public required string Name { get; init; }

    /// <summary>The id that its configuration names; 0 where it names none.</summary>
    public int Id { get; init; }

    /// <summary>Logical names of its interfaces, in their order.</summary>
    public required ImmutableArray<string> Interfaces { get; init; }

    /// <summary>Its own addresses by logical name of the interface; written as <see cref="ClusterMember.Addresses"/> are.</summary>
    public required ImmutableArray<(string Interface, string Address)> Addresses { get; init; }

    /// <summary>Version of this program.</summary>
    public required string Version { get; init; }

    /// <summary>Its cluster's secret; null where it is in no cluster.</summary>
    public ClusterSecret? Secret { get; init; }

    /// <summary>Its wall clock, seconds since 1970 UTC.</summary>
    public required long Now { get; init; }
}
