using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>The head of every datagram, all numbers big endian.</summary>
/// <remarks><code>
/// 0..1   2       3     4..11  12..19    20..23  24..27  28..29  30      31
/// magic  version node  epoch  sequence  stream  echo    length  key id  0
/// </code>The length counts header and sections, without a tag. Epoch: of the sender's process. Stream: restarts the sequence
/// after the sender dropped what waited for us. Echo: the challenge the sender last heard from us.</remarks>
public readonly record struct PfsyncHeader
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 32;

    /// <summary>"RS".</summary>
    public const ushort Magic = 0x5253;

    /// <summary>The version we speak. The next one is understood too: what it adds are messages and longer messages, which are skipped.</summary>
    public const byte Version = 1;

    /// <summary>The sender's node id, 1..8.</summary>
    public byte Node { get; init; }

    /// <summary>The sender's boot epoch: differs between two lives of its process.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Number of this datagram in the sender's stream towards us, from 1; 0 outside of it: a hello, with a resend request.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Number of the stream within the epoch, from 1.</summary>
    public uint Stream { get; init; }

    /// <summary>The challenge the sender last heard from the receiver, 0 when none.</summary>
    public uint Echo { get; init; }

    /// <summary>Reads and checks a header against the bytes it stands in front of.</summary>
    public static PfsyncRejection TryRead(ReadOnlySpan<byte> datagram, out PfsyncHeader header)
    {
        header = default;
        if (datagram.Length < Length)
            return PfsyncRejection.TooShort;
        if (datagram.Length > PfsyncLimits.MaxDatagram)
            return PfsyncRejection.TooLong;
        if (BinaryPrimitives.ReadUInt16BigEndian(datagram) != Magic)
            return PfsyncRejection.BadMagic;
        if (datagram[2] is not (Version or Version + 1))
            return PfsyncRejection.BadVersion;
        if (datagram[3] is 0 or > PfsyncLimits.MaxNodeId)
            return PfsyncRejection.BadNode;
        if (BinaryPrimitives.ReadUInt16BigEndian(datagram[28..]) != datagram.Length)
            return PfsyncRejection.BadLength;
        header = new PfsyncHeader
        {
            Node = datagram[3],
            Epoch = BinaryPrimitives.ReadUInt64BigEndian(datagram[4..]),
            Sequence = BinaryPrimitives.ReadUInt64BigEndian(datagram[12..]),
            Stream = BinaryPrimitives.ReadUInt32BigEndian(datagram[20..]),
            Echo = BinaryPrimitives.ReadUInt32BigEndian(datagram[24..]),
        };
        return PfsyncRejection.None;
    }

    /// <summary>Writes the header for a datagram of <paramref name="length"/> bytes.</summary>
    public void Write(Span<byte> datagram, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(datagram, Magic);
        datagram[2] = Version;
        datagram[3] = Node;
        BinaryPrimitives.WriteUInt64BigEndian(datagram[4..], Epoch);
        BinaryPrimitives.WriteUInt64BigEndian(datagram[12..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(datagram[20..], Stream);
        BinaryPrimitives.WriteUInt32BigEndian(datagram[24..], Echo);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[28..], (ushort)length);
        datagram[30] = 0;
        datagram[31] = 0;
    }
}
