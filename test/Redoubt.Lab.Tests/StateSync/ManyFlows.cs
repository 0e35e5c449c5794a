using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Promises;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>
/// Many TCP connections and UDP flows from a client through the firewall to a server, counted from the client's side. The server, a process of its own, answers where it was spoken
/// from; the count of who is heard after a failover starts at the server, so only a firewall that has the very states is passed. The client's datagrams leave from a raw socket, from
/// a port for each flow: one descriptor for all.
/// </summary>
internal sealed class ManyFlows : IDisposable
{
    private const int TcpPort = 8080;
    private const int UdpPort = 8081;
    private const int FirstPort = 20_000;
    private readonly Queue<Socket> _fresh;
    private readonly List<Socket> _tcp = [];
    private readonly Socket _udp;
    private readonly LabProcess _server;
    private readonly NetworkStream _orders;
    private readonly StreamReader _answers;
    private readonly byte[] _packet = new byte[256];
    private readonly Stopwatch _silence = Stopwatch.StartNew();

    public ManyFlows(Pair pair, int count)
    {
        var topology = pair.Topology;
        // Nobody listens on the ports of the raw socket.
        topology.Client.Nft(
            "table ip flows { chain out { type filter hook output priority 0; icmp type destination-unreachable drop; }; }"
        );
        (_fresh, _udp) = topology.Client.Run(() =>
        {
            var sockets = new Queue<Socket>();
            while (sockets.Count < count)
                sockets.Enqueue(Open(SocketType.Stream, ProtocolType.Tcp));
            return (sockets, Open(SocketType.Raw, ProtocolType.Udp));
        });
        _udp.ReceiveBufferSize = 8 << 20;
        var path = Path.Combine(pair.Lab.Directory, "flows");
        _server = LabProcess.Start(
            topology.Server,
            "flows",
            path + ".log",
            Path.Combine(AppContext.BaseDirectory, "redoubt-lab"),
            "serve-flows",
            TcpPort.ToString(CultureInfo.InvariantCulture),
            UdpPort.ToString(CultureInfo.InvariantCulture),
            path
        );
        Deadline.In(10).Await("the server listens", () => File.Exists(path) || !_server.IsRunning, () => _server.Tail);
        var orders = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Deadline.In(5).Await("the server takes orders", () => TryConnect(orders, path), () => _server.Tail);
        _orders = new NetworkStream(orders, ownsSocket: true);
        _answers = new StreamReader(_orders);
    }

    public int Tcp => _tcp.Count;

    public int Udp { get; private set; }

    /// <summary>Opens one of each and passes a byte both ways; a loss on the way is the test's failure.</summary>
    public void OpenOne()
    {
        var client = _fresh.Dequeue();
        client.NoDelay = true;
        client.Connect(IPAddress.Parse(Topology.ServerAddress), TcpPort);
        _tcp.Add(client);
        var port = SendFirst();
        while (Hear() != port) { }
    }

    /// <summary>Sends the first datagram of one more UDP flow, and waits for nothing; its port.</summary>
    public int SendFirst()
    {
        var port = FirstPort + Udp;
        Span<byte> datagram = stackalloc byte[9];
        datagram.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(datagram, (ushort)port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], UdpPort);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], 9);
        datagram[8] = 1;
        _udp.SendTo(datagram, new IPEndPoint(IPAddress.Parse(Topology.ServerAddress), 0));
        Udp++;
        return port;
    }

    /// <summary>How long no answer has come.</summary>
    public TimeSpan Silence => _silence.Elapsed;

    /// <summary>Forgets the answers that have come so far, and waits for some if there are none.</summary>
    public void Drain(TimeSpan wait)
    {
        while (_udp.Poll(wait, SelectMode.SelectRead))
        {
            _udp.Receive(_packet);
            wait = TimeSpan.Zero;
            _silence.Restart();
        }
    }

    /// <summary>How many the server has: all, or one was lost on the way.</summary>
    public (int Tcp, int Udp) AtServer() => Order("count");

    /// <summary>How many TCP connections and UDP flows pass a byte from the server to the client and, where it is TCP, back.</summary>
    public (int Tcp, int Udp) CountAlive()
    {
        // A datagram may be dropped by a full queue: who does not hear is spoken to three times more. Heard while it speaks: a socket does not keep 10,000.
        var heard = new HashSet<int>();
        Say("speak");
        HearAll(heard);
        Answer();
        for (var again = 0; again < 3 && heard.Count < Udp; again++)
        {
            Say("speak-udp");
            HearAll(heard);
            Answer();
        }
        var tcp = _tcp.Count(c => TryReceive(c) && c.Send([3]) == 1);
        return (Math.Min(tcp, Order("hear").Tcp), heard.Count);
    }

    public void Dispose()
    {
        _answers.Dispose();
        _orders.Dispose();
        _server.Dispose();
        foreach (var socket in _tcp.Concat(_fresh))
            socket.Dispose();
        _udp.Dispose();
    }

    private (int Tcp, int Udp) Order(string word)
    {
        Say(word);
        return Answer();
    }

    private void Say(string word) => _orders.Write(Encoding.ASCII.GetBytes(word + "\n"));

    private (int Tcp, int Udp) Answer()
    {
        var numbers = (_answers.ReadLine() ?? throw new LabException($"the server of flows: {_server.Tail}")).Split(' ');
        return (int.Parse(numbers[0], CultureInfo.InvariantCulture), int.Parse(numbers[1], CultureInfo.InvariantCulture));
    }

    private void HearAll(HashSet<int> heard)
    {
        _udp.ReceiveTimeout = 500;
        while (Hear() is var port and >= 0)
            heard.Add(port);
        _udp.ReceiveTimeout = 5000;
    }

    // The flow's port; -1 where nothing comes any more. A raw socket gives the IP header too.
    private int Hear()
    {
        try
        {
            while (true)
            {
                var length = _udp.Receive(_packet);
                var header = (_packet[0] & 15) * 4;
                if (length >= header + 9 && BinaryPrimitives.ReadUInt16BigEndian(_packet.AsSpan(header)) == UdpPort)
                    return BinaryPrimitives.ReadUInt16BigEndian(_packet.AsSpan(header + 2));
            }
        }
        catch (SocketException fault) when (fault.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return -1;
        }
    }

    private static bool TryReceive(Socket socket)
    {
        try
        {
            socket.ReceiveTimeout = 10_000;
            return socket.Receive(new byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool TryConnect(Socket socket, string path)
    {
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // In the place of the calling thread.
    private static Socket Open(SocketType type, ProtocolType protocol) =>
        new(AddressFamily.InterNetwork, type, protocol) { SendTimeout = 5000, ReceiveTimeout = 5000 };
}
