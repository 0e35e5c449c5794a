using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Redoubt.Lab.Traffic;

/// <summary>
/// The far end of many flows, in a process of its own because of its descriptors: keeps every TCP connection, answers the first datagram of every UDP flow, and speaks first on all of
/// them when it is asked to. Ordered over a Unix socket, a word a line: <c>count</c>, <c>speak</c>, <c>speak-udp</c>, <c>hear</c>; each is answered with numbers.
/// </summary>
public static class FlowServer
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    /// <summary>Runs until the one who gives the orders hangs up.</summary>
    public static int Run(int tcpPort, int udpPort, string path)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Any, tcpPort));
        listener.Listen(1024);
        using var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 8 << 20 };
        udp.Bind(new IPEndPoint(IPAddress.Any, udpPort));
        using var orders = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        orders.Bind(new UnixDomainSocketEndPoint(path));
        orders.Listen(1);
        var connections = new ConcurrentQueue<Socket>();
        var seen = new ConcurrentQueue<EndPoint>();
        Start("accept", () => connections.Enqueue(listener.Accept()));
        Start("answer", () => Answer(udp, seen));

        using var stream = new NetworkStream(orders.Accept(), ownsSocket: true);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } order)
        {
            var (tcp, datagrams) = order switch
            {
                "speak" => (Speak(connections), SpeakUdp(udp, seen)),
                "speak-udp" => (0, SpeakUdp(udp, seen)),
                "hear" => (connections.Count(Hears), 0),
                _ => (connections.Count, seen.Count),
            };
            stream.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{tcp} {datagrams}\n")));
        }
        return 0;
    }

    private static void Start(string name, Action step) =>
        new Thread(() =>
        {
            try
            {
                while (true)
                    step();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The process ends.
            }
        })
        {
            IsBackground = true,
            Name = name,
        }.Start();

    private static void Answer(Socket udp, ConcurrentQueue<EndPoint> seen)
    {
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        udp.ReceiveFrom(new byte[1], ref from);
        seen.Enqueue(from);
        udp.SendTo([1], from);
    }

    private static int Speak(ConcurrentQueue<Socket> connections)
    {
        foreach (var connection in connections)
            connection.Send([2]);
        return connections.Count;
    }

    private static int SpeakUdp(Socket udp, ConcurrentQueue<EndPoint> seen)
    {
        var count = 0;
        foreach (var to in seen)
        {
            udp.SendTo([2], to);
            // A queue on the way holds a thousand packets.
            if (++count % 200 == 0)
                Thread.Sleep(2);
        }
        return count;
    }

    private static bool Hears(Socket connection)
    {
        try
        {
            connection.ReceiveTimeout = (int)_patience.TotalMilliseconds;
            return connection.Receive(new byte[1]) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
