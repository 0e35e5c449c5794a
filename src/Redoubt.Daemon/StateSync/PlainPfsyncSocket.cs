using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// pfsync to single peers, or to everybody on the sync link. Only what comes from a configured peer counts; where none is configured, whatever comes over the link does, as with
/// the BSDs.
/// </summary>
internal sealed class PlainPfsyncSocket : IPeerSocket
{
    private readonly PfsyncSocket _socket;
    private readonly IpAddressValue[] _peers;
    private readonly bool _isGroup;

    public PlainPfsyncSocket(StateSyncOptions options)
    {
        var ipv6 = options.LocalAddress.AddressFamily == AddressFamily.InterNetworkV6;
        _isGroup = options.Peers.Count == 0;
        _peers = _isGroup ? [PfsyncSocket.Group(ipv6)] : [.. options.Peers.Select(IpAddressValue.From)];
        using var route = new RouteNetlink();
        var link = route.Link(options.Device) ?? throw new KernelException("pfsync: there is no device " + options.Device, Errno.NoDevice);
        _socket = new PfsyncSocket(link.Index, options.Device, ipv6, _isGroup);
    }

    public SafeFileHandle Handle => _socket.Handle;

    public long ReceiveFaults => (long)_socket.Malformed;

    public bool Send(int peer, ReadOnlySpan<byte> datagram) => _socket.Send(datagram, _peers[peer]).IsSuccess;

    public bool TryReceive(Span<byte> buffer, out PeerDatagram datagram)
    {
        var isThere = _socket.TryReceive(buffer, out var packet);
        var peer = _isGroup ? 0 : Array.IndexOf(_peers, packet.Source);
        datagram = new PeerDatagram(packet.Offset, packet.Length, peer, packet.HopLimit);
        return isThere;
    }

    public void Dispose() => _socket.Dispose();
}
