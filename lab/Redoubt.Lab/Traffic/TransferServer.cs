using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Redoubt.Linux;

namespace Redoubt.Lab.Traffic;

/// <summary>The far end of <see cref="Transfer"/>: sends the stream that a client asks for, or checks the one that it sends.</summary>
public sealed class TransferServer : IDisposable
{
    private const int ConnectionLimit = 64;
    private readonly Socket _listener;
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<ulong, Flow> _expected = new();
    private readonly ConcurrentDictionary<Socket, Thread> _connections = new();
    private volatile bool _stopping;

    /// <summary>Listens in a namespace. Port 0 takes a free one.</summary>
    public TransferServer(NetworkNamespace where, IPEndPoint local)
    {
        Socket? listener = null;
        where.Run(() =>
        {
            listener = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(local);
            listener.Listen(ConnectionLimit);
        });
        _listener = listener!;
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
        _thread = new Thread(Accept) { IsBackground = true, Name = "transfer server" };
        _thread.Start();
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <inheritdoc />
    public void Dispose()
    {
        _stopping = true;
        _listener.Dispose();
        _thread.Join();
        foreach (var (socket, thread) in _connections)
        {
            socket.Dispose();
            thread.Join();
        }
    }

    internal void Expect(Flow flow) => _expected[flow.Request.Seed] = flow;

    private void Accept()
    {
        while (!_stopping)
        {
            Socket connection;
            try
            {
                connection = _listener.Accept();
            }
            catch (SocketException)
            {
                continue;
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            if (_connections.Count >= ConnectionLimit)
            {
                connection.Dispose();
                continue;
            }
            var thread = new Thread(() => Serve(connection)) { IsBackground = true, Name = "transfer connection" };
            _connections[connection] = thread;
            thread.Start();
        }
    }

    private void Serve(Socket connection)
    {
        try
        {
            Span<byte> bytes = stackalloc byte[TransferRequest.Size];
            for (var got = 0; got < bytes.Length; )
            {
                var length = connection.Receive(bytes[got..]);
                if (length == 0)
                    return;
                got += length;
            }
            if (!TransferRequest.TryRead(bytes, out var request))
                return;
            var flow = _expected.GetOrAdd(request.Seed, _ => new Flow(request));
            if (request.Direction == TransferDirection.Download)
            {
                TransferStream.Send(connection, flow);
                return;
            }
            TransferStream.Receive(connection, flow);
            Span<byte> answer = stackalloc byte[8];
            BinaryPrimitives.WriteInt64BigEndian(answer, flow.Arrivals.Bytes);
            connection.Send(answer);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client sees the same, and says so.
        }
        finally
        {
            _connections.TryRemove(connection, out _);
            connection.Dispose();
        }
    }
}
