using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Bench.States;

/// <summary>
/// Sends bare IPv4 packets from one host, many to a system call: UDP without a payload, or a segment of TCP. Nothing is allocated while sending.
/// </summary>
internal sealed unsafe class PacketBatch : IDisposable
{
    /// <summary>Packets in one system call.</summary>
    public const int Size = 32;

    public const byte Syn = 0x02;
    public const byte SynAck = 0x12;
    public const byte Ack = 0x10;
    private const int PacketLength = 40;
    private readonly Socket _socket;
    private readonly byte[] _packets = GC.AllocateArray<byte>(Size * PacketLength, pinned: true);
    private readonly byte[] _headers = GC.AllocateArray<byte>(
        Size * (sizeof(LibC.MultiMessageHeader) + sizeof(LibC.IoVector)),
        pinned: true
    );
    private readonly byte[] _name = GC.AllocateArray<byte>(16, pinned: true);
    private readonly uint _source;
    private readonly uint _destination;

    public PacketBatch(Place host, string source, string destination)
    {
        // IPPROTO_RAW: the packet comes with its IP header; the kernel fills in checksum and identification.
        _socket = host.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw));
        _socket.SendBufferSize = 4 << 20;
        _source = BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(source).GetAddressBytes());
        _destination = BinaryPrimitives.ReadUInt32BigEndian(IPAddress.Parse(destination).GetAddressBytes());
        _name[0] = (byte)AddressFamily.InterNetwork;
        BinaryPrimitives.WriteUInt32BigEndian(_name.AsSpan(4), _destination);
        fixed (byte* headers = _headers)
        fixed (byte* packets = _packets)
        fixed (byte* name = _name)
        {
            var messages = (LibC.MultiMessageHeader*)headers;
            var vectors = (LibC.IoVector*)(messages + Size);
            for (var i = 0; i < Size; i++)
            {
                vectors[i].Base = packets + (i * PacketLength);
                messages[i].Header.Vectors = vectors + i;
                messages[i].Header.VectorCount = 1;
                messages[i].Header.Name = name;
                messages[i].Header.NameLength = 16;
            }
        }
    }

    /// <summary>Packets put in since the last <see cref="Send"/>.</summary>
    public int Count { get; private set; }

    public void AddUdp(ushort sourcePort, ushort destinationPort)
    {
        var packet = Begin(17, 28, sourcePort, destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet[24..], 8); // length; a checksum of 0 is none
    }

    public void AddTcp(ushort sourcePort, ushort destinationPort, byte flags, uint sequence, uint acknowledged)
    {
        var packet = Begin(6, 40, sourcePort, destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(packet[24..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(packet[28..], acknowledged);
        packet[32] = 5 << 4;
        packet[33] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(packet[34..], 65535);
        uint sum = 6 + 20; // the pseudo header
        foreach (var part in new ReadOnlySpan<uint>([_source, _destination]))
            sum += (part >> 16) + (part & 0xffff);
        for (var at = 20; at < 40; at += 2)
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);
        sum = (sum >> 16) + (sum & 0xffff);
        BinaryPrimitives.WriteUInt16BigEndian(packet[36..], (ushort)~(sum + (sum >> 16)));
    }

    /// <summary>Sends what was put in.</summary>
    public void Send()
    {
        fixed (byte* headers = _headers)
        {
            var messages = (LibC.MultiMessageHeader*)headers;
            for (var sent = 0; sent < Count; )
            {
                var taken = SystemCalls.SendMessages((int)_socket.Handle, messages + sent, (uint)(Count - sent), 0);
                if (taken <= 0)
                    throw new LabException($"sendmmsg: {Marshal.GetLastPInvokeErrorMessage()}");
                sent += taken;
            }
        }
        Count = 0;
    }

    public void Dispose() => _socket.Dispose();

    private Span<byte> Begin(byte protocol, int length, ushort sourcePort, ushort destinationPort)
    {
        var packet = _packets.AsSpan(Count * PacketLength, PacketLength);
        packet.Clear();
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)length);
        packet[8] = 64;
        packet[9] = protocol;
        BinaryPrimitives.WriteUInt32BigEndian(packet[12..], _source);
        BinaryPrimitives.WriteUInt32BigEndian(packet[16..], _destination);
        BinaryPrimitives.WriteUInt16BigEndian(packet[20..], sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(packet[22..], destinationPort);
        fixed (byte* headers = _headers)
            ((LibC.IoVector*)((LibC.MultiMessageHeader*)headers + Size))[Count].Length = (nuint)length;
        Count++;
        return packet;
    }
}
