using System.Text.Json.Serialization;

namespace Redoubt.Control;

/// <summary>State of one vhid as shown to people and scripts.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VipState>))]
public enum VipState
{
    /// <summary>Not taking part: link down or not ready.</summary>
    [JsonStringEnumMemberName("INIT")]
    Init,

    /// <summary>Another node holds the addresses.</summary>
    [JsonStringEnumMemberName("BACKUP")]
    Backup,

    /// <summary>This node holds the addresses.</summary>
    [JsonStringEnumMemberName("MASTER")]
    Master,

    /// <summary>CARP was switched off by the operator.</summary>
    [JsonStringEnumMemberName("DISABLED")]
    Disabled,
}

/// <summary>Elections of this node.</summary>
public sealed record CarpStatus
{
    /// <summary>False after <c>carp disable</c>.</summary>
    public required bool Enabled { get; init; }

    /// <summary>True while persistent maintenance mode is on.</summary>
    public required bool Maintenance { get; init; }

    /// <summary>The demotion that is in force: the sum of the ledger, clamped to 0..240 as CARP carries it.</summary>
    public required int Demotion { get; init; }

    /// <summary>The demotion ledger.</summary>
    public IReadOnlyList<DemotionEntry> Demotions { get; init; } = [];

    /// <summary>One entry per vhid and interface.</summary>
    public IReadOnlyList<VipStatus> Vips { get; init; } = [];

    /// <summary>What runs only while this node is master.</summary>
    public IReadOnlyList<ServiceStatus> Services { get; init; } = [];

    /// <summary>What became of hooks since the daemon started.</summary>
    public HookStatus Hooks { get; init; } = new(0, 0, 0, 0, 0);

    /// <summary>One entry per interface with virtual addresses.</summary>
    public IReadOnlyList<CarpInterfaceCounters> Counters { get; init; } = [];
}

/// <summary>Packets of protocol 112 on one interface since the daemon started.</summary>
/// <param name="Interface">Logical name.</param>
/// <param name="Received">Packets received, whatever became of them.</param>
/// <param name="Sent">Advertisements sent.</param>
/// <param name="Outcomes">What became of the received ones, by BSD's names: accepted, badttl, badauth, ...</param>
public sealed record CarpInterfaceCounters(string Interface, long Received, long Sent, IReadOnlyDictionary<string, long> Outcomes);

/// <summary>What became of hooks.</summary>
/// <param name="Completed">Ended with code 0.</param>
/// <param name="Failed">Ended with another code, or could not be started.</param>
/// <param name="TimedOut">Killed for their time.</param>
/// <param name="Refused">Not run, because somebody else could have changed them.</param>
/// <param name="Superseded">Not run, because the role was another one again before their turn came.</param>
public sealed record HookStatus(long Completed, long Failed, long TimedOut, long Refused, long Superseded);

/// <summary>One role-bound service.</summary>
public sealed record ServiceStatus
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The failover group that it follows; null where it follows a vhid.</summary>
    public string? Group { get; init; }

    /// <summary>The vhid that it follows, "lan@1"; null where it follows a group.</summary>
    public string? Vip { get; init; }

    /// <summary>Whether this node's role wants it to run.</summary>
    public required bool Wanted { get; init; }

    /// <summary>Whether it runs, as far as is known; null while a unit's state is not.</summary>
    public bool? Running { get; init; }

    /// <summary>Since when, UTC.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Why it failed the last time in this role; null where it did not.</summary>
    public string? Error { get; init; }
}

/// <summary>One reason why this node is demoted.</summary>
/// <param name="Reason">The reason's name; the key that <c>carp undemote</c> takes.</param>
/// <param name="Amount">How much it adds to the demotion.</param>
/// <param name="Since">When it was entered, UTC.</param>
public sealed record DemotionEntry(string Reason, int Amount, DateTimeOffset Since);

/// <summary>One virtual host: a vhid on an interface, with its addresses.</summary>
public sealed record VipStatus
{
    /// <summary>Logical interface name: lan, wan, optN.</summary>
    public required string Interface { get; init; }

    /// <summary>Kernel device of that interface.</summary>
    public required string Device { get; init; }

    /// <summary>Virtual host id, 1..255.</summary>
    public required byte Vhid { get; init; }

    /// <summary>State of the election.</summary>
    public required VipState State { get; init; }

    /// <summary>"vrrp3" or "vrrp2"; left out where it is elected by CARP.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Protocol { get; init; }

    /// <summary>VRRP: the priority as advertised, with the demotion taken off; left out for CARP.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public byte? Priority { get; init; }

    /// <summary>"real" where its addresses are at the device's own MAC; left out where they are at the virtual one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mac { get; init; }

    /// <summary>Base of the advertisement interval, seconds.</summary>
    [JsonPropertyName("advbase")]
    public required byte AdvBase { get; init; }

    /// <summary>Skew of the advertisement interval, 1/256 seconds, without demotion.</summary>
    [JsonPropertyName("advskew")]
    public required byte AdvSkew { get; init; }

    /// <summary>Addresses with prefix length, "10.0.0.1/24".</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Since when the state holds, UTC.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why the state is what it is.</summary>
    public required string Reason { get; init; }

    /// <summary>Name or address of the present master; null while none is known.</summary>
    public string? Master { get; init; }
}
