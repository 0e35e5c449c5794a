using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>TCP connections from the client to the server through the firewall, translated to the WAN's virtual address.</summary>
internal sealed class OpenConnections : IDisposable
{
    private const int ServerPort = 8080;
    private readonly Socket _listener;
    private readonly List<(Socket Client, Socket Server)> _pairs = [];

    public OpenConnections(Topology topology, int count)
    {
        _listener = Open(topology.Server);
        _listener.Bind(new IPEndPoint(IPAddress.Any, ServerPort));
        _listener.Listen(count);
        for (var i = 0; i < count; i++)
        {
            var client = Open(topology.Client);
            client.Connect(IPAddress.Parse(Topology.ServerAddress), ServerPort);
            _pairs.Add((client, _listener.Accept()));
        }
        Exchange();
    }

    public int Count => _pairs.Count;

    /// <summary>Sends a byte both ways over each, and fails unless it arrives.</summary>
    public void Exchange()
    {
        Span<byte> buffer = stackalloc byte[1];
        foreach (var (client, server) in _pairs)
        {
            foreach (var (from, to) in new[] { (client, server), (server, client) })
            {
                Assert.Equal(1, from.Send([7]));
                Assert.Equal(1, to.Receive(buffer));
            }
        }
    }

    /// <summary>How a firewall's kernel knows them: addresses, ports, translation and state, without the time left.</summary>
    public IReadOnlyList<string> In(Place firewall) =>
        [
            .. firewall
                .Execute("conntrack", "-L", "-p", "tcp", "--dport", $"{ServerPort}")
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where((_, i) => i != 2)))
                .Order(),
        ];

    public void Dispose()
    {
        foreach (var (client, server) in _pairs)
        {
            client.Dispose();
            server.Dispose();
        }
        _listener.Dispose();
    }

    private static Socket Open(Place place)
    {
        var socket = place.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        socket.SendTimeout = socket.ReceiveTimeout = 5000;
        return socket;
    }
}
