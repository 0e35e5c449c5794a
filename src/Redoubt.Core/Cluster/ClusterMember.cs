using System.Collections.Immutable;

namespace Redoubt.Core.Cluster;

/// <summary>A node as a token names it.</summary>
/// <param name="Id">1..8.</param>
/// <param name="Name">Its host name.</param>
/// <param name="Addresses">Its addresses on the sync links, one or two.</param>
public sealed record ClusterMember(int Id, string Name, ImmutableArray<string> Addresses);
