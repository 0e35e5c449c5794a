using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Redoubt.Lab.Network;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>Requests and answers without a connection of the hosts: UDP, or a raw protocol. The far end answers to whom it heard first, and only to it.</summary>
internal sealed class DatagramFlow : IFlow
{
    private const int Header = 20;
    private readonly Socket _near;
    private readonly Socket _far;
    private readonly bool _isRaw;
    private readonly Func<bool, int, byte[]> _packet;
    private readonly EndPoint _target;
    private EndPoint _heard = new IPEndPoint(IPAddress.Any, 0);
    private Func<byte[], ushort>? _readPort;
    private ushort _heardPort;
    private int _number;

    private DatagramFlow(string name, Socket near, Socket far, bool isRaw, IPEndPoint target, Func<bool, int, byte[]> packet)
    {
        (Name, _near, _far, _isRaw, _target, _packet) = (name, near, far, isRaw, target, packet);
    }

    public string Name { get; }

    /// <summary>UDP; opens it with one datagram there and one back.</summary>
    public static DatagramFlow Udp(Place near, Place far, ushort port, string server = Topology.ServerAddress)
    {
        var address = IPAddress.Parse(server);
        Socket Open(Place place, int local)
        {
            var socket = place.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
            socket.Bind(new IPEndPoint(AnyOf(address.AddressFamily), local));
            return socket;
        }
        var target = new IPEndPoint(address, port);
        var flow = new DatagramFlow($"UDP {port}", Open(near, 0), Open(far, port), isRaw: false, target, (_, n) => Number(n));
        flow._heard = new IPEndPoint(AnyOf(address.AddressFamily), 0);
        return flow.Opened();
    }

    private static IPAddress AnyOf(AddressFamily family) => family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;

    /// <summary>GRE of version 0 without a key.</summary>
    public static DatagramFlow Gre(Place near, Place far) => Raw("GRE", near, far, 47, (_, n) => [0, 0, 0x88, 0xb5, .. Number(n)]).Opened();

    /// <summary>SCTP from 4000 to 9899, opened by its four messages.</summary>
    public static DatagramFlow Sctp(Place near, Place far)
    {
        DatagramFlow? flow = null;
        flow = Raw("SCTP", near, far, 132, (isFar, n) => SctpPacket.Data(isFar, flow!._heardPort, (uint)n));
        // The firewall may have chosen another port: the answers go to that one.
        flow._readPort = content => BinaryPrimitives.ReadUInt16BigEndian(content);
        for (var step = 0; step < SctpPacket.Steps; step++)
            Assert.True(
                flow.Pass(step % 2 == 1, SctpPacket.Opening(step, flow._heardPort), Deadline.In(5)),
                $"SCTP is opened, step {step}"
            );
        return flow;
    }

    public bool Exchange(Deadline deadline) =>
        Pass(isFar: true, _packet(true, ++_number), deadline) && Pass(isFar: false, _packet(false, ++_number), deadline);

    public void Dispose()
    {
        _near.Dispose();
        _far.Dispose();
    }

    private static DatagramFlow Raw(string name, Place near, Place far, int protocol, Func<bool, int, byte[]> packet)
    {
        Socket Open(Place place) =>
            place.Run(() =>
            {
                var handle = LibC.OpenSocket(LibC.AF_INET, LibC.SOCK_RAW, protocol);
                var socket = new Socket(new SafeSocketHandle(handle.DangerousGetHandle(), ownsHandle: true));
                handle.SetHandleAsInvalid();
                return socket;
            });
        return new DatagramFlow(
            name,
            Open(near),
            Open(far),
            isRaw: true,
            new IPEndPoint(IPAddress.Parse(Topology.ServerAddress), 0),
            packet
        );
    }

    private static byte[] Number(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private DatagramFlow Opened()
    {
        Assert.True(Pass(isFar: false, _packet(false, ++_number), Deadline.In(5)), $"{Name} is opened");
        Assert.True(Exchange(Deadline.In(5)), $"{Name} is answered");
        return this;
    }

    // Sends until this very packet has arrived.
    private bool Pass(bool isFar, byte[] packet, Deadline deadline)
    {
        var (from, to) = isFar ? (_far, _near) : (_near, _far);
        var buffer = new byte[2048];
        while (!deadline.HasPassed)
        {
            try
            {
                from.SendTo(packet, isFar ? _heard : _target);
            }
            catch (SocketException)
            {
                // The way is away for the moment.
            }
            to.ReceiveTimeout = 100;
            try
            {
                while (true)
                {
                    EndPoint who = new IPEndPoint(AnyOf(_heard.AddressFamily), 0);
                    var length = to.ReceiveFrom(buffer, ref who);
                    var content = buffer.AsSpan(_isRaw ? Header : 0, length - (_isRaw ? Header : 0));
                    // Translation changes ports and checksum in front of what is compared.
                    if (!content.EndsWith(packet.AsSpan(packet.Length - 4)))
                        continue;
                    if (isFar)
                        return true;
                    var port = _readPort?.Invoke(content.ToArray()) ?? 0;
                    if (((IPEndPoint)_heard).Address.Equals(AnyOf(_heard.AddressFamily)))
                        (_heard, _heardPort) = (who, port);
                    // From the same translated address and port as ever.
                    return who.Equals(_heard) && port == _heardPort;
                }
            }
            catch (SocketException fault) when (fault.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock) { }
            catch (SocketException)
            {
                // Told of an earlier datagram that was not delivered.
            }
        }
        return false;
    }
}
