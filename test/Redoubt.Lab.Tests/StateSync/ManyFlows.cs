using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>
/// Many TCP connections and UDP flows from a client through the firewall to a server, counted from the client's side. The server answers where it was spoken
/// from; the count of who is heard after a failover starts at the server, so only a firewall that has the very states is passed.
/// </summary>
internal sealed class ManyFlows : IDisposable
{
    private const int TcpPort = 8080;
    private const int UdpPort = 8081;
    private readonly Socket _listener;
    private readonly Socket _udpServer;
    private readonly List<(Socket Client, Socket Server)> _tcp = [];
    private readonly List<(Socket Client, IPEndPoint Seen)> _udp = [];

    public ManyFlows(Topology topology)
    {
        Topology = topology;
        _listener = Open(topology.Server, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Any, TcpPort));
        _listener.Listen(1024);
        _udpServer = Open(topology.Server, SocketType.Dgram, ProtocolType.Udp);
        _udpServer.ReceiveBufferSize = 8 << 20;
        _udpServer.Bind(new IPEndPoint(IPAddress.Any, UdpPort));
    }

    private Topology Topology { get; }

    public int Tcp => _tcp.Count;

    public int Udp => _udp.Count;

    /// <summary>Opens one of each and passes a byte both ways; a loss on the way is the test's failure.</summary>
    public void OpenOne()
    {
        var client = Open(Topology.Client, SocketType.Stream, ProtocolType.Tcp);
        client.NoDelay = true;
        client.Connect(IPAddress.Parse(Topology.ServerAddress), TcpPort);
        _tcp.Add((client, _listener.Accept()));
        var udp = Open(Topology.Client, SocketType.Dgram, ProtocolType.Udp);
        udp.Connect(IPAddress.Parse(Topology.ServerAddress), UdpPort);
        udp.Send([1]);
        EndPoint seen = new IPEndPoint(IPAddress.Any, 0);
        _udpServer.ReceiveFrom(new byte[1], ref seen);
        _udpServer.SendTo([1], seen);
        udp.Receive(new byte[1]);
        _udp.Add((udp, (IPEndPoint)seen));
    }

    /// <summary>How many TCP connections and UDP flows pass a byte from the server to the client and, where it is TCP, back.</summary>
    public (int Tcp, int Udp) CountAlive()
    {
        foreach (var (_, server) in _tcp)
            server.Send([2]);
        foreach (var (_, seen) in _udp)
            _udpServer.SendTo([2], seen);
        var tcp = _tcp.Count(p => TryReceive(p.Client, 10_000) && p.Client.Send([3]) == 1);
        tcp -= _tcp.Count(p => !TryReceive(p.Server, 10_000));
        // A datagram may be dropped by a full queue: who does not hear is asked three times.
        var quiet = _udp.Where(p => !TryReceive(p.Client, 20)).ToList();
        for (var again = 0; again < 3 && quiet.Count > 0; again++)
        {
            foreach (var (_, seen) in quiet)
                _udpServer.SendTo([2], seen);
            quiet.RemoveAll(p => TryReceive(p.Client, 500));
        }
        return (tcp, _udp.Count - quiet.Count);
    }

    public void Dispose()
    {
        foreach (var (client, server) in _tcp)
        {
            client.Dispose();
            server.Dispose();
        }
        foreach (var (client, _) in _udp)
            client.Dispose();
        _udpServer.Dispose();
        _listener.Dispose();
    }

    private static bool TryReceive(Socket socket, int milliseconds)
    {
        try
        {
            socket.ReceiveTimeout = milliseconds;
            return socket.Receive(new byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // All sockets of a place are opened by one thread of it.
    private static Socket Open(Place place, SocketType type, ProtocolType protocol)
    {
        var socket = place.Run(() => new Socket(AddressFamily.InterNetwork, type, protocol));
        socket.SendTimeout = socket.ReceiveTimeout = 5000;
        return socket;
    }
}
