using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Core.Neighbours;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Configuration;

/// <summary>What is with the virtual addresses that are in no election.</summary>
internal static class AddressReport
{
    /// <summary>One entry for each, in the order of the file.</summary>
    /// <param name="configuration">What is in force.</param>
    /// <param name="vips">The elections.</param>
    /// <param name="answers">Questions answered for proxied addresses; null where their device cannot be used.</param>
    public static IReadOnlyList<AddressStatus> Of(
        NodeConfiguration configuration,
        IReadOnlyList<VipStatus> vips,
        Func<string, AddressRange, long?> answers
    )
    {
        var addresses = configuration.VirtualAddresses.Where(v => v.Mode != VirtualAddressMode.Carp && v.ParentUniqId is null).ToList();
        if (addresses.Count == 0)
            return [];
        using var netlink = new RouteNetlink();
        var names = netlink.Links().ToDictionary(l => l.Index, l => l.Name);
        var present = netlink
            .Addresses()
            .Where(a => names.ContainsKey(a.InterfaceIndex))
            .ToLookup(a => (names[a.InterfaceIndex], new AddressPrefix(a.Address, a.IsIPv6, a.PrefixLength)), a => a.IsDuplicate);
        return
        [
            .. addresses.Select(v =>
                v.Mode switch
                {
                    VirtualAddressMode.IpAlias => Standing(StandingAddress.Of(configuration, v), present),
                    VirtualAddressMode.ProxyArp => Proxied(configuration, v, vips, answers(v.Interface, v.Range)),
                    _ => new AddressStatus
                    {
                        Mode = "other",
                        Interface = v.Interface,
                        Address = v.Range.ToString(),
                        State = "translation",
                    },
                }
            ),
        ];
    }

    private static AddressStatus Standing(StandingAddress address, ILookup<(string, AddressPrefix), bool> present) =>
        new()
        {
            Mode = "ipalias",
            Interface = address.Interface,
            Device = address.Device,
            Address = address.Prefix.ToString(),
            State = present[(address.Device, address.Prefix)].Select(d => d ? "duplicate" : "held").FirstOrDefault("missing"),
        };

    private static AddressStatus Proxied(
        NodeConfiguration configuration,
        VirtualAddress address,
        IReadOnlyList<VipStatus> vips,
        long? answers
    )
    {
        var host = ProxiedAddresses.HostOf(configuration, address);
        var holds =
            host is null
            || vips.Any(v =>
                v.Interface == host.Interface
                && v.Vhid == host.Vhid
                && v.State == VipState.Master
                && v.Addresses.Contains(host.Addresses[0].ToString())
            );
        return new AddressStatus
        {
            Mode = "proxyarp",
            Interface = address.Interface,
            Device = configuration.Interface(address.Interface)?.Device,
            Address = address.Range.ToString(),
            State =
                answers is null ? "missing"
                : holds ? "answered"
                : "standby",
            Answers = answers,
        };
    }
}
