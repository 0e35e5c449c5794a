using System.Net;
using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>What the state sync of this node is configured to do; fixed while the loop runs.</summary>
public sealed record StateSyncOptions
{
    /// <summary>The UDP port on which nodes exchange states.</summary>
    public const int DefaultPort = 7240;

    /// <summary>This node's number in the cluster, 1..8.</summary>
    public required int NodeId { get; init; }

    /// <summary>This node's address on the sync interface: bound to, and the source of every datagram.</summary>
    public required IPAddress LocalAddress { get; init; }

    /// <summary>The UDP port of all nodes.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>The other nodes' addresses on the sync interface, 1..7; with plain pfsync none means its group. Datagrams of anybody else are counted and dropped.</summary>
    public required IReadOnlyList<IPAddress> Peers { get; init; }

    /// <summary>The sync interface; the socket is bound to it. Empty: not bound to a device.</summary>
    public required string Device { get; init; }

    /// <summary>Plain pfsync: what each of <see cref="Peers"/> is sent, or the one group where there are none. Empty: the nodes' own transport.</summary>
    public IReadOnlyList<PfFormat> Formats { get; init; } = [];

    /// <summary>Plain pfsync: the creator id of this node's states; null: drawn at each start.</summary>
    public uint? HostId { get; init; }

    /// <summary>A second link beside the first, which <see cref="Device"/>, <see cref="LocalAddress"/> and <see cref="Peers"/> name; null: none. Not with plain pfsync.</summary>
    public StateSyncLink? Second { get; init; }

    /// <summary>What the nodes share to encrypt; null: nothing is encrypted.</summary>
    public ClusterSecret? Secret { get; init; }

    /// <summary>Addresses of the nodes themselves (not the virtual ones): their flows are not replicated.</summary>
    public IReadOnlyList<IPAddress> ExemptAddresses { get; init; } = [];

    /// <summary>What else is replicated, or not.</summary>
    public StateFilters Filters { get; init; } = StateFilters.None;

    /// <summary>Devices on which the first packet of a new flow waits until the peers have its state; empty: it goes at once. Not with plain pfsync.</summary>
    public IReadOnlyList<string> DeferredDevices { get; init; } = [];

    /// <summary>States held at most; further ones are counted and not replicated.</summary>
    public int MaxEntries { get; init; } = 1 << 20;

    /// <summary>Receive buffer asked for the conntrack event socket, in bytes.</summary>
    public int EventBuffer { get; init; } = 8 << 20;

    /// <summary>How long a node that hears no peer waits until it calls itself ready.</summary>
    public TimeSpan LoneWait { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a bulk transfer may take until the node is ready all the same, with an alarm.</summary>
    public TimeSpan BulkLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The time in which the whole table is walked once: a third of the shortest timeout class (UDP and ICMP, 30 s).</summary>
    public TimeSpan ScanPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two comparisons of the tables with a peer.</summary>
    public TimeSpan DigestPeriod { get; init; } = TimeSpan.FromSeconds(5);
}
