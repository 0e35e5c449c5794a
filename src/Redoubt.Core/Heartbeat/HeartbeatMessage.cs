using System.Buffers.Binary;

namespace Redoubt.Core.Heartbeat;

/// <summary>The fixed part of a heartbeat.</summary>
public readonly record struct HeartbeatHeader
{
    /// <summary>The sender, 1..8.</summary>
    public byte Node { get; init; }

    /// <summary>The sender leaves: it is not to be waited for, and its CARP advertisements count by CARP's rules again.</summary>
    public bool IsLeaving { get; init; }

    /// <summary>Random bits of the sender's boot: the upper half.</summary>
    public ulong SaltHigh { get; init; }

    /// <summary>The lower half.</summary>
    public ulong SaltLow { get; init; }

    /// <summary>Grows with each message of a boot, over all paths.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Hash of the name of the path that this message is sent on.</summary>
    public uint Path { get; init; }

    /// <summary>How long the sender wants to be waited for before somebody takes over from it. Its own leases end earlier.</summary>
    public TimeSpan Hold { get; init; }

    /// <summary>Time between two of its messages.</summary>
    public TimeSpan Interval { get; init; }

    /// <summary>The sum of its demotion ledger, not clamped.</summary>
    public int Ledger { get; init; }

    /// <summary>Version of the sender's program: major, minor, patch in the low three bytes.</summary>
    public uint ProductVersion { get; init; }

    /// <summary>The sender's boot clock in microseconds.</summary>
    public long Clock { get; init; }

    /// <summary>The sender's wall clock in milliseconds since 1970.</summary>
    public long WallClock { get; init; }

    /// <summary>First eight bytes of the digest of the sender's configuration.</summary>
    public ulong ConfigDigest { get; init; }

    /// <summary>Where the sender's IPv4 advertisements on this path come from; default on sync links and where there are none.</summary>
    public IpAddressValue SourceIPv4 { get; init; }

    /// <summary>The same for IPv6.</summary>
    public IpAddressValue SourceIPv6 { get; init; }
}

