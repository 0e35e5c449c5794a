using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>
/// Keeps the connection tables of the nodes alike. Pure: told the time, the kernel's news and the peers' datagrams; acts through
/// <see cref="IStateTable"/> and <see cref="IDatagramSink"/>. Call <see cref="Tick"/> after every batch of news and at <see cref="Deadline"/>:
/// it sends what the batch made due. One owner, not thread safe. Allocates only to grow.
/// </summary>
public sealed partial class StateSyncEngine : IStateSync
{
    // A walk may miss an entry that moves; three hardly miss the same.
    private const int LeavingScans = 3;
    private const int AnswersPerInterval = 16;
    private static readonly TimeSpan _helloInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _ackInterval = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _aliveLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _sessionLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _endedKept = TimeSpan.FromSeconds(2);

    private readonly StateSyncEngineOptions _options;
    private readonly IStateTable _table;
    private readonly IDatagramSink _sink;
    private readonly StateStore _store;
    private readonly PeerSession[] _peers;
    private readonly byte[] _control = new byte[PfsyncLimits.MaxDatagram];
    private readonly byte[] _opened = new byte[PfsyncLimits.MaxDatagram];
    private readonly byte[] _sealed = new byte[PfsyncLimits.MaxDatagram];
    private readonly uint _creator;
    private readonly Instant _start;
    private readonly Queue<int> _ended = new();
    private ulong _clock;
    private ulong _challenges;
    private Instant _now;

    /// <summary>Makes an engine; it knows nobody and holds nothing.</summary>
    public StateSyncEngine(StateSyncEngineOptions options, IStateTable table, IDatagramSink sink, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Peers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Peers, PfsyncLimits.MaxNodeId - 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Links, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Links, PfsyncLimits.Links);
        _options = options;
        _table = table;
        _sink = sink;
        _store = new StateStore(options.MaxEntries, options.Seed);
        _digest = new TableDigest(options.Secret);
        _creator = ((uint)options.NodeId << 24) | (uint)(options.Epoch & 0xffffff);
        _clock = options.ClockStart & MaxIncarnation;
        _challenges = options.Seed ^ options.Epoch;
        _start = _now = now;
        _held = new HeldFrame[options.Held is null ? 0 : options.MaxHeld];
        _heldUntil = new ulong[_held.Length * options.Peers];
        _peers = new PeerSession[options.Peers];
        for (var i = 0; i < _peers.Length; i++)
            _peers[i] = new PeerSession(i)
            {
                Challenge = NextChallenge(),
                NextHello = now,
                // An acknowledgement meant for an earlier life must not pass for one of this.
                Stream = (NextChallenge() >> 1) | 1,
                Seal = options.Secret is { } secret ? new PfsyncSeal(secret, options.NodeId, options.Epoch) : null,
            };
        _walk = new TableWalk(table, options.ScanPeriod, Meet, Sweep, () => _store.High);
        _walk.Start(now, isUrgent: true);
    }

    /// <summary>What was counted.</summary>
    public StateSyncCounters Counters { get; } = new();

    /// <summary>Something an operator wants to know: a kind and a sentence.</summary>
    public Action<string, string>? Notice { get; set; }

    /// <summary>Live states known.</summary>
    public int Count { get; private set; }

    /// <summary>Live states this node owns.</summary>
    public int OwnedCount { get; private set; }

    /// <summary>This node is MASTER of some vhid.</summary>
    public bool IsForwarding { get; private set; }

    /// <summary>When <see cref="Tick"/> wants to be called next, at the latest.</summary>
    public Instant Deadline { get; private set; }

    /// <summary>Does what is due: hellos, sendings and resendings, a slice of the scan.</summary>
    public void Tick(Instant now)
    {
        _now = now;
        Settle();
        PromoteSlice();
        FreeEnded();
        MakeLiberalSlice();
        Scan();
        UpdateReadiness();
        Deadline = Instant.Earlier(_walk.Next, now + _helloInterval);
        if (_liberalCursor >= 0 || _promoteCursor >= 0)
            Deadline = now;
        foreach (var peer in _peers)
        {
            CheckLife(peer);
            ChooseLink(peer);
            VerifySlice(peer);
            InformSlice(peer);
            CompareSlice(peer);
            Flush(peer);
            Retransmit(peer);
            // Each acknowledgement wakes the sender: under load one a millisecond is enough, its window holds a hundred times as much.
            if ((peer.HelloDue && now >= peer.NextAck) || now >= peer.NextHello)
            {
                peer.NextAck = now + _ackInterval;
                SendHello(peer);
            }
            Deadline = Instant.Earlier(Deadline, peer.HelloDue ? peer.NextAck : peer.NextHello);
            if (peer.InFlight > 0)
                Deadline = Instant.Earlier(Deadline, peer.OldestSent + peer.RetransmitAfter);
            if ((peer.VerifyCursor >= 0 && peer.IsConfirmed) || peer.Digests.IsWalking)
                Deadline = now;
        }
        ReleaseHeld();
    }

    /// <summary>Tells whether this node forwards. A scan starts at once both ways: on the way in it takes over what
    /// passes here, on the way out it tells of what passed and nobody was told of yet; and every own TCP entry is made liberal then.</summary>
    public void SetForwarding(Instant now, bool forwarding)
    {
        _now = now;
        Settle();
        if (IsForwarding == forwarding)
            return;
        IsForwarding = forwarding;
        _liberalCursor = forwarding ? -1 : 0;
        _promoteCursor = forwarding ? 0 : -1;
        _leavingScans = forwarding ? 0 : LeavingScans;
        _walk.Start(_now, isUrgent: true);
        foreach (var peer in _peers)
            peer.HelloDue = true;
    }

    /// <summary>
    /// Begins to make every own TCP entry liberal while this node still forwards: during a hand-over both nodes see a part of each flow for a
    /// moment. Done when <see cref="IsLiberal"/>.
    /// </summary>
    public void PrepareHandOver() => _liberalCursor = 0;

    /// <summary>No own TCP entry waits to be made liberal.</summary>
    public bool IsLiberal => _liberalCursor < 0;

    /// <summary>Asks every peer for its states and offers it ours.</summary>
    public void RequestSync(Instant now)
    {
        _now = now;
        foreach (var peer in _peers)
        {
            RequestBulk(peer);
            if (!peer.BulkOutActive)
                StartBulk(peer, request: 0);
        }
    }

    /// <summary>Shows every live state until <paramref name="visitor"/> returns false. The visitor must not call the engine.</summary>
    public void Visit(Func<ReplicatedState, bool> visitor)
    {
        for (var i = 0; i < _store.High; i++)
        {
            ref var slot = ref _store[i];
            if (slot.Phase == SlotPhase.Live && !visitor(slot.State))
                return;
        }
    }

    /// <inheritdoc />
    public IEnumerable<KeyValuePair<string, long>> ListCounters() => Counters.List();

    void IStateSync.Receive(Instant now, int peer, int link, int ttl, ReadOnlySpan<byte> datagram) => Receive(now, peer, datagram, link);

    /// <summary>Gives the keys up.</summary>
    public void Close()
    {
        foreach (var peer in _peers)
            peer.Seal?.Dispose();
    }

    private uint NextChallenge()
    {
        // splitmix64, Steele and others 2014; 0 means "none".
        var z = _challenges += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (uint)(z >> 32) | 1;
    }
}
