using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Election;

/// <summary>
/// Where the node has no address of its own in a virtual address's network (one public address for two nodes), that network is reached while the
/// virtual address is held: by its route, which comes and goes with it.
/// </summary>
internal sealed partial class ElectionLoop
{
    private void FollowNetworks(ElectionHost host)
    {
        foreach (var network in host.Networks)
        {
            var wanted = host.HoldsAddresses && !host.Port.Reaches(network);
            if (!wanted && !host.Routes.Contains(network))
                continue;
            // IPv6 asks for neighbours with the link-local address, which the interface's own device has.
            var device = network.IsIPv6 ? host.Port.Link.Index : host.Device.Index;
            var errno = _route.ChangeConnectedRoute(wanted, device, network.Address, network.IsIPv6, network.Length);
            if (!wanted)
                host.Routes.Remove(network);
            else if (errno.IsSuccess)
                host.Routes.Add(network);
            else if (errno != Errno.Exists) // ours, or somebody else's, who reaches it then
                _reports.Alarms.Raise($"network {network}", $"cannot set the route of {network} on {host.Device.Name}: {errno}");
        }
    }

    // A killed predecessor's: nothing is held yet.
    private void RemoveLeftNetworks()
    {
        foreach (var route in _route.OurConnectedRoutes())
            _route.ChangeConnectedRoute(add: false, route.InterfaceIndex, route.Network, route.IsIPv6, route.PrefixLength);
    }
}
