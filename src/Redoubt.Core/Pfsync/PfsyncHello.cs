using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Sign of life and acknowledgement.</summary>
/// <remarks><code>
/// 0..3       4..7        8..15         16..23  24..31   32..39     40..43      44     45     46..47
/// challenge  ack stream  ack sequence  clock   sent at  echo sent  hold in µs  flags  links  0
/// </code></remarks>
public readonly record struct PfsyncHello
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 48;

    /// <summary>The number that a new session of the receiver must echo in its header.</summary>
    public uint Challenge { get; init; }

    /// <summary>The receiver's stream that <see cref="AckSequence"/> speaks of; 0 when none was accepted.</summary>
    public uint AckStream { get; init; }

    /// <summary>Everything up to this number of the receiver's stream arrived.</summary>
    public ulong AckSequence { get; init; }

    /// <summary>The sender's logical clock: no incarnation it knows is higher.</summary>
    public ulong Clock { get; init; }

    /// <summary>The sender's boot-time clock at sending, nanoseconds; only the sender understands it.</summary>
    public long SentAt { get; init; }

    /// <summary><see cref="SentAt"/> of the last hello the sender heard from us, 0 when none.</summary>
    public long EchoSentAt { get; init; }

    /// <summary>How long the sender held that before it answered, microseconds.</summary>
    public uint HoldMicroseconds { get; init; }

    /// <summary>The sender is MASTER of some vhid.</summary>
    public bool IsForwarding { get; init; }

    /// <summary>The sender calls itself ready.</summary>
    public bool IsReady { get; init; }

    /// <summary>The sender knows digests: it compares its table with ours when it is asked to.</summary>
    public bool ComparesDigests { get; init; }

    /// <summary>One bit for each link over which the sender heard the receiver a moment ago; 0 from a version that knows one link only.</summary>
    public byte Links { get; init; }

    /// <summary>Reads a message of at least <see cref="Length"/> bytes.</summary>
    public static PfsyncHello Read(ReadOnlySpan<byte> message) =>
        new()
        {
            Challenge = BinaryPrimitives.ReadUInt32BigEndian(message),
            AckStream = BinaryPrimitives.ReadUInt32BigEndian(message[4..]),
            AckSequence = BinaryPrimitives.ReadUInt64BigEndian(message[8..]),
            Clock = BinaryPrimitives.ReadUInt64BigEndian(message[16..]),
            SentAt = BinaryPrimitives.ReadInt64BigEndian(message[24..]),
            EchoSentAt = BinaryPrimitives.ReadInt64BigEndian(message[32..]),
            HoldMicroseconds = BinaryPrimitives.ReadUInt32BigEndian(message[40..]),
            IsForwarding = (message[44] & 1) != 0,
            IsReady = (message[44] & 2) != 0,
            ComparesDigests = (message[44] & 4) != 0,
            Links = message[45],
        };

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void Write(Span<byte> message)
    {
        BinaryPrimitives.WriteUInt32BigEndian(message, Challenge);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], AckStream);
        BinaryPrimitives.WriteUInt64BigEndian(message[8..], AckSequence);
        BinaryPrimitives.WriteUInt64BigEndian(message[16..], Clock);
        BinaryPrimitives.WriteInt64BigEndian(message[24..], SentAt);
        BinaryPrimitives.WriteInt64BigEndian(message[32..], EchoSentAt);
        BinaryPrimitives.WriteUInt32BigEndian(message[40..], HoldMicroseconds);
        message[44] = (byte)((IsForwarding ? 1 : 0) | (IsReady ? 2 : 0) | (ComparesDigests ? 4 : 0));
        message[45] = Links;
        message[46..48].Clear();
    }
}
