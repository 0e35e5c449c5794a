using System.Buffers.Binary;

namespace Redoubt.Core.Heartbeat;

/// <summary>What a node says to and of one peer.</summary>
/// <param name="Node">The peer, 1..8.</param>
/// <param name="IsAlive">The sender hears it.</param>
/// <param name="HeardHold">The hold time last heard from it, in units of 100 µs; 0: none.</param>
/// <param name="Challenge">What a new boot of that peer has to echo.</param>
/// <param name="Echo">The peer's challenge to the sender, as last heard; 0: none.</param>
/// <param name="EchoTime">The peer's clock as last heard, for the round trip; 0: none.</param>
public readonly record struct HeartbeatPeerEntry(byte Node, bool IsAlive, ushort HeardHold, ulong Challenge, ulong Echo, long EchoTime)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 28;

    internal static HeartbeatPeerEntry Read(ReadOnlySpan<byte> b) =>
        new(
            b[0],
            (b[1] & 1) != 0,
            BinaryPrimitives.ReadUInt16BigEndian(b[2..]),
            BinaryPrimitives.ReadUInt64BigEndian(b[4..]),
            BinaryPrimitives.ReadUInt64BigEndian(b[12..]),
            BinaryPrimitives.ReadInt64BigEndian(b[20..])
        );

    internal void Write(Span<byte> b)
    {
        b[0] = Node;
        b[1] = IsAlive ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16BigEndian(b[2..], HeardHold);
        BinaryPrimitives.WriteUInt64BigEndian(b[4..], Challenge);
        BinaryPrimitives.WriteUInt64BigEndian(b[12..], Echo);
        BinaryPrimitives.WriteInt64BigEndian(b[20..], EchoTime);
    }
}

/// <summary>What a node is in a failover group.</summary>
public enum GroupRole : byte
{
    /// <summary>It takes no part: CARP is off, or no interface of the group works.</summary>
    None,

    /// <summary>It could take over.</summary>
    Backup,

    /// <summary>It asks the master to yield, and claims as soon as that one has.</summary>
    Asking,

    /// <summary>It holds the addresses.</summary>
    Master,
}

/// <summary>What a node says of one failover group.</summary>
/// <param name="Name">Hash of the group's name (<see cref="HeartbeatMessage.NameHash"/>).</param>
/// <param name="Role">What it is there.</param>
/// <param name="IsForced">It asks by the operator's wish: the master yields also to a worse node.</param>
/// <param name="YieldTo">The node it yielded to and waits for; 0: none.</param>
/// <param name="AdvBase">The group's advbase on this node.</param>
/// <param name="AdvSkew">The group's configured advskew on this node.</param>
/// <param name="Epoch">Number of the mastership it holds or last saw; grows with each claim.</param>
public readonly record struct HeartbeatGroupEntry(
    uint Name,
    GroupRole Role,
    bool IsForced,
    byte YieldTo,
    byte AdvBase,
    byte AdvSkew,
    uint Epoch
)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 12;

    internal static HeartbeatGroupEntry Read(ReadOnlySpan<byte> b) =>
        new(
            BinaryPrimitives.ReadUInt32BigEndian(b),
            (GroupRole)b[4],
            (b[5] & 1) != 0,
            (byte)(b[5] >> 4),
            b[6],
            b[7],
            BinaryPrimitives.ReadUInt32BigEndian(b[8..])
        );

    internal void Write(Span<byte> b)
    {
        BinaryPrimitives.WriteUInt32BigEndian(b, Name);
        b[4] = (byte)Role;
        b[5] = (byte)((YieldTo << 4) | (IsForced ? 1 : 0));
        b[6] = AdvBase;
        b[7] = AdvSkew;
        BinaryPrimitives.WriteUInt32BigEndian(b[8..], Epoch);
    }
}

/// <summary>What a node says of one interface that carries vhids.</summary>
/// <param name="Name">Hash of its logical name.</param>
/// <param name="IsUsable">The device is up and has carrier.</param>
/// <param name="HeardNodes">Bit n-1: node n is heard there.</param>
public readonly record struct HeartbeatSegmentEntry(uint Name, bool IsUsable, byte HeardNodes)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Length = 8;

    internal static HeartbeatSegmentEntry Read(ReadOnlySpan<byte> b) => new(BinaryPrimitives.ReadUInt32BigEndian(b), (b[4] & 1) != 0, b[5]);

    internal void Write(Span<byte> b)
    {
        BinaryPrimitives.WriteUInt32BigEndian(b, Name);
        b[4] = IsUsable ? (byte)1 : (byte)0;
        b[5] = HeardNodes;
        b[6] = 0;
        b[7] = 0;
    }
}
