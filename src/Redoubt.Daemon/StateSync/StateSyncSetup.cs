using System.Net;
using System.Net.Sockets;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.PlainPfsync;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.StateSync;

/// <summary>What a configuration and this node's addresses mean for the state sync.</summary>
internal sealed class StateSyncSetup(NodeConfiguration configuration, IReadOnlyList<OwnAddress> own)
{
    private RedoubtSettings Settings => configuration.Redoubt;

    /// <summary>
    /// The options; null where states are not replicated. <paramref name="missing"/> says why a second link that is configured cannot be used, else it is null.
    /// </summary>
    /// <exception cref="KernelException">The first link has no address in the network of a peer.</exception>
    public StateSyncOptions? Options(ClusterSecret? secret, out string? missing)
    {
        missing = null;
        var link = Settings.SyncLinks.FirstOrDefault() ?? configuration.HaSync.PfsyncInterface;
        if (!configuration.HaSync.PfsyncEnabled || link is null || configuration.Interface(link) is not { } configured)
            return null;
        var peers = Peers();
        var isPlain = Settings.Transport == StateSyncTransport.Pfsync;
        // Nobody named: pfsync has a group for that.
        if (peers.Count == 0 && !isPlain)
            return null;
        var first = peers.Select(p => p[0]).ToList();
        var local =
            Local(configured.Device, first)
            ?? throw new KernelException(
                $"state sync: {configured.Device} has no address in the network of its peer",
                Errno.AddressNotAvailable
            );
        return new StateSyncOptions
        {
            NodeId = first.Count == 0 ? Math.Max(1, Settings.NodeId) : NodeId(local, first[0]),
            LocalAddress = ToIPAddress(local),
            Device = configured.Device,
            Secret = secret,
            Peers = [.. first.Select(ToIPAddress)],
            Second = isPlain ? null : Second(peers, out missing),
            Formats = isPlain ? Formats(first) : [],
            HostId = configuration.HaSync.HostId,
            Filters = Settings.Filters,
            DeferredDevices = Settings.Defer && !isPlain ? [.. configuration.Interfaces.Select(i => i.Device).Distinct()] : [],
            ExemptAddresses =
            [
                .. own.Select(a => a.Prefix)
                    .Concat(StandingAddress.Of(configuration).Select(a => a.Prefix))
                    .Concat(peers.SelectMany(p => p))
                    .Select(ToIPAddress)
                    .Distinct(),
            ],
        };
    }

    private AddressPrefix? Local(string device, List<AddressPrefix> peers) =>
        own.FirstOrDefault(a => a.Device == device && (peers.Count == 0 || peers.Exists(p => a.Prefix.Network.Contains(p))))?.Prefix;

    // Where a peer has a second address in the network of the second link.
    private StateSyncLink? Second(List<IReadOnlyList<AddressPrefix>> peers, out string? missing)
    {
        missing = null;
        if (Settings.SyncLinks.Length < 2 || configuration.Interface(Settings.SyncLinks[1]) is not { } configured)
            return null;
        var others = peers.SelectMany(p => p.Skip(1)).ToList();
        if (others.Count == 0)
        {
            missing = $"state sync: no peer has a second address, for {configured.Device}; states go over one link";
            return null;
        }
        if (Local(configured.Device, others) is not { } local)
        {
            missing = $"state sync: {configured.Device} has no address in the network of its peer; states go over one link";
            return null;
        }
        var there = peers.Select(p => p.Skip(1).Where(local.Network.Contains).Select(ToIPAddress).FirstOrDefault());
        return new StateSyncLink(configured.Device, ToIPAddress(local), [.. there]);
    }

    private PfFormat[] Formats(List<AddressPrefix> peers) =>
        peers.Count == 0
            ? [PfFormat.Of(Settings.Format)]
            : [.. peers.Select(p => PfFormat.Of(Settings.Peers.FirstOrDefault(c => c.Addresses[0].Host == p)?.Format ?? Settings.Format))];

    private List<IReadOnlyList<AddressPrefix>> Peers()
    {
        var configured = Settings.Peers.Select(p => (IReadOnlyList<AddressPrefix>)[.. p.Addresses.Select(a => a.Host)]).ToList();
        if (configured.Count == 0 && configuration.HaSync.PfsyncPeer is { } peer)
            configured.Add([peer.Host]);
        configured.RemoveAll(p => own.Any(o => o.Prefix.Host == p[0]));
        return configured;
    }

    // Where nothing says which node this is, the lower address of the pair is node 1.
    private int NodeId(AddressPrefix local, AddressPrefix peer)
    {
        if (Settings.NodeId != 0)
            return Settings.NodeId;
        return (local.Address.High, local.Address.Low).CompareTo((peer.Address.High, peer.Address.Low)) < 0 ? 1 : 2;
    }

    private static IPAddress ToIPAddress(AddressPrefix prefix) =>
        prefix.Address.ToIPAddress(prefix.IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
}
