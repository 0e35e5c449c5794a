using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>The section <c>hasync</c>.</summary>
public sealed record HaSync
{
    /// <summary>pfsyncenabled: connection states are replicated.</summary>
    public bool PfsyncEnabled { get; init; }

    /// <summary>Logical name of the interface for state synchronisation ("lo0" allowed), or null.</summary>
    public string? PfsyncInterface { get; init; }

    /// <summary>The peer's address on it; null means multicast in pfSense.</summary>
    public AddressPrefix? PfsyncPeer { get; init; }

    /// <summary>pfhostid: creator id of states; null when not given.</summary>
    public uint? HostId { get; init; }

    /// <summary>Where the configuration is pushed to; null on the last node.</summary>
    public AddressPrefix? SynchronizeTo { get; init; }

    /// <summary>The remote account; pfSense's default is admin.</summary>
    public string Username { get; init; } = "admin";

    /// <summary>The remote account's password.</summary>
    public Secret Password { get; init; }

    /// <summary>Names of the areas that are pushed: the tags <c>synchronize…</c> that are on, without that prefix, sorted.</summary>
    public ImmutableArray<string> Areas { get; init; } = [];
}
