using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// The UDP socket on the sync link. Nothing here waits: what the way does not take is lost, and the engine knows what to do about
/// that. Owned by the state sync thread.
/// </summary>
internal sealed class PeerSocket : IDatagramSink, IDisposable
{
    private const int SOL_SOCKET = 1;
    private const int SO_BINDTODEVICE = 25;
    private const int SO_RCVBUFFORCE = 33;
    private const int ReceiveBuffer = 4 << 20;
    private readonly Socket _socket;
    private readonly SocketAddress[] _peers;
    private readonly SocketAddress _sender;

    public PeerSocket(StateSyncOptions options)
    {
        var family = options.LocalAddress.AddressFamily;
        _socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            if (options.Device.Length > 0)
                _socket.SetRawSocketOption(SOL_SOCKET, SO_BINDTODEVICE, System.Text.Encoding.ASCII.GetBytes(options.Device + '\0'));
            EnlargeBuffer();
            _socket.Bind(new IPEndPoint(options.LocalAddress, options.Port));
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        _peers = [.. options.Peers.Select(p => new IPEndPoint(p, options.Port).Serialize())];
        _sender = new SocketAddress(family);
        Handle = new SafeFileHandle(_socket.Handle, ownsHandle: false);
    }

    /// <summary>The descriptor, for poll; closed with the socket.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Datagrams the way did not take.</summary>
    public long NotSent { get; private set; }

    /// <summary>A number that stands for a sender that is no peer.</summary>
    public const int Stranger = -1;

    public bool Send(int peer, ReadOnlySpan<byte> datagram)
    {
        try
        {
            return _socket.SendTo(datagram, SocketFlags.None, _peers[peer]) == datagram.Length;
        }
        catch (SocketException)
        {
            NotSent++; // link down, no route, buffer full
            return false;
        }
    }

    /// <summary>Takes the next datagram; false where none waits. A datagram longer than the buffer is cut, and refused for that.</summary>
    public bool TryReceive(Span<byte> buffer, out int peer, out int length)
    {
        (peer, length) = (Stranger, 0);
        if (_socket.Available == 0 && !_socket.Poll(0, SelectMode.SelectRead))
            return false;
        try
        {
            length = _socket.ReceiveFrom(buffer, SocketFlags.None, _sender);
        }
        catch (SocketException)
        {
            return false;
        }
        // Family, port, address; what follows in an IPv6 address (scope) is not compared.
        var compared = _sender.Family == AddressFamily.InterNetwork ? 8 : 24;
        for (var i = 0; i < _peers.Length; i++)
        {
            if (_sender.Size >= compared && _peers[i].Buffer.Span[..compared].SequenceEqual(_sender.Buffer.Span[..compared]))
                peer = i;
        }
        return true;
    }

    public void Dispose()
    {
        Handle.Dispose();
        _socket.Dispose();
    }

    private void EnlargeBuffer()
    {
        try
        {
            _socket.SetRawSocketOption(SOL_SOCKET, SO_RCVBUFFORCE, BitConverter.GetBytes(ReceiveBuffer));
        }
        catch (SocketException)
        {
            _socket.ReceiveBufferSize = ReceiveBuffer; // without the privilege: as far as net.core.rmem_max goes
        }
    }
}
