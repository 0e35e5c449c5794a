using Redoubt.Control;

namespace Redoubt.Daemon.Control;

/// <summary>
/// What the control socket can ask the daemon to do. The delegates are called on threads of the pool, several at a time; they
/// may wait (for the election thread's answer, for a hand-over), and must bring their own time limit. Arguments are checked
/// for form and range before; whether they make sense (does the vhid exist?) the delegate decides.
/// </summary>
public sealed record ControlVerbs
{
    /// <summary>The node's state now.</summary>
    public required Func<NodeStatus> Status { get; init; }

    /// <summary>Looks for what would break a failover.</summary>
    public required Func<Examination> Doctor { get; init; }

    /// <summary>Switches CARP on (true) or off.</summary>
    public required Func<bool, VerbResult> CarpEnable { get; init; }

    /// <summary>Enters a demotion: amount 1..240, reason.</summary>
    public required Func<int, string, VerbResult> CarpDemote { get; init; }

    /// <summary>Takes back the demotion of that reason.</summary>
    public required Func<string, VerbResult> CarpUndemote { get; init; }

    /// <summary>Asks a vhid on a logical interface to become "master" or "backup".</summary>
    public required Func<byte, string, string, VerbResult> CarpState { get; init; }

    /// <summary>Switches persistent maintenance mode; it is on disk before the delegate returns.</summary>
    public required Func<bool, VerbResult> Maintenance { get; init; }

    /// <summary>Planned hand-over: back, force.</summary>
    public required Func<bool, bool, VerbResult> Failover { get; init; }

    /// <summary>The size of the state table.</summary>
    public required Func<StateCount> StatesCount { get; init; }

    /// <summary>
    /// Visits the states until the visitor returns false. A slow reader slows the visitor down (up to
    /// <see cref="ServerLimits.Stall"/> a row): hold nothing meanwhile that election or replication waits for.
    /// </summary>
    public required Action<Func<StateRow, bool>> StatesList { get; init; }

    /// <summary>The rules of the firewall with their counters. Asks nft: up to a second for ten thousand rules.</summary>
    public required Func<IReadOnlyList<RuleRow>> RulesList { get; init; }

    /// <summary>Asks for a new bulk synchronisation.</summary>
    public required Func<VerbResult> StatesSync { get; init; }

    /// <summary>The configuration's verbs; null where there is no store.</summary>
    public ConfigVerbs? Config { get; init; }
}
