using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Daemon.StateSync;

/// <summary>The UDP socket to all peers. What the network does not take is a loss like any other, and counted by the engine.</summary>
internal sealed class PeerSocket : IPeerSocket
{
    private const int SolSocket = 1;
    private const int SoBindToDevice = 25;
    private const int SoReceiveBufferForce = 33;
    private const int BufferSize = 8 << 20;
    private readonly Socket _socket;
    private readonly SocketAddress?[] _peers;
    private readonly SocketAddress _from;

    public PeerSocket(StateSyncLink link, int port)
    {
        _socket = new Socket(link.LocalAddress.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            if (link.Device.Length > 0)
                _socket.SetRawSocketOption(SolSocket, SoBindToDevice, Encoding.ASCII.GetBytes(link.Device + "\0"));
            _socket.ReceiveBufferSize = BufferSize;
            _socket.SendBufferSize = BufferSize;
            TryForceBuffer();
            _socket.Bind(new IPEndPoint(link.LocalAddress, port));
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
        _peers = [.. link.Peers.Select(p => p is null ? null : new IPEndPoint(p, port).Serialize())];
        _from = new SocketAddress(link.LocalAddress.AddressFamily);
        Handle = new SafeFileHandle(_socket.Handle, ownsHandle: false);
    }

    /// <summary>The descriptor, for poll.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Errors the network reported while receiving (a peer's port is closed, the link is down).</summary>
    public long ReceiveFaults { get; private set; }

    public bool Send(int peer, ReadOnlySpan<byte> datagram)
    {
        if (_peers[peer] is not { } address)
            return false;
        try
        {
            return _socket.SendTo(datagram, SocketFlags.None, address) == datagram.Length;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public bool TryReceive(Span<byte> buffer, out PeerDatagram datagram)
    {
        int length;
        datagram = new PeerDatagram(0, 0, -1, -1);
        try
        {
            // Asking first spares an exception at the end of every burst; an empty datagram looks like none and is taken by the next turn's poll.
            if (_socket.Available == 0 && !_socket.Poll(0, SelectMode.SelectRead))
                return false;
            length = _socket.ReceiveFrom(buffer, SocketFlags.None, _from);
        }
        catch (SocketException fault) when (fault.SocketErrorCode == SocketError.WouldBlock)
        {
            return false;
        }
        catch (SocketException fault)
        {
            // The pending error is taken off by being told; Linux cuts a datagram that is too long without an error.
            ReceiveFaults++;
            return fault.SocketErrorCode == SocketError.MessageSize;
        }
        var peer = -1;
        for (var i = 0; i < _peers.Length; i++)
        {
            if (_from.Equals(_peers[i]))
                peer = i;
        }
        datagram = new PeerDatagram(0, length, peer, -1);
        return true;
    }

    public void Dispose()
    {
        Handle.Dispose();
        _socket.Dispose();
    }

    private void TryForceBuffer()
    {
        try
        {
            Span<byte> size = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(size, BufferSize);
            _socket.SetRawSocketOption(SolSocket, SoReceiveBufferForce, size);
        }
        catch (SocketException)
        {
            // Only root of the first user namespace may go beyond rmem_max.
        }
    }
}
