using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>filter/rule/type.</summary>
public enum RuleAction
{
    /// <summary>Let through, with state.</summary>
    Pass,

    /// <summary>Drop silently.</summary>
    Block,

    /// <summary>Drop and answer: TCP with a reset, everything else with an ICMP error.</summary>
    Reject,

    /// <summary>Decides nothing: counts, logs and tags. Floating rules only.</summary>
    Match,
}

/// <summary>filter/rule/direction, of floating rules; all others judge what comes in.</summary>
public enum RuleDirection
{
    /// <summary>Packets that come in by the interface.</summary>
    In,

    /// <summary>Packets that leave by it, translated already.</summary>
    Out,

    /// <summary>Both.</summary>
    Any,
}

/// <summary>filter/rule/statetype. Linux has one kind of state; what differs from it is in the remarks.</summary>
public enum RuleStateType
{
    /// <summary>A state is kept.</summary>
    Keep,

    /// <summary>As <see cref="Keep"/>: windows are checked all the same, so less passes than pf would let through.</summary>
    Sloppy,

    /// <summary>As <see cref="Keep"/>: the server answers the handshake itself.</summary>
    SynProxy,

    /// <summary>Passes also packets that fit no state.</summary>
    None,
}

/// <summary>TCP flags that must be set, out of those that are looked at; bits as in the header (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128).</summary>
/// <param name="Set">Flags that are set.</param>
/// <param name="Mask">Flags that are looked at.</param>
public readonly record struct TcpFlagMatch(byte Set, byte Mask);

/// <summary>Limits of a pass rule; what is beyond them is dropped. 0: none.</summary>
public readonly record struct RuleLimits
{
    /// <summary>States the rule may make (max).</summary>
    public int States { get; init; }

    /// <summary>Sources that may have states at a time (max-src-nodes).</summary>
    public int SourceNodes { get; init; }

    /// <summary>States of one source: the smaller one of max-src-states and max-src-conn.</summary>
    public int StatesPerSource { get; init; }

    /// <summary>New connections of one source (max-src-conn-rate) in <see cref="RateSeconds"/>; who makes more is shut out for an hour.</summary>
    public int RateConnections { get; init; }

    /// <summary>max-src-conn-rates.</summary>
    public int RateSeconds { get; init; }

    /// <summary>Says that nothing is limited.</summary>
    public bool IsEmpty => this == default;
}

/// <summary>One filter rule: it judges the first packet of a connection.</summary>
public sealed record FilterRule
{
    /// <summary>What happens.</summary>
    public required RuleAction Action { get; init; }

    /// <summary>Logical names of interfaces and interface groups; exactly one but in floating rules, where none means all.</summary>
    public ImmutableArray<string> Interfaces { get; init; } = [];

    /// <summary>Judged before the rules of the interfaces, in the order of the file.</summary>
    public bool IsFloating { get; init; }

    /// <summary>The first match decides. Without (floating only), the last match decides, and only where nothing else matched.</summary>
    public bool Quick { get; init; } = true;

    /// <summary>Which way the packet goes.</summary>
    public RuleDirection Direction { get; init; }

    /// <summary>Applies to IPv4.</summary>
    public bool IPv4 { get; init; } = true;

    /// <summary>Applies to IPv6.</summary>
    public bool IPv6 { get; init; }

    /// <summary>IP protocol numbers; empty means all. ICMP is 1, and means 58 for IPv6.</summary>
    public ImmutableArray<byte> Protocols { get; init; } = [];

    /// <summary>ICMP types in pfSense's words (echoreq, unreach); empty means all.</summary>
    public ImmutableArray<string> IcmpTypes { get; init; } = [];

    /// <summary>From whom.</summary>
    public RuleEndpoint Source { get; init; } = new();

    /// <summary>To whom.</summary>
    public RuleEndpoint Destination { get; init; } = new();

    /// <summary>Flags of the first packet; null: whatever begins a connection.</summary>
    public TcpFlagMatch? TcpFlags { get; init; }

    /// <summary>Differentiated services code point, 0..63; null: any.</summary>
    public int? Dscp { get; init; }

    /// <summary>What kind of state.</summary>
    public RuleStateType StateType { get; init; }

    /// <summary>The states are not replicated to the peers (nopfsync).</summary>
    public bool NoPfsync { get; init; }

    /// <summary>Every new connection is written to the kernel's log, at a bounded pace.</summary>
    public bool Log { get; init; }

    /// <summary>Packets with IP options may pass.</summary>
    public bool AllowOptions { get; init; }

    /// <summary>Name of the schedule in whose times the rule exists; empty: always.</summary>
    public string Schedule { get; init; } = "";

    /// <summary>Name of the gateway or gateway group that matching connections leave by; empty: as the routing table says.</summary>
    public string Gateway { get; init; } = "";

    /// <summary>Tag that matching packets get; empty: none.</summary>
    public string Tag { get; init; } = "";

    /// <summary>Tag that packets must have; empty: does not matter.</summary>
    public string Tagged { get; init; } = "";

    /// <summary><see cref="Tagged"/> is the tag that packets must not have.</summary>
    public bool NotTagged { get; init; }

    /// <summary>Limits of a pass rule.</summary>
    public RuleLimits Limits { get; init; }

    /// <summary>Text for people, or empty. Hostile until proven otherwise: only sanitised text reaches the kernel.</summary>
    public string Description { get; init; } = "";

    /// <summary>The rule's stable number in pfSense's files, or empty.</summary>
    public string Tracker { get; init; } = "";

    /// <summary>Switched off.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}
