using Redoubt.Core;
using Redoubt.Core.Heartbeat;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.Election;

/// <summary>One way to the other nodes: an interface with vhids, or a sync link. Owned by the election thread.</summary>
internal sealed class HeartbeatPath : IDisposable
{
    /// <summary>An interface with vhids: multicast frames out, sockets of both families in.</summary>
    public HeartbeatPath(ElectionPort port)
    {
        (Name, Port) = (port.Name, port);
        IPv4 = new HeartbeatSocket(port.Link.Index, port.Link.Name, ipv6: false, joined: true);
        IPv6 = port.IPv6 is null ? null : new HeartbeatSocket(port.Link.Index, port.Link.Name, ipv6: true, joined: true);
    }

    /// <summary>A sync link: datagrams to and from the peers' addresses there, all of one family.</summary>
    public HeartbeatPath(string name, int interfaceIndex, string device, bool ipv6, IReadOnlyList<IpAddressValue> peers)
    {
        (Name, Peers) = (name, peers);
        var socket = new HeartbeatSocket(interfaceIndex, device, ipv6, joined: false);
        if (ipv6)
            IPv6 = socket;
        else
            IPv4 = socket;
    }

    /// <summary>The name that both ends know it by.</summary>
    public string Name { get; }

    /// <summary>The interface with vhids; null for a sync link.</summary>
    public ElectionPort? Port { get; }

    /// <summary>Where to, on a sync link.</summary>
    public IReadOnlyList<IpAddressValue> Peers { get; } = [];

    public HeartbeatSocket? IPv4 { get; }

    public HeartbeatSocket? IPv6 { get; }

    public int SlotIPv4 { get; set; } = -1;

    public int SlotIPv6 { get; set; } = -1;

    /// <summary>Sends to the peers of a sync link; what the network does not take is a loss like any other.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        foreach (var peer in Peers)
            (IPv4 ?? IPv6)!.Send(message, peer);
    }

    /// <summary>
    /// Where heartbeats on an interface come from: IPv4 where the device has an address, else IPv6; false where it has neither.
    /// </summary>
    public bool TryGetSource(out bool ipv6, out IpAddressValue source)
    {
        ipv6 = false;
        source = default;
        foreach (var address in Port!.Addresses)
        {
            if (address.IsIPv6 && !address.IsLinkLocal)
                continue;
            if (source != default && address.IsIPv6)
                continue;
            (ipv6, source) = (address.IsIPv6, address.Address);
            if (!ipv6)
                return true;
        }
        return source != default;
    }

    public void Dispose()
    {
        IPv4?.Dispose();
        IPv6?.Dispose();
    }
}
