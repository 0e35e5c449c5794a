using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>
/// A process of a node that insists on talking through the device of the virtual MAC, whoever holds the address: every 2 ms UDP from the
/// virtual address to a neighbour (which needs ARP), to everybody over IPv4 and over IPv6, and a whole Ethernet frame.
/// </summary>
internal sealed class LocalSender : IDisposable
{
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(2);
    private const int SOL_IP = 0;
    private const int SOL_IPV6 = 41;
    private const int IP_FREEBIND = 15;
    private const int IPV6_FREEBIND = 78;
    private const int SO_BINDTODEVICE = 25;
    private static readonly IPEndPoint _everybody = new(IPAddress.Broadcast, 9);
    private static readonly IPEndPoint _neighbour = new(IPAddress.Parse(Topology.ObserverLanAddress), 9);
    private static readonly IPEndPoint _everybody6 = new(IPAddress.Parse("ff02::1"), 9);
    private readonly Socket _ipv4;
    private readonly Socket _ipv6;
    private readonly PacketSender _frames;
    private readonly byte[] _frame;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private int _rounds;

    public LocalSender(Place node, string device)
    {
        var link = Pair.Device(node, device);
        _frame = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, .. new byte[6], 0x88, 0xb5, .. new byte[46]]; // local experimental EtherType
        link.Mac.Write(_frame.AsSpan(6));
        (_ipv4, _ipv6, _frames) = node.Run(() =>
            (
                Open(device, Topology.LanVip, SOL_IP, IP_FREEBIND),
                Open(device, Topology.LanVip6, SOL_IPV6, IPV6_FREEBIND),
                new PacketSender(link.Index)
            )
        );
        _ipv4.EnableBroadcast = true;
        _thread = new Thread(Send) { IsBackground = true, Name = $"{node} {device} sender" };
        _thread.Start();
    }

    /// <summary>How often each kind was sent; a kernel that refuses one (no route, no address) counts as well.</summary>
    public int Rounds => Volatile.Read(ref _rounds);

    /// <summary>Waits for so many more rounds.</summary>
    public void Await(int rounds)
    {
        var enough = Rounds + rounds;
        Deadline.In(10).Await($"{rounds} rounds", () => Rounds >= enough);
    }

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _ipv4.Dispose();
        _ipv6.Dispose();
        _frames.Dispose();
    }

    private static Socket Open(string device, string address, int level, int freeBind)
    {
        var local = new IPEndPoint(IPAddress.Parse(address), 0);
        var socket = new Socket(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        socket.SetRawSocketOption(LibC.SOL_SOCKET, SO_BINDTODEVICE, System.Text.Encoding.ASCII.GetBytes(device + '\0'));
        socket.SetRawSocketOption(level, freeBind, BitConverter.GetBytes(1));
        socket.Bind(local);
        return socket;
    }

    private void Send()
    {
        while (!_stopping)
        {
            Try(_ipv4, _everybody);
            Try(_ipv4, _neighbour);
            Try(_ipv6, _everybody6);
            _ = _frames.Send(_frame, mark: 0);
            Interlocked.Increment(ref _rounds);
            Thread.Sleep(Interval); // the pace of the traffic
        }
    }

    private static void Try(Socket socket, IPEndPoint to)
    {
        try
        {
            socket.SendTo([1, 2, 3], to);
        }
        catch (SocketException)
        {
            // Refused by the kernel or dropped by the gate (EPERM): silence is what is asked for.
        }
    }
}
