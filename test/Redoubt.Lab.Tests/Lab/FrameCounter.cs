using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>A UDP socket in a place that sends datagrams and counts those that arrive.</summary>
internal sealed class FrameCounter : IDisposable
{
    public const int UdpPort = 4000;
    private static readonly TimeSpan _quiet = TimeSpan.FromMilliseconds(300);
    private readonly Socket _socket;

    public FrameCounter(Place place)
    {
        _socket = place.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        _socket.Bind(new IPEndPoint(IPAddress.Any, UdpPort));
        _socket.ReceiveTimeout = (int)_quiet.TotalMilliseconds;
    }

    public void Send(string address, int count)
    {
        var target = new IPEndPoint(IPAddress.Parse(address), UdpPort);
        for (var i = 0; i < count; i++)
            _socket.SendTo([(byte)i], target);
    }

    /// <summary>How many have arrived, once nothing came for a while.</summary>
    public int Settle()
    {
        var count = 0;
        try
        {
            for (Span<byte> buffer = stackalloc byte[16]; ; count++)
                _socket.Receive(buffer);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return count;
        }
    }

    public void Dispose() => _socket.Dispose();
}
