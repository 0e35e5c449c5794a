namespace Redoubt.Core.Heartbeat;

/// <summary>What is known of another node by its heartbeats. Owned by one thread.</summary>
public sealed class HeartbeatPeer
{
    private readonly ulong[] _sequence;
    private readonly Instant[] _heard;
    private readonly IpAddressValue[] _ipv4;
    private readonly IpAddressValue[] _ipv6;
    private readonly HeartbeatGroupEntry[] _groups = new HeartbeatGroupEntry[HeartbeatLimits.Groups];
    private readonly HeartbeatSegmentEntry[] _segments = new HeartbeatSegmentEntry[HeartbeatLimits.Segments];
    private int _groupCount;
    private int _segmentCount;

    internal HeartbeatPeer(byte node, int paths)
    {
        Node = node;
        _sequence = new ulong[paths];
        _heard = new Instant[paths];
        _ipv4 = new IpAddressValue[paths];
        _ipv6 = new IpAddressValue[paths];
    }

    /// <summary>Its node id.</summary>
    public byte Node { get; }

    /// <summary>Its last message's fixed part.</summary>
    public HeartbeatHeader Header { get; private set; }

    /// <summary>A boot of it was accepted in this life of ours.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>It was heard recently enough, as of the last <see cref="HeartbeatSession.Look"/> or message.</summary>
    public bool IsAlive { get; internal set; }

    /// <summary>Since when it is, or was last, alive without a break.</summary>
    public Instant AliveSince { get; internal set; } = Instant.Never;

    /// <summary>Last message on any path.</summary>
    public Instant LastHeard { get; private set; } = Instant.Zero;

    /// <summary>When it counts as dead where nothing more is heard.</summary>
    public Instant AliveUntil { get; internal set; } = Instant.Zero;

    /// <summary>The hold time of ours that it last heard, in units of 100 µs; 0 before it heard us.</summary>
    public ushort HeardHold { get; private set; }

    /// <summary>It hears us.</summary>
    public bool HearsUs { get; private set; }

    /// <summary>Time there and back, as last measured; null before.</summary>
    public TimeSpan? RoundTrip { get; private set; }

    /// <summary>Its wall clock minus ours at the last message, the time on the way not taken off; in milliseconds.</summary>
    public long ClockOffset { get; internal set; }

    /// <summary>
    /// A boot of it that has not answered our challenge yet was heard: true or recorded, it will be known within this time. At most once in five seconds.
    /// </summary>
    public Instant IntroducedUntil { get; private set; } = Instant.Zero;

    internal ulong Challenge { get; set; }

    internal ulong ChallengeCount { get; set; }

    internal ulong TheirChallenge { get; set; }

    internal long TheirClock { get; set; }

    /// <summary>Last message on a path; <see cref="Instant.Zero"/> where there was none.</summary>
    public Instant HeardOn(int path) => _heard[path];

    /// <summary>Heard on that path within its hold time.</summary>
    public bool IsHeardOn(int path, Instant now) => _heard[path] != Instant.Zero && now < _heard[path] + Header.Hold;

    /// <summary>Whether its advertisements on that path come from this address.</summary>
    public bool AdvertisesFrom(int path, bool ipv6, IpAddressValue source) => source != default && source == (ipv6 ? _ipv6 : _ipv4)[path];

    /// <summary>What it says of a group; false where it does not know it.</summary>
    public bool TryGetGroup(uint name, out HeartbeatGroupEntry entry)
    {
        foreach (ref readonly var candidate in _groups.AsSpan(0, _groupCount))
        {
            if (candidate.Name != name)
                continue;
            entry = candidate;
            return true;
        }
        entry = default;
        return false;
    }

    /// <summary>What it says of an interface; false where it does not know it.</summary>
    public bool TryGetSegment(uint name, out HeartbeatSegmentEntry entry)
    {
        foreach (ref readonly var candidate in _segments.AsSpan(0, _segmentCount))
        {
            if (candidate.Name != name)
                continue;
            entry = candidate;
            return true;
        }
        entry = default;
        return false;
    }

    internal void Introduce(Instant now)
    {
        if (IntroducedUntil == Instant.Zero || now - IntroducedUntil > TimeSpan.FromSeconds(4))
            IntroducedUntil = now + TimeSpan.FromSeconds(1);
    }

    internal bool IsBoot(in HeartbeatHeader header) => IsKnown && Header.SaltHigh == header.SaltHigh && Header.SaltLow == header.SaltLow;

    internal bool IsNew(int path, ulong sequence) => sequence > _sequence[path];

    internal void BeginBoot()
    {
        IsKnown = true;
        HearsUs = false;
        HeardHold = 0;
        RoundTrip = null;
        Array.Clear(_sequence);
        Array.Clear(_heard);
    }

    internal void Take(in HeartbeatMessage message, in HeartbeatHeader header, int path, Instant now)
    {
        // Paths differ in delay: an older message may say that the node lives, not what it is.
        var newest = header.Sequence > Header.Sequence || header.SaltLow != Header.SaltLow || header.SaltHigh != Header.SaltHigh;
        _sequence[path] = header.Sequence;
        _heard[path] = now;
        _ipv4[path] = header.SourceIPv4;
        _ipv6[path] = header.SourceIPv6;
        LastHeard = now;
        if (!newest)
            return;
        Header = header;
        TheirClock = header.Clock;
        _groupCount = message.Groups;
        for (var i = 0; i < _groupCount; i++)
            _groups[i] = message.Group(i);
        _segmentCount = message.Segments;
        for (var i = 0; i < _segmentCount; i++)
            _segments[i] = message.Segment(i);
        AliveUntil = header.IsLeaving ? now : now + header.Hold;
        if (!IsAlive && !header.IsLeaving)
            AliveSince = now;
        IsAlive = !header.IsLeaving;
    }

    internal void TakeOpinion(in HeartbeatPeerEntry ofUs, long clock)
    {
        HearsUs = ofUs.IsAlive;
        HeardHold = ofUs.HeardHold;
        if (ofUs.EchoTime != 0 && clock >= ofUs.EchoTime)
            RoundTrip = TimeSpan.FromTicks((clock - ofUs.EchoTime) * TimeSpan.TicksPerMicrosecond);
    }
}
