using System.Buffers.Binary;
using System.Numerics;

namespace Redoubt.Lab.Tests.StateSync.Traffic;

/// <summary>Packets of one SCTP association (RFC 9260), for a kernel that tracks SCTP but does not speak it.</summary>
internal static class SctpPacket
{
    private const ushort ClientPort = 4000;
    private const ushort ServerPort = 9899;
    private const uint ClientTag = 0x11223344;
    private const uint ServerTag = 0x55667788;

    /// <summary>Messages that open an association.</summary>
    public const int Steps = 4;

    /// <summary>The messages that open the association, client and server in turn; the server's go to <paramref name="port"/>.</summary>
    public static byte[] Opening(int step, ushort port) =>
        step switch
        {
            0 => Packet(null, tag: 0, 1, 0, Init(ClientTag)),
            1 => Packet(port, ClientTag, 2, 0, Init(ServerTag)),
            2 => Packet(null, ServerTag, 10, 0, [0, 0, 0, 10]),
            _ => Packet(port, ClientTag, 11, 0, []),
        };

    /// <summary>A whole user message.</summary>
    public static byte[] Data(bool isServer, ushort port, uint number)
    {
        var chunk = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(chunk, number);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(12), number);
        return Packet(isServer ? port : null, isServer ? ClientTag : ServerTag, 0, 3, chunk);
    }

    private static byte[] Init(uint tag)
    {
        var chunk = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(chunk, tag);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(4), 65536);
        BinaryPrimitives.WriteUInt16BigEndian(chunk.AsSpan(8), 10);
        BinaryPrimitives.WriteUInt16BigEndian(chunk.AsSpan(10), 10);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(12), 1);
        return chunk;
    }

    private static byte[] Packet(ushort? toClient, uint tag, byte type, byte flags, ReadOnlySpan<byte> chunk)
    {
        var packet = new byte[16 + chunk.Length];
        BinaryPrimitives.WriteUInt16BigEndian(packet, toClient is null ? ClientPort : ServerPort);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(2), toClient ?? ServerPort);
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(4), tag);
        packet[12] = type;
        packet[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(14), (ushort)(4 + chunk.Length));
        chunk.CopyTo(packet.AsSpan(16));
        var sum = uint.MaxValue;
        foreach (var b in packet)
            sum = BitOperations.Crc32C(sum, b);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(8), ~sum);
        return packet;
    }
}
