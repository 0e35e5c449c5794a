using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>nat/outbound/mode.</summary>
public enum OutboundNatMode
{
    /// <summary>Internal networks are translated on every WAN. Default.</summary>
    Automatic,

    /// <summary>The listed rules first, then the automatic ones.</summary>
    Hybrid,

    /// <summary>Only the listed rules ("manual").</summary>
    Advanced,

    /// <summary>No translation.</summary>
    Disabled,
}

/// <summary>nat/outbound/rule: the source address of connections that leave by an interface; the first match decides.</summary>
public sealed record OutboundNatRule
{
    /// <summary>Logical name of the interface by which the packet leaves.</summary>
    public required string Interface { get; init; }

    /// <summary>Applies to IPv6 instead of IPv4.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>IP protocol numbers; empty means all.</summary>
    public ImmutableArray<byte> Protocols { get; init; } = [];

    /// <summary>From whom.</summary>
    public RuleEndpoint Source { get; init; } = new();

    /// <summary>To whom.</summary>
    public RuleEndpoint Destination { get; init; } = new();

    /// <summary>The new source address, usually a CARP address; null: the node's own address on the interface.</summary>
    public AddressPrefix? Target { get; init; }

    /// <summary>The source port is kept; otherwise it is drawn at random.</summary>
    public bool StaticPort { get; init; }

    /// <summary>Matching connections are not translated.</summary>
    public bool NoNat { get; init; }

    /// <summary>Text for people, or empty.</summary>
    public string Description { get; init; } = "";

    /// <summary>Switched off.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}

/// <summary>The section <c>nat</c>, as far as it is applied.</summary>
public sealed record NatConfiguration
{
    /// <summary>Who decides about outbound translation.</summary>
    public OutboundNatMode Mode { get; init; }

    /// <summary>The outbound rules that can be applied, in the order of the file.</summary>
    public ImmutableArray<OutboundNatRule> Outbound { get; init; } = [];
}
