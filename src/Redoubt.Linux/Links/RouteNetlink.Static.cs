using Redoubt.Core;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Links;

/// <summary>Static routes.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>The static routes that this product has set, of both families.</summary>
    public IReadOnlyList<RouteInfo> OurStaticRoutes() => OurRoutes(static r => r.IsOurStatic);

    /// <summary>The connected routes of virtual addresses that this product has set, of both families.</summary>
    public IReadOnlyList<RouteInfo> OurConnectedRoutes() => OurRoutes(static r => r.IsOurConnected);

    private List<RouteInfo> OurRoutes(Predicate<RouteInfo> which)
    {
        List<RouteInfo> routes = [];
        Dump(
            RouteMessage.GetRoute,
            RouteMessage.RouteHeader,
            routes,
            (in message, list) =>
            {
                if (message.Type == RouteMessage.NewRoute && RouteMessage.TryReadRoute(message, out var route) && which(route))
                    list.Add(route);
            }
        );
        return routes;
    }

    /// <summary>
    /// Adds a static route, or replaces the one of the same destination; or removes one. Marked as ours (rtm_protocol 0x52), in the main table.
    /// Without a next hop packets for it are dropped. <paramref name="onLink"/>: the next hop is on the device's link although no address says so.
    /// </summary>
    public Errno ChangeStaticRoute(
        bool add,
        IpAddressValue network,
        bool ipv6,
        int prefixLength,
        IpAddressValue? gateway,
        int interfaceIndex,
        bool onLink = false
    )
    {
        var flags = add ? NetlinkFlags.Create | NetlinkFlags.Replace : NetlinkFlags.None;
        var writer = Begin(add ? RouteMessage.NewRoute : RouteMessage.DeleteRoute, flags, out var sequence);
        var header = writer.Reserve(RouteMessage.RouteHeader);
        header[0] = (byte)(ipv6 ? LibC.AF_INET6 : LibC.AF_INET);
        header[1] = (byte)prefixLength;
        header[4] = RouteMessage.MainTable;
        header[5] = RouteMessage.Protocol;
        header[6] = 0; // RT_SCOPE_UNIVERSE
        header[7] = gateway is null ? RouteMessage.Blackhole : RouteMessage.Unicast;
        if (onLink)
            header[8] = 4; // RTNH_F_ONLINK, in rtm_flags u32
        if (prefixLength > 0)
            network.Write(writer.PutSpace(1, ipv6 ? 16 : 4)); // RTA_DST
        if (gateway is { } hop)
        {
            hop.Write(writer.PutSpace(5, ipv6 ? 16 : 4)); // RTA_GATEWAY
            if (interfaceIndex != 0)
                writer.PutUInt32(4, (uint)interfaceIndex); // RTA_OIF
        }
        return _socket.Request(writer.Finish(), sequence);
    }
}
