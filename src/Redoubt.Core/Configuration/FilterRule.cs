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
}

/// <summary>Which addresses one side of a rule means.</summary>
public enum EndpointKind
{
    /// <summary>Every address.</summary>
    Any,

    /// <summary>The networks on the interface <see cref="RuleEndpoint.Interface"/> ("lan").</summary>
    InterfaceNetwork,

    /// <summary>This node's own address on it ("lanip").</summary>
    InterfaceAddress,

    /// <summary>Every address of this node ("(self)").</summary>
    Self,

    /// <summary>The listed <see cref="RuleEndpoint.Prefixes"/>.</summary>
    Prefixes,
}

/// <summary>Ports from <paramref name="First"/> to <paramref name="Last"/>, both included.</summary>
/// <param name="First">0..65535.</param>
/// <param name="Last">Not below <paramref name="First"/>.</param>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <inheritdoc />
    public override string ToString() =>
        First == Last ? FormattableString.Invariant($"{First}") : FormattableString.Invariant($"{First}-{Last}");
}

/// <summary>One side of a rule.</summary>
public sealed record RuleEndpoint
{
    /// <summary>Which addresses.</summary>
    public EndpointKind Kind { get; init; }

    /// <summary>Logical interface name, for the two kinds that need one; else empty.</summary>
    public string Interface { get; init; } = "";

    /// <summary>Networks and hosts, aliases resolved.</summary>
    public ImmutableArray<AddressPrefix> Prefixes { get; init; } = [];

    /// <summary>The addresses are those that must not match. Never set for <see cref="EndpointKind.Any"/>.</summary>
    public bool Not { get; init; }

    /// <summary>Ports; empty means all.</summary>
    public ImmutableArray<PortRange> Ports { get; init; } = [];
}

/// <summary>One filter rule: it judges the first packet of a connection that comes in by its interface; the first match decides.</summary>
public sealed record FilterRule
{
    /// <summary>What happens.</summary>
    public required RuleAction Action { get; init; }

    /// <summary>Logical name of the interface by which the packet comes in.</summary>
    public required string Interface { get; init; }

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

    /// <summary>Text for people, or empty. Hostile until proven otherwise: only sanitised text reaches the kernel.</summary>
    public string Description { get; init; } = "";

    /// <summary>The rule's stable number in pfSense's files, or empty.</summary>
    public string Tracker { get; init; } = "";

    /// <summary>Switched off.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}