/// <summary>
/// A heartbeat: one authenticated datagram by which a node says that it lives, what it holds and what it hears. Sent on every sync link
/// (unicast) and on every interface with vhids (to CARP's group), UDP port <see cref="HeartbeatLimits.Port"/>.
/// </summary>
/// <remarks><code>
///  0   'R' 'H'   2 version   3 flags (1: leaving)   4 node   5 peers   6 groups   7 segments
///  8   salt of the boot, 16 bytes                24 sequence, 8
/// 32   path, 4     36 hold µs, 4     40 interval µs, 4     44 ledger, 4 (signed)
/// 48   program version, 4     52 source of IPv4 advertisements on this path, 4
/// 56   boot clock µs, 8     64 wall clock ms, 8     72 config digest, 8     80 source of IPv6 advertisements, 16
/// 96   peers x 28, groups x 12, segments x 8, tag 16
/// </code>All numbers in network order.</remarks>
public readonly ref struct HeartbeatMessage
{
    /// <summary>The version spoken here.</summary>
    public const byte Version = 1;

    /// <summary>Bytes before the entries.</summary>
    public const int HeaderLength = 96;

    private readonly ReadOnlySpan<byte> _bytes;

    private HeartbeatMessage(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>The sender.</summary>
    public byte Node => _bytes[4];

    /// <summary>Number of entries about peers.</summary>
    public int Peers => _bytes[5];

    /// <summary>Number of entries about groups.</summary>
    public int Groups => _bytes[6];

    /// <summary>Number of entries about interfaces.</summary>
    public int Segments => _bytes[7];

    /// <summary>The fixed part.</summary>
    public HeartbeatHeader Header =>
        new()
        {
            Node = _bytes[4],
            IsLeaving = (_bytes[3] & 1) != 0,
            SaltHigh = BinaryPrimitives.ReadUInt64BigEndian(_bytes[8..]),
            SaltLow = BinaryPrimitives.ReadUInt64BigEndian(_bytes[16..]),
            Sequence = BinaryPrimitives.ReadUInt64BigEndian(_bytes[24..]),
            Path = BinaryPrimitives.ReadUInt32BigEndian(_bytes[32..]),
            Hold = Microseconds(BinaryPrimitives.ReadUInt32BigEndian(_bytes[36..])),
            Interval = Microseconds(BinaryPrimitives.ReadUInt32BigEndian(_bytes[40..])),
            Ledger = BinaryPrimitives.ReadInt32BigEndian(_bytes[44..]),
            ProductVersion = BinaryPrimitives.ReadUInt32BigEndian(_bytes[48..]),
            Clock = BinaryPrimitives.ReadInt64BigEndian(_bytes[56..]),
            WallClock = BinaryPrimitives.ReadInt64BigEndian(_bytes[64..]),
            ConfigDigest = BinaryPrimitives.ReadUInt64BigEndian(_bytes[72..]),
            SourceIPv4 = IpAddressValue.Read(_bytes.Slice(52, 4)),
            SourceIPv6 = IpAddressValue.Read(_bytes.Slice(80, 16)),
        };

    /// <summary>An entry about a peer.</summary>
    public HeartbeatPeerEntry Peer(int index) => HeartbeatPeerEntry.Read(_bytes[(HeaderLength + (index * HeartbeatPeerEntry.Length))..]);

    /// <summary>An entry about a group.</summary>
    public HeartbeatGroupEntry Group(int index) =>
        HeartbeatGroupEntry.Read(_bytes[(HeaderLength + (Peers * HeartbeatPeerEntry.Length) + (index * HeartbeatGroupEntry.Length))..]);

    /// <summary>An entry about an interface.</summary>
    public HeartbeatSegmentEntry Segment(int index) =>
        HeartbeatSegmentEntry.Read(
            _bytes[
                (
                    HeaderLength
                    + (Peers * HeartbeatPeerEntry.Length)
                    + (Groups * HeartbeatGroupEntry.Length)
                    + (index * HeartbeatSegmentEntry.Length)
                )..
            ]
        );

    /// <summary>
    /// Accepts a datagram whose every accessor is then safe and whose values make sense. The tag is not checked here: <see cref="HeartbeatSeal"/>.
    /// </summary>
    public static HeartbeatRejection TryView(ReadOnlySpan<byte> bytes, out HeartbeatMessage message)
    {
        message = default;
        if (bytes.Length < HeaderLength + HeartbeatSeal.TagLength)
            return HeartbeatRejection.BadLength;
        if (bytes[0] != 'R' || bytes[1] != 'H' || bytes[2] != Version)
            return HeartbeatRejection.BadVersion;
        var (peers, groups, segments) = (bytes[5], bytes[6], bytes[7]);
        if (peers > HeartbeatLimits.Nodes - 1 || groups > HeartbeatLimits.Groups || segments > HeartbeatLimits.Segments)
            return HeartbeatRejection.BadContent;
        if (bytes.Length != EntriesEnd(peers, groups, segments) + HeartbeatSeal.TagLength)
            return HeartbeatRejection.BadLength;
        message = new HeartbeatMessage(bytes);
        var header = message.Header;
        if (header.Node is 0 or > HeartbeatLimits.Nodes || header.Hold < header.Interval || header.Interval <= TimeSpan.Zero)
            return HeartbeatRejection.BadContent;
        for (var i = 0; i < groups; i++)
        {
            if (message.Group(i).Role > GroupRole.Master)
                return HeartbeatRejection.BadContent;
        }
        return HeartbeatRejection.None;
    }

    /// <summary>Writes a message without its tag; returns its length. The destination has <see cref="HeartbeatLimits.MaxLength"/> bytes.</summary>
    public static int Write(
        Span<byte> destination,
        in HeartbeatHeader header,
        ReadOnlySpan<HeartbeatPeerEntry> peers,
        ReadOnlySpan<HeartbeatGroupEntry> groups,
        ReadOnlySpan<HeartbeatSegmentEntry> segments
    )
    {
        destination[..HeaderLength].Clear();
        destination[0] = (byte)'R';
        destination[1] = (byte)'H';
        destination[2] = Version;
        destination[3] = header.IsLeaving ? (byte)1 : (byte)0;
        destination[4] = header.Node;
        destination[5] = (byte)peers.Length;
        destination[6] = (byte)groups.Length;
        destination[7] = (byte)segments.Length;
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], header.SaltHigh);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], header.SaltLow);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], header.Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(destination[32..], header.Path);
        BinaryPrimitives.WriteUInt32BigEndian(destination[36..], (uint)header.Hold.TotalMicroseconds);
        BinaryPrimitives.WriteUInt32BigEndian(destination[40..], (uint)header.Interval.TotalMicroseconds);
        BinaryPrimitives.WriteInt32BigEndian(destination[44..], header.Ledger);
        BinaryPrimitives.WriteUInt32BigEndian(destination[48..], header.ProductVersion);
        BinaryPrimitives.WriteInt64BigEndian(destination[56..], header.Clock);
        BinaryPrimitives.WriteInt64BigEndian(destination[64..], header.WallClock);
        BinaryPrimitives.WriteUInt64BigEndian(destination[72..], header.ConfigDigest);
        header.SourceIPv4.Write(destination.Slice(52, 4));
        header.SourceIPv6.Write(destination.Slice(80, 16));
        var at = HeaderLength;
        foreach (var peer in peers)
        {
            peer.Write(destination[at..]);
            at += HeartbeatPeerEntry.Length;
        }
        foreach (var group in groups)
        {
            group.Write(destination[at..]);
            at += HeartbeatGroupEntry.Length;
        }
        foreach (var segment in segments)
        {
            segment.Write(destination[at..]);
            at += HeartbeatSegmentEntry.Length;
        }
        return at;
    }

    /// <summary>FNV-1a, 32 bits: how names of groups and paths travel. Names are ASCII.</summary>
    public static uint NameHash(string name)
    {
        var hash = 2_166_136_261u;
        foreach (var c in name)
            hash = (hash ^ (byte)c) * 16_777_619u;
        return hash;
    }

    private static int EntriesEnd(int peers, int groups, int segments) =>
        HeaderLength
        + (peers * HeartbeatPeerEntry.Length)
        + (groups * HeartbeatGroupEntry.Length)
        + (segments * HeartbeatSegmentEntry.Length);

    private static TimeSpan Microseconds(uint value) => TimeSpan.FromTicks(value * TimeSpan.TicksPerMicrosecond);
}
