using Redoubt.Core;

namespace Redoubt.Linux.Nftables;

/// <summary>One virtual address.</summary>
/// <param name="Address">The address.</param>
/// <param name="IsIPv6">Its family.</param>
public readonly record struct GateAddress(IpAddressValue Address, bool IsIPv6);

/// <summary>One vhid on one interface, as the gate sees it.</summary>
/// <param name="Device">Name of its macvlan; empty where it has none, and its addresses are on the parent.</param>
/// <param name="DeviceIndex">Index of its macvlan.</param>
/// <param name="Group">Index of the lease group whose lease opens its gate.</param>
/// <param name="Addresses">Its virtual addresses.</param>
public sealed record GateMember(string Device, int DeviceIndex, int Group, IReadOnlyList<GateAddress> Addresses)
{
    /// <summary>Whether it has a macvlan.</summary>
    public bool HasDevice => Device.Length > 0;
}

/// <summary>Vhids that share one lease: those of a failover group, or, without heartbeats, those that advertise equally often.</summary>
/// <param name="Lifetime">How long the lease lasts from each advertisement, while the node is not demoted.</param>
/// <param name="DemotedLifetime">The same while it is demoted and so advertises less often.</param>
/// <param name="Heartbeats">How long it lasts from each heartbeat, by level (<see cref="GateMark.Heartbeat"/>); empty without heartbeats.</param>
public sealed record GateGroup(TimeSpan Lifetime, TimeSpan DemotedLifetime, IReadOnlyList<TimeSpan> Heartbeats)
{
    /// <summary>A group whose lease is renewed by advertisements alone.</summary>
    public GateGroup(TimeSpan lifetime, TimeSpan demotedLifetime)
        : this(lifetime, demotedLifetime, []) { }
}

/// <summary>All that the gate has to know.</summary>
/// <param name="Parents">The devices below the macvlans.</param>
/// <param name="Groups">Lease groups, at most <see cref="GroupLimit"/>.</param>
/// <param name="Members">Vhids.</param>
public sealed record GateLayout(IReadOnlyList<string> Parents, IReadOnlyList<GateGroup> Groups, IReadOnlyList<GateMember> Members)
{
    /// <summary>Most lease groups: the mark has 12 bits for them.</summary>
    public const int GroupLimit = 4096;
}

/// <summary>
/// The firewall marks on our own frames: 0x5244 ("RD"), 12 bits lease group, 4 bits kind. Frames carry them only between the
/// socket and the egress hook of the same machine.
/// </summary>
public static class GateMark
{
    /// <summary>What all of them have above.</summary>
    public const uint Family = 0x5244_0000;

    /// <summary>An advertisement that renews the group's lease.</summary>
    public static uint Renew(int group, bool demoted) => Of(group, demoted ? 2u : 1u);

    /// <summary>A frame that may leave while the lease lives, and does not renew it: announcements.</summary>
    public static uint Announce(int group) => Of(group, 3);

    /// <summary>A heartbeat that renews the group's lease, for as long as its level says: 0 to <see cref="HeartbeatLevels"/> - 1.</summary>
    public static uint Heartbeat(int group, int level) => Of(group, 4 + (uint)level);

    /// <summary>Most levels of heartbeats.</summary>
    public const int HeartbeatLevels = 8;

    /// <summary>A frame that may leave without a lease: the advertisement by which a master resigns.</summary>
    public const uint Resign = Family | 0xffffu;

    private static uint Of(int group, uint kind) => Family | ((uint)group << 4) | kind;
}

/// <summary>How far a member's gate is open. Each one includes those before it.</summary>
internal enum GateOpening : byte
{
    /// <summary>Not at all.</summary>
    Closed,

    /// <summary>For packets to the addresses and frames to the virtual MAC.</summary>
    Packets,

    /// <summary>For everything.</summary>
    Open,
}
