using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>An address that the node has whatever its role: an alias on an interface or on the loopback device.</summary>
/// <param name="Interface">Logical name of the interface, or <see cref="Loopback"/>.</param>
/// <param name="Device">The kernel's name of the device.</param>
/// <param name="Prefix">Address and length; on the loopback device always of full length, because there a network would be the node's own as a whole.</param>
public readonly record struct StandingAddress(string Interface, string Device, AddressPrefix Prefix)
{
    /// <summary>pfSense's name of the loopback device, in place of an interface's.</summary>
    public const string Loopback = "lo0";

    /// <summary>The kernel's name of the loopback device.</summary>
    public const string LoopbackDevice = "lo";

    /// <summary>Those of a configuration, in the order of the file. Aliases on CARP addresses are not among them: they move with their vhid.</summary>
    public static ImmutableArray<StandingAddress> Of(NodeConfiguration configuration) =>
        [
            .. configuration
                .VirtualAddresses.Where(v => v is { Mode: VirtualAddressMode.IpAlias, ParentUniqId: null })
                .Select(v => Of(configuration, v)),
        ];

    /// <summary>That of one entry, which must be such an alias.</summary>
    public static StandingAddress Of(NodeConfiguration configuration, VirtualAddress alias) =>
        alias.Interface == Loopback
            ? new StandingAddress(Loopback, LoopbackDevice, alias.Prefix.Host)
            : new StandingAddress(alias.Interface, configuration.Interface(alias.Interface)!.Device, alias.Prefix);

    /// <inheritdoc/>
    public override string ToString() => $"{Prefix} on {Device}";
}
