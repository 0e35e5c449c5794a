using System.Buffers.Binary;
using System.Security.Cryptography;
using Redoubt.Core.Cluster;

namespace Redoubt.Core.Heartbeat;

/// <summary>What a node's heartbeats are made with.</summary>
public sealed record HeartbeatOptions
{
    /// <summary>This node, 1..8.</summary>
    public required byte Node { get; init; }

    /// <summary>The other nodes.</summary>
    public required IReadOnlyList<byte> Peers { get; init; }

    /// <summary>Logical names of the ways to them: the interfaces with vhids, then the sync links.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>How many of <see cref="Paths"/>, from the first, are interfaces with vhids.</summary>
    public required int Segments { get; init; }

    /// <summary>Names of the failover groups.</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>The cluster's secret.</summary>
    public required ClusterSecret Secret { get; init; }

    /// <summary>32 unpredictable bytes, new for every start: the salt that names this boot, and the key of our challenges.</summary>
    public required ReadOnlyMemory<byte> Random { get; init; }

    /// <summary>Version of this program, as <see cref="HeartbeatHeader.ProductVersion"/>.</summary>
    public uint ProductVersion { get; init; }
}

/// <summary>
/// All heartbeats of a node, in and out. A message counts once, on its own path, and only from a boot of its sender that has echoed
/// our challenge; accepting one changes the challenge, so a recording of an older boot never counts. Pure, owned by one thread.
/// </summary>
public sealed class HeartbeatSession
{
    private readonly HeartbeatOptions _options;
    private readonly HeartbeatSeal _seal;
    private readonly HeartbeatPeer?[] _byNode = new HeartbeatPeer?[HeartbeatLimits.Nodes + 1];
    private readonly HeartbeatPeer[] _peers;
    private readonly uint[] _pathNames;
    private readonly HeartbeatPeerEntry[] _peerEntries;
    private readonly HeartbeatGroupEntry[] _groups;
    private readonly HeartbeatSegmentEntry[] _segments;
    private readonly long[] _counters = new long[Enum.GetValues<HeartbeatRejection>().Length];
    private readonly byte[] _challengeKey = new byte[16];
    private readonly ulong _saltHigh;
    private readonly ulong _saltLow;
    private ulong _sequence;

    /// <summary>Begins; nobody has been heard.</summary>
    public HeartbeatSession(HeartbeatOptions options)
    {
        if (options.Random.Length != 32)
            throw new ArgumentException("32 random bytes", nameof(options));
        _options = options;
        _seal = new HeartbeatSeal(options.Secret);
        _saltHigh = BinaryPrimitives.ReadUInt64BigEndian(options.Random.Span);
        _saltLow = BinaryPrimitives.ReadUInt64BigEndian(options.Random.Span[8..]);
        options.Random.Span[16..].CopyTo(_challengeKey);
        _pathNames = [.. options.Paths.Select(HeartbeatMessage.NameHash)];
        _peers = [.. options.Peers.Where(p => p != options.Node).Distinct().Select(p => new HeartbeatPeer(p, options.Paths.Count))];
        foreach (var peer in _peers)
        {
            _byNode[peer.Node] = peer;
            DrawChallenge(peer);
        }
        _peerEntries = new HeartbeatPeerEntry[_peers.Length];
        _groups = [.. options.Groups.Select(g => new HeartbeatGroupEntry(HeartbeatMessage.NameHash(g), GroupRole.None, false, 0, 1, 0, 0))];
        _segments =
        [
            .. options.Paths.Take(options.Segments).Select(p => new HeartbeatSegmentEntry(HeartbeatMessage.NameHash(p), false, 0)),
        ];
    }

    /// <summary>This node.</summary>
    public byte Node => _options.Node;

    /// <summary>The other nodes, known or not.</summary>
    public IReadOnlyList<HeartbeatPeer> Peers => _peers;

    /// <summary>Number of paths.</summary>
    public int Paths => _pathNames.Length;

