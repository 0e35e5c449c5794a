using System.Collections.Immutable;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.Configuration;

/// <summary>redoubt/failover/profile: how fast a dead peer is noticed.</summary>
public enum FailoverProfile
{
    /// <summary>CARP timers only.</summary>
    Carp,

    /// <summary>A heartbeat every 50 ms, three may be lost.</summary>
    Default,

    /// <summary>A heartbeat every 10 ms, three may be lost.</summary>
    Fast,
}

/// <summary>redoubt/failover/preempt: when a better node takes over from a working master.</summary>
public enum PreemptMode
{
    /// <summary>As soon as it is ready.</summary>
    Immediate,

    /// <summary>After <see cref="RedoubtSettings.PreemptDelay"/>.</summary>
    Delayed,

    /// <summary>Only when the master fails or the operator says so.</summary>
    Never,
}

/// <summary>redoubt/statesync/transport.</summary>
public enum StateSyncTransport
{
    /// <summary>Encrypted UDP between Redoubt nodes.</summary>
    Redoubt,

    /// <summary>IP protocol 240, for BSD peers.</summary>
    Pfsync,
}

/// <summary>redoubt/statesync/format: the pfsync dialect.</summary>
public enum StateSyncFormat
{
    /// <summary>Compact, carries all that conntrack has. Default of the redoubt transport.</summary>
    Linux,

    /// <summary>FreeBSD message version 1301.</summary>
    FreeBsd1301,

    /// <summary>FreeBSD message version 1400. Default of the pfsync transport.</summary>
    FreeBsd1400,

    /// <summary>FreeBSD message version 1500.</summary>
    FreeBsd1500,

    /// <summary>OpenBSD version 6.</summary>
    OpenBsd6,
}

/// <summary>redoubt/failover/check/type.</summary>
public enum HealthCheckType
{
    /// <summary>ICMP echo to an address.</summary>
    Ping,

    /// <summary>A TCP connection to address:port.</summary>
    Tcp,

    /// <summary>An interface has carrier; the target is its logical name.</summary>
    Link,

    /// <summary>A GET of "http://address[:port]/path" is answered with a status from 200 to 399.</summary>
    Http,

    /// <summary>A program ends with 0; the target is its path and its arguments, separated by spaces. No shell reads them.</summary>
    Script,

    /// <summary>A process of that name (comm, 15 bytes at most) runs.</summary>
    Process,

    /// <summary>A file exists.</summary>
    File,
}

/// <summary>redoubt/cluster/peer: another node.</summary>
/// <param name="Id">1..8; 0 when the file does not say and it cannot be told from the addresses.</param>
/// <param name="Name">For people; the address when the file names none.</param>
/// <param name="Addresses">Its addresses on the sync links, at least one.</param>
public sealed record ClusterPeer(int Id, string Name, ImmutableArray<AddressPrefix> Addresses)
{
    /// <summary>What it is sent with plain pfsync; null: the format of statesync.</summary>
    public StateSyncFormat? Format { get; init; }
}

/// <summary>redoubt/failover/group: vhids that rise and fall together.</summary>
/// <param name="Name">For people and for commands.</param>
/// <param name="Members">"interface@vhid".</param>
public sealed record FailoverGroup(string Name, ImmutableArray<string> Members);

/// <summary>redoubt/failover/check: a test that demotes this node while it fails.</summary>
/// <param name="Name">For people; the name of the demotion.</param>
/// <param name="Type">What is tested.</param>
/// <param name="Target">What is tested; see <see cref="HealthCheckType"/>.</param>
/// <param name="Weight">Demotion while it fails, 1..240.</param>
public sealed record HealthCheck(string Name, HealthCheckType Type, string Target, int Weight)
{
    /// <summary>From the beginning of one try to the next.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a try may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Successes in a row that end a failure.</summary>
    public int Rise { get; init; } = 2;

    /// <summary>Failures in a row that begin one.</summary>
    public int Fall { get; init; } = 3;
}

/// <summary>What stands under <c>redoubt</c>, with defaults filled in.</summary>
public sealed record RedoubtSettings
{
    /// <summary>This node's id, 1..8; 0 when neither the file nor the peer list tells.</summary>
    public int NodeId { get; init; }

    /// <summary>The other nodes. Default: hasync/pfsyncpeerip.</summary>
    public ImmutableArray<ClusterPeer> Peers { get; init; } = [];

    /// <summary>Logical names of one or two sync links. Default: hasync/pfsyncinterface.</summary>
    public ImmutableArray<string> SyncLinks { get; init; } = [];

    /// <summary>Path relative to the configuration file, or null. Only its syntax is checked here.</summary>
    public string? SecretFile { get; init; }

    /// <summary>Every CARP speaker is a Redoubt node.</summary>
    public bool Strict { get; init; }

    /// <summary>How fast a dead peer is noticed.</summary>
    public FailoverProfile Profile { get; init; } = FailoverProfile.Default;

    /// <summary>Whether a better node takes over from a working master.</summary>
    public PreemptMode Preempt { get; init; } = PreemptMode.Immediate;

    /// <summary>How long a better node waits when <see cref="Preempt"/> is delayed.</summary>
    public TimeSpan PreemptDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the old master goes on forwarding after a planned hand-over.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Failover groups. Default: one, "main", of all vhids.</summary>
    public ImmutableArray<FailoverGroup> Groups { get; init; } = [];

    /// <summary>Addresses that tell which side of a cut is connected.</summary>
    public ImmutableArray<AddressPrefix> Witnesses { get; init; } = [];

    /// <summary>Tests that demote this node.</summary>
    public ImmutableArray<HealthCheck> Checks { get; init; } = [];

    /// <summary>Programs that are told of transitions.</summary>
    public HookSettings Hooks { get; init; } = HookSettings.Default;

    /// <summary>What runs only while this node is master.</summary>
    public ImmutableArray<RoleService> Services { get; init; } = [];

    /// <summary>Router advertisements of the master.</summary>
    public ImmutableArray<RouterAdvertisement> RouterAdvertisements { get; init; } = [];

    /// <summary>How states travel.</summary>
    public StateSyncTransport Transport { get; init; }

    /// <summary>In which format.</summary>
    public StateSyncFormat Format { get; init; }

    /// <summary>Which states are replicated.</summary>
    public StateFilters Filters { get; init; } = StateFilters.None;

    /// <summary>Hold a connection's first packet until the peer has its state.</summary>
    public bool Defer { get; init; }

    /// <summary>Whether the programs that the daemon runs with its own rights, and the units that it starts, are the same.</summary>
    public bool RunsTheSame(RedoubtSettings other) =>
        Hooks.Directory == other.Hooks.Directory && Programs.Order().SequenceEqual(other.Programs.Order());

    private IEnumerable<string> Programs =>
        Checks
            .Where(c => c.Type == HealthCheckType.Script)
            .Select(c => $"script {c.Target}")
            .Concat(Services.Select(s => s.Unit is { } unit ? $"unit {unit}" : $"command {string.Join('\0', s.Command)}"))
            .Distinct();
}
