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

/// <summary>How an address of a pool is chosen (poolopts).</summary>
public enum PoolChoice
{
    /// <summary>One after the other.</summary>
    RoundRobin,

    /// <summary>By lot.</summary>
    Random,

    /// <summary>By the source address: one source always has the same.</summary>
    SourceHash,

    /// <summary>The host bits of the source are kept.</summary>
    Bitmask,
}

/// <summary>The addresses that a translation may choose from.</summary>
/// <param name="Range">One or more addresses of one family that follow each other; null for a list.</param>
/// <param name="List">Single addresses of one family.</param>
/// <param name="Choice">How one is chosen.</param>
public sealed record NatPool(AddressPrefix? Range, ImmutableArray<AddressPrefix> List, PoolChoice Choice)
{
    /// <summary>A pool of one address.</summary>
    public static NatPool Of(AddressPrefix host) => new(null, [host], PoolChoice.RoundRobin);

    /// <summary>The family.</summary>
    public bool IsIPv6 => Range?.IsIPv6 ?? List[0].IsIPv6;

    /// <summary>The address of a pool of one, else null.</summary>
    public AddressPrefix? Single => Range is null && List.Length == 1 ? List[0] : null;
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
    public NatPool? Target { get; init; }

    /// <summary>The new source port (natport); null: any.</summary>
    public PortRange? Port { get; init; }

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

/// <summary>nat/rule: a port forward; the first match decides.</summary>
public sealed record PortForward
{
    /// <summary>Logical name of the interface by which the packet comes in.</summary>
    public required string Interface { get; init; }

    /// <summary>Applies to IPv6 instead of IPv4.</summary>
    public bool IsIPv6 { get; init; }

    /// <summary>IP protocol numbers; empty means all.</summary>
    public ImmutableArray<byte> Protocols { get; init; } = [];

    /// <summary>From whom.</summary>
    public RuleEndpoint Source { get; init; } = new();

    /// <summary>To whom, before translation.</summary>
    public RuleEndpoint Destination { get; init; } = new();

    /// <summary>The servers, used in turn; empty only for <see cref="NoRedirect"/>. A loopback address means this node.</summary>
    public ImmutableArray<AddressPrefix> Targets { get; init; } = [];

    /// <summary>The server's port, the first one for a range; null: as the client asked.</summary>
    public ushort? LocalPort { get; init; }

    /// <summary>Whether clients on other interfaces are translated too.</summary>
    public NatReflection Reflection { get; init; }

    /// <summary>Matching connections are not translated (nordr).</summary>
    public bool NoRedirect { get; init; }

    /// <summary>Translated connections pass without a filter rule (associated-rule-id is "pass").</summary>
    public bool Passes { get; init; }

    /// <summary>Text for people, or empty.</summary>
    public string Description { get; init; } = "";

    /// <summary>Switched off.</summary>
    public bool IsDisabled { get; init; }

    /// <summary>Line in the file.</summary>
    public int Line { get; init; }
}

/// <summary>nat/onetoone and nat/npt: one network stands for another of the same size, in both directions.</summary>
public sealed record PrefixTranslation
{
    /// <summary>Logical name of the outer interface.</summary>
    public required string Interface { get; init; }

    /// <summary>The addresses as they are inside.</summary>
    public required AddressPrefix Internal { get; init; }

    /// <summary>The addresses as they are seen outside; as long as <see cref="Internal"/>.</summary>
    public required AddressPrefix External { get; init; }

    /// <summary>Only connections with these.</summary>
    public RuleEndpoint Destination { get; init; } = new();

    /// <summary>Matching connections are not translated (nobinat).</summary>
    public bool IsException { get; init; }

    /// <summary>From other interfaces too.</summary>
    public bool Reflects { get; init; }

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

    /// <summary>The port forwards that can be applied, in the order of the file.</summary>
    public ImmutableArray<PortForward> PortForwards { get; init; } = [];

    /// <summary>The 1:1 translations that can be applied, in the order of the file.</summary>
    public ImmutableArray<PrefixTranslation> OneToOne { get; init; } = [];

    /// <summary>The IPv6 prefix translations that can be applied, in the order of the file.</summary>
    public ImmutableArray<PrefixTranslation> Prefixes { get; init; } = [];
}
