using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>The head that all messages of a comparison share, and what follows it. Numbers big endian.</summary>
/// <remarks><code>
/// 0..3   4      5                        6     7
/// round  owner  0 the table, 1 a node    node  flags: 1 the last of its kind in this round, 2 more differs than this round looks into
/// Sums:     64 digests u64: of the table's nodes, or of the node's ranges
/// Want:     mask u64 of nodes or ranges that differ; of the table 0 says: all is equal. The last of level 1 asks for the states' digests
/// Entries, Missing: digests of single states u64, as many as the message is long; the last may have none
/// </code>Who tells its digests numbers the rounds; answers name the round.</remarks>
public readonly record struct PfsyncDigest
{
    /// <summary>Bytes of the head.</summary>
    public const int HeadLength = 8;

    /// <summary>Bytes of a message of sums.</summary>
    public const int SumsLength = HeadLength + (8 * PfsyncLimits.DigestFan);

    /// <summary>Bytes of a message of wants.</summary>
    public const int WantLength = HeadLength + 8;

    /// <summary>Number of the comparison.</summary>
    public uint Round { get; init; }

    /// <summary>Only states of this owner are meant.</summary>
    public byte Owner { get; init; }

    /// <summary>A node's ranges are meant; else the nodes of the table.</summary>
    public bool IsOfNode { get; init; }

    /// <summary>Which node.</summary>
    public byte Node { get; init; }

    /// <summary>The last of its kind in this round.</summary>
    public bool IsLast { get; init; }

    /// <summary>More ranges differ than this round looks into: the next one goes on.</summary>
    public bool HasMore { get; init; }

    /// <summary>Reads the head; false where the message is too short for its action or the head cannot be.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, PfsyncAction action, out PfsyncDigest head)
    {
        head = default;
        var needed = action switch
        {
            PfsyncAction.DigestSums => SumsLength,
            PfsyncAction.DigestWant => WantLength,
            _ => HeadLength,
        };
        if (message.Length < needed || message[4] is 0 or > PfsyncLimits.MaxNodeId || message[6] >= PfsyncLimits.DigestFan)
            return false;
        head = new PfsyncDigest
        {
            Round = BinaryPrimitives.ReadUInt32BigEndian(message),
            Owner = message[4],
            IsOfNode = message[5] != 0,
            Node = message[6],
            IsLast = (message[7] & 1) != 0,
            HasMore = (message[7] & 2) != 0,
        };
        return true;
    }

    /// <summary>Writes the head.</summary>
    public void Write(Span<byte> message)
    {
        BinaryPrimitives.WriteUInt32BigEndian(message, Round);
        message[4] = Owner;
        message[5] = (byte)(IsOfNode ? 1 : 0);
        message[6] = Node;
        message[7] = (byte)((IsLast ? 1 : 0) | (HasMore ? 2 : 0));
    }

    /// <summary>The number at <paramref name="index"/> behind the head.</summary>
    public static ulong ValueAt(ReadOnlySpan<byte> message, int index) =>
        BinaryPrimitives.ReadUInt64BigEndian(message[(HeadLength + (8 * index))..]);

    /// <summary>Sets the number at <paramref name="index"/> behind the head.</summary>
    public static void SetValue(Span<byte> message, int index, ulong value) =>
        BinaryPrimitives.WriteUInt64BigEndian(message[(HeadLength + (8 * index))..], value);

    /// <summary>Numbers that a message holds behind its head.</summary>
    public static int CountOf(ReadOnlySpan<byte> message) => (message.Length - HeadLength) / 8;
}
