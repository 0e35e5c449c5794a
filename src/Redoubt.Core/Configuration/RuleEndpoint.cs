using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

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

    /// <summary>The alias <see cref="RuleEndpoint.Alias"/>, to be looked up in <see cref="NodeConfiguration.Aliases"/>.</summary>
    Alias,
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

    /// <summary>Networks and hosts.</summary>
    public ImmutableArray<AddressPrefix> Prefixes { get; init; } = [];

    /// <summary>Name of an alias of addresses, for that kind; else empty.</summary>
    public string Alias { get; init; } = "";

    /// <summary>The addresses are those that must not match. Never set for <see cref="EndpointKind.Any"/>.</summary>
    public bool Not { get; init; }

    /// <summary>Ports; empty means all, unless <see cref="PortAlias"/> names them.</summary>
    public ImmutableArray<PortRange> Ports { get; init; } = [];

    /// <summary>Name of an alias of ports; else empty.</summary>
    public string PortAlias { get; init; } = "";

    /// <summary>Says that ports are asked for.</summary>
    public bool HasPorts => !Ports.IsEmpty || PortAlias.Length > 0;
}
