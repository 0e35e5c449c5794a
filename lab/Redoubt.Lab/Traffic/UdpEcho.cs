using System.Net;
using System.Net.Sockets;
using Redoubt.Linux;

namespace Redoubt.Lab.Traffic;

/// <summary>Sends every datagram back to where it came from, unchanged. The far end of <see cref="UdpProbe"/>.</summary>
public sealed class UdpEcho : IDisposable
{
    private const int PollMilliseconds = 100;
    private readonly Socket _socket;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private long _echoed;
    private long _errors;

    /// <summary>Opens the socket in a namespace and starts. Port 0 takes a free one, see <see cref="EndPoint"/>.</summary>
    public UdpEcho(NetworkNamespace where, IPEndPoint local)
    {
        _socket = UdpSocket.Open(where, local);
        _socket.ReceiveTimeout = PollMilliseconds;
        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _thread = new Thread(Work) { IsBackground = true, Name = "udp echo" };
        _thread.Start();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Datagrams sent back so far.</summary>
    public long Echoed => Interlocked.Read(ref _echoed);

    /// <summary>Receive or send calls that failed, an unreachable client for instance.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    /// <inheritdoc />
    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _socket.Dispose();
    }

    private void Work()
    {
        var buffer = new byte[2048];
        var from = new SocketAddress(_socket.AddressFamily);
        while (!_stopping)
        {
            try
            {
                var length = _socket.ReceiveFrom(buffer, SocketFlags.None, from);
                _socket.SendTo(buffer.AsSpan(0, length), SocketFlags.None, from);
                Interlocked.Increment(ref _echoed);
            }
            catch (SocketException e)
            {
                if (e.SocketErrorCode is not (SocketError.TimedOut or SocketError.WouldBlock))
                    Interlocked.Increment(ref _errors);
            }
        }
    }
}
