using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>What the compiler must know about the running node and the file does not say.</summary>
public sealed record RulesetContext
{
    /// <summary>UDP port of the heartbeat between nodes.</summary>
    public const int HeartbeatPort = 7241;

    /// <summary>Name under which <see cref="Tables"/> may hold another list of bogus IPv4 networks than the built-in one.</summary>
    public const string BogonTable = "bogons";

    /// <summary>The same for IPv6.</summary>
    public const string BogonTableIPv6 = "bogonsv6";

    /// <summary>Logical interfaces with their devices; one that is missing here has only the device of the configuration.</summary>
    public ImmutableArray<RulesetInterface> Interfaces { get; init; } = [];

    /// <summary>UDP port of state synchronisation; taken from peers on the sync links only and not tracked.</summary>
    public int StateSyncPort { get; init; } = 7240;

    /// <summary>Further UDP ports open for peers on the sync links, not tracked.</summary>
    public ImmutableArray<int> PeerUdpPorts { get; init; } = [];

    /// <summary>Further TCP ports open for peers on the sync links.</summary>
    public ImmutableArray<int> PeerTcpPorts { get; init; } = [];

    /// <summary>The node's wall-clock time in the zone that schedules are meant in; null: rules with a schedule are left out.</summary>
    public DateTime? LocalTime { get; init; }

    /// <summary>Values of aliases that the file does not hold, by the alias's name.</summary>
    public ImmutableDictionary<string, AliasFile> Tables { get; init; } = ImmutableDictionary<string, AliasFile>.Empty;
}

/// <summary>One logical interface as the kernel has it.</summary>
/// <param name="Name">lan, wan, opt1.</param>
/// <param name="Devices">The device and its virtual-MAC devices (<c>rd3.2</c>): a rule for the interface is for all of them.</param>
/// <param name="Addresses">The node's own addresses on it with prefix lengths, virtual ones left out; added to those of the configuration.</param>
public sealed record RulesetInterface(string Name, ImmutableArray<string> Devices, ImmutableArray<AddressPrefix> Addresses);
