using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Neighbours;

/// <summary>
/// The addresses that are answered for at one place of the network. Where the interface has a vhid, the questions are heard and answered on that vhid's device, with its
/// virtual MAC and under its lease: so only its holder answers, and nobody needs to be told of a new one. Where it has none, every node that has the entry answers with its own
/// MAC, as in pfSense.
/// </summary>
/// <param name="Interface">Logical name.</param>
/// <param name="Device">The kernel's name of the interface's device.</param>
/// <param name="Host">The vhid that they follow; null where there is none.</param>
/// <param name="Ranges">The addresses, one for each entry, in the order of the file.</param>
public sealed record ProxiedAddresses(string Interface, string Device, VirtualHostConfiguration? Host, ImmutableArray<AddressRange> Ranges)
{
    /// <summary>Whether the same is answered for in the same place; what else is said about the vhid makes no difference.</summary>
    public bool Equals(ProxiedAddresses? other) =>
        other is not null
        && Interface == other.Interface
        && Device == other.Device
        && Host?.Vhid == other.Host?.Vhid
        && Host?.IsVrrp6 == other.Host?.IsVrrp6
        && Ranges.SequenceEqual(other.Ranges);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Interface, Host?.Vhid, Ranges.Length);

    /// <summary>Those of a configuration.</summary>
    public static ImmutableArray<ProxiedAddresses> Of(NodeConfiguration configuration) =>
        [
            .. configuration
                .VirtualAddresses.Where(v => v.Mode == VirtualAddressMode.ProxyArp)
                .GroupBy(v => (v.Interface, HostOf(configuration, v)))
                .Select(g => new ProxiedAddresses(
                    g.Key.Interface,
                    configuration.Interface(g.Key.Interface)!.Device,
                    g.Key.Item2,
                    [.. g.Select(v => v.Range)]
                )),
        ];

    /// <summary>
    /// The first vhid with a virtual MAC on the entry's interface that has addresses of its family, or the first one: the families of a virtual router are
    /// elected apart.
    /// </summary>
    public static VirtualHostConfiguration? HostOf(NodeConfiguration configuration, VirtualAddress address)
    {
        var hosts = configuration.VirtualHosts.Where(h => h.Interface == address.Interface && !h.UsesRealMac);
        return hosts.FirstOrDefault(h => h.Addresses.Any(a => a.IsIPv6 == address.IsIPv6)) ?? hosts.FirstOrDefault();
    }

    /// <summary>What somebody has, although it may lie in a proxied network: the nodes, their virtual addresses, gateways.</summary>
    public static ImmutableArray<AddressPrefix> Excepted(NodeConfiguration configuration) =>
        [
            .. configuration
                .Interfaces.SelectMany(i => new[] { i.IPv4, i.IPv6 })
                .OfType<AddressPrefix>()
                .Concat(
                    configuration
                        .VirtualAddresses.Where(v => v.Mode is VirtualAddressMode.Carp or VirtualAddressMode.IpAlias)
                        .Select(v => v.Prefix)
                )
                .Concat(configuration.Redoubt.Peers.SelectMany(p => p.Addresses))
                .Concat(configuration.VirtualHosts.SelectMany(h => h.UnicastPeers))
                .Concat(configuration.Gateways.Items.Select(g => g.Address).OfType<AddressPrefix>())
                .Select(p => p.Host)
                .Distinct(),
        ];
}
