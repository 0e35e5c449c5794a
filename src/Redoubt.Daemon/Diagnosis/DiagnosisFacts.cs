using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Diagnosis;

/// <summary>What an examination looks at: the configuration, what the daemon knows, and what the kernel says at this moment.</summary>
internal sealed record DiagnosisFacts
{
    /// <summary>What is in force.</summary>
    public required NodeConfiguration Configuration { get; init; }

    /// <summary>What <c>status</c> says.</summary>
    public required NodeStatus Status { get; init; }

    /// <summary>The kernel's devices.</summary>
    public required IReadOnlyList<LinkInfo> Links { get; init; }

    /// <summary>The kernel's addresses.</summary>
    public required IReadOnlyList<AddressInfo> Addresses { get; init; }

    /// <summary>Settings that are not as the daemon wants them.</summary>
    public required IReadOnlyList<(string Path, int Wanted, int? Found)> Sysctls { get; init; }

    /// <summary>Other virtual routers on our interfaces.</summary>
    public required IReadOnlyList<ForeignRouter> Foreign { get; init; }

    /// <summary>Whether the kernel protects the address gate from other programs; null where there is no gate.</summary>
    public bool? GateIsOwned { get; init; }

    /// <summary>Entries of connection tracking.</summary>
    public long Entries { get; init; }

    /// <summary>nf_conntrack_max; null where it cannot be read.</summary>
    public long? MaxEntries { get; init; }

    /// <summary>nf_conntrack_buckets; null where it cannot be read.</summary>
    public long? Buckets { get; init; }

    /// <summary>The time, UTC.</summary>
    public required DateTimeOffset Now { get; init; }
}