    /// <summary>Number of paths that are interfaces with vhids.</summary>
    public int Segments => _segments.Length;

    /// <summary>How long we want to be waited for: announced with every message.</summary>
    public TimeSpan Hold { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>Time between our messages.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The sum of our demotion ledger.</summary>
    public int Ledger { get; set; }

    /// <summary>First eight bytes of our configuration's digest.</summary>
    public ulong ConfigDigest { get; set; }

    /// <summary>Messages by what became of them.</summary>
    public long Counter(HeartbeatRejection rejection) => _counters[(int)rejection];

    /// <summary>The node of that id; null where it is not configured.</summary>
    public HeartbeatPeer? Peer(byte node) => node <= HeartbeatLimits.Nodes ? _byNode[node] : null;

    /// <summary>What we say of a group from now on.</summary>
    public void SetGroup(int group, GroupRole role, bool forced, byte yieldTo, byte advBase, byte advSkew, uint epoch) =>
        _groups[group] = new HeartbeatGroupEntry(_groups[group].Name, role, forced, yieldTo, advBase, advSkew, epoch);

    /// <summary>What we say of an interface from now on.</summary>
    public void SetSegment(int segment, bool usable) => _segments[segment] = _segments[segment] with { IsUsable = usable };

    /// <summary>The hash of an interface's name, and whether it works here.</summary>
    public HeartbeatSegmentEntry Segment(int segment) => _segments[segment];

    /// <summary>
    /// Takes a datagram that came by a path. <paramref name="clock"/> is our boot clock in microseconds, <paramref name="wall"/> our wall clock in milliseconds.
    /// </summary>
    public HeartbeatRejection Receive(ReadOnlySpan<byte> datagram, int path, Instant now, long wall)
    {
        var rejection = Judge(datagram, path, now, wall);
        _counters[(int)rejection]++;
        return rejection;
    }

    /// <summary>Brings <see cref="HeartbeatPeer.IsAlive"/> up to date.</summary>
    public void Look(Instant now)
    {
        foreach (var peer in _peers)
        {
            if (peer.IsAlive && now >= peer.AliveUntil)
                peer.IsAlive = false;
        }
    }

    /// <summary>
    /// We slept: what living peers sent meanwhile may be lost. They get as long again, at most their hold time, before they count as dead. Call it before
    /// <see cref="Look"/>.
    /// </summary>
    public void Forgive(TimeSpan slept, Instant now)
    {
        foreach (var peer in _peers)
        {
            if (!peer.IsAlive)
                continue;
            var extra = slept < peer.Header.Hold ? slept : peer.Header.Hold;
            if (now + extra > peer.AliveUntil)
                peer.AliveUntil = now + extra;
        }
    }

    /// <summary>When the next living peer counts as dead.</summary>
    public Instant NextDeath
    {
        get
        {
            var next = Instant.Never;
            foreach (var peer in _peers)
            {
                if (peer.IsAlive)
                    next = Instant.Earlier(next, peer.AliveUntil);
            }
            return next;
        }
    }

    /// <summary>Whether any peer is alive.</summary>
    public bool AnyAlive
    {
        get
        {
            foreach (var peer in _peers)
            {
                if (peer.IsAlive)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Writes the next message for a path; returns its length. The buffer has <see cref="HeartbeatLimits.MaxLength"/> bytes.</summary>
    public int Write(Span<byte> buffer, int path, bool leaving, IpAddressValue ipv4, IpAddressValue ipv6, Instant now, long wall)
    {
        for (var i = 0; i < _peers.Length; i++)
        {
            var peer = _peers[i];
            _peerEntries[i] = new HeartbeatPeerEntry(
                peer.Node,
                peer.IsAlive,
                peer.IsKnown ? Units(peer.Header.Hold) : (ushort)0,
                peer.Challenge,
                peer.TheirChallenge,
                peer.TheirClock == 0 ? 0 : peer.TheirClock + Microseconds(now) - Microseconds(peer.LastHeard)
            );
        }
        for (var segment = 0; segment < _segments.Length; segment++)
        {
            byte heard = 0;
            foreach (var peer in _peers)
            {
                if (peer.IsHeardOn(segment, now))
                    heard |= (byte)(1 << (peer.Node - 1));
            }
            _segments[segment] = _segments[segment] with { HeardNodes = heard };
        }
        var header = new HeartbeatHeader
        {
            Node = _options.Node,
            IsLeaving = leaving,
            SaltHigh = _saltHigh,
            SaltLow = _saltLow,
            Sequence = ++_sequence,
            Path = _pathNames[path],
            Hold = Hold,
            Interval = Interval,
            Ledger = Ledger,
            ProductVersion = _options.ProductVersion,
            Clock = Microseconds(now),
            WallClock = wall,
            ConfigDigest = ConfigDigest,
            SourceIPv4 = ipv4,
            SourceIPv6 = ipv6,
        };
        var length = HeartbeatMessage.Write(buffer, header, _peerEntries, _groups, _segments);
        return _seal.Sign(buffer, length);
    }

    /// <summary>A hold time as peers report it back: units of 100 µs, at most 6.5 s.</summary>
    public static ushort Units(TimeSpan hold) => (ushort)Math.Min(ushort.MaxValue, hold.Ticks / (100 * TimeSpan.TicksPerMicrosecond));

    private HeartbeatRejection Judge(ReadOnlySpan<byte> datagram, int path, Instant now, long wall)
    {
        var rejection = HeartbeatMessage.TryView(datagram, out var message);
        if (rejection != HeartbeatRejection.None)
            return rejection;
        var peer = _byNode[message.Node];
        if (peer is null && message.Node != _options.Node)
            return HeartbeatRejection.UnknownNode;
        if (!_seal.IsSigned(datagram))
            return HeartbeatRejection.BadTag;
        var header = message.Header;
        if (header.Path != _pathNames[path])
            return HeartbeatRejection.WrongPath;
        if (peer is null)
            return header.SaltHigh == _saltHigh && header.SaltLow == _saltLow ? HeartbeatRejection.Own : HeartbeatRejection.DuplicateNode;
        if (!TryFindUs(message, out var ofUs))
            ofUs = default;
        if (!peer.IsBoot(header))
        {
            // Remembered to be echoed, whoever it is: the peer's next true message puts it right.
            peer.TheirChallenge = ofUs.Challenge;
            peer.Introduce(now);
            if (ofUs.Echo != peer.Challenge)
                return HeartbeatRejection.NotChallenged;
            peer.BeginBoot();
            DrawChallenge(peer);
        }
        else if (!peer.IsNew(path, header.Sequence))
        {
            return HeartbeatRejection.Replayed;
        }
        peer.Take(message, header, path, now);
        peer.TheirChallenge = ofUs.Challenge;
        peer.TakeOpinion(ofUs, Microseconds(now));
        peer.ClockOffset = header.WallClock - wall;
        return HeartbeatRejection.None;
    }

    private bool TryFindUs(in HeartbeatMessage message, out HeartbeatPeerEntry entry)
    {
        for (var i = 0; i < message.Peers; i++)
        {
            entry = message.Peer(i);
            if (entry.Node == _options.Node)
                return true;
        }
        entry = default;
        return false;
    }

    // Never 0, which means none.
    private void DrawChallenge(HeartbeatPeer peer)
    {
        Span<byte> input = stackalloc byte[16];
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt64BigEndian(input, peer.Node);
        BinaryPrimitives.WriteUInt64BigEndian(input[8..], ++peer.ChallengeCount);
        HMACSHA256.HashData(_challengeKey, input, hash);
        peer.Challenge = BinaryPrimitives.ReadUInt64BigEndian(hash) | 1;
    }

    private static long Microseconds(Instant now) => now.Nanoseconds / 1000;
}
