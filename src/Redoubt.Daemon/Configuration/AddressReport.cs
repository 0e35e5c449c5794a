using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Configuration;

/// <summary>What the kernel has of the virtual addresses that are in no election.</summary>
internal static class AddressReport
{
    /// <summary>One entry for each, in the order of the file.</summary>
    public static IReadOnlyList<AddressStatus> Of(NodeConfiguration configuration)
    {
        var standing = StandingAddress.Of(configuration);
        if (standing.IsEmpty)
            return [];
        using var netlink = new RouteNetlink();
        var names = netlink.Links().ToDictionary(l => l.Index, l => l.Name);
        var present = netlink
            .Addresses()
            .Where(a => names.ContainsKey(a.InterfaceIndex))
            .ToLookup(a => (names[a.InterfaceIndex], new AddressPrefix(a.Address, a.IsIPv6, a.PrefixLength)));
        return
        [
            .. standing.Select(a => new AddressStatus
            {
                Mode = "ipalias",
                Interface = a.Interface,
                Device = a.Device,
                Address = a.Prefix.ToString(),
                State = present[(a.Device, a.Prefix)].Select(p => p.IsDuplicate ? "duplicate" : "held").FirstOrDefault("missing"),
            }),
        ];
    }
}
