using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>
/// Speaks pfsync as the BSDs do, with them or with nodes like itself: states are named by creator and number, a lost message is asked for when a later one names what it told, a dead peer's states
/// run out. Nothing is acknowledged and nothing authenticated. Allocates only to grow.
/// </summary>
/// <remarks>pf tells of every packet, a kernel's conntrack of changes only. So the kernel's table is walked in slices and what lives is told again before peers
/// would drop it. Two conntrack nodes would keep each other's copies alive for ever that way: only who saw packets of a flow refreshes it (<see cref="PfFlow.IsOurs"/>).</remarks>
public sealed partial class PlainPfsyncEngine : IStateSync
{
    private const int MessagesPerTick = 1024;
    private static readonly TimeSpan _tickPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _idleTick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _aliveLimit = TimeSpan.FromSeconds(60);

    private readonly PlainPfsyncOptions _options;
    private readonly IStateTable _table;
    private readonly IDatagramSink _sink;
    private readonly PfFlowStore _store;
    private readonly PfPeerLink[] _peers;
    private readonly long[] _rejections = new long[Enum.GetValues<PfRejection>().Length];
    private readonly Instant _start;
    private ulong _nextId;
    private Instant _now;

    /// <summary>Makes an engine; it holds nothing and asks every peer for its table.</summary>
    public PlainPfsyncEngine(PlainPfsyncOptions options, IStateTable table, IDatagramSink sink, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfZero(options.HostId);
        ArgumentOutOfRangeException.ThrowIfZero(options.Peers.Count);
        _options = options;
        _table = table;
        _sink = sink;
        _store = new PfFlowStore(options.MaxEntries);
        _peers = [.. options.Peers.Select((format, i) => new PfPeerLink(i, format, options.MaxPacket))];
        _nextId = options.FirstId << 1;
        _start = _now = now;
        _walk = new TableWalk(table, options.ScanPeriod, Meet, Sweep, () => _store.High);
        _walk.Start(now, isUrgent: true);
    }

    /// <inheritdoc />
    public StateSyncCounters Counters { get; } = new();

    /// <summary>Packets or parts of them refused for this reason.</summary>
    public long this[PfRejection reason] => _rejections[(int)reason];

    /// <summary>States that conntrack has nothing like: two families, SCTP.</summary>
    public long Unmappable { get; private set; }

    /// <summary>Flows that are known but not put into the kernel, because their creator changes sequence numbers or answers for a side.</summary>
    public long NotPortable { get; private set; }

    /// <summary>Messages that would have had us clear states once too often.</summary>
    public long ClearsRefused { get; private set; }

    /// <inheritdoc />
    public Action<string, string>? Notice { get; set; }

    /// <inheritdoc />
    public int Count => _store.Count;

    /// <inheritdoc />
    public int OwnedCount { get; private set; }

    /// <summary>This node is MASTER of some vhid.</summary>
    public bool IsForwarding { get; private set; }

    /// <inheritdoc />
    public bool IsLiberal => _liberalCursor < 0;

    /// <inheritdoc />
    public Instant Deadline { get; private set; }

    /// <inheritdoc />
    public void Tick(Instant now)
    {
        _now = now;
        _clearsLeft = ClearsPerTick;
        InstallWaiting();
        MakeLiberalSlice();
        Scan();
        var isAll = Flush();
        Deadline = Instant.Earlier(now + _idleTick, _walk.Next);
        foreach (var peer in _peers)
        {
            RequestBulk(peer);
            WriteBulk(peer);
            peer.Send(_sink, Counters);
            if (peer.BulkOutActive)
                Deadline = Instant.Earlier(Deadline, now + _tickPause);
        }
        UpdateReadiness();
        if (!isAll)
            Deadline = Instant.Earlier(Deadline, now + _tickPause);
        if (_liberalCursor >= 0)
            Deadline = now;
    }

    /// <inheritdoc />
    public void SetForwarding(Instant now, bool forwarding)
    {
        _now = now;
        if (IsForwarding == forwarding)
            return;
        IsForwarding = forwarding;
        _liberalCursor = forwarding ? -1 : 0;
        _isLeaving = !forwarding;
        if (forwarding)
            InstallAllWaiting();
        _walk.Start(_now, isUrgent: true);
    }

    /// <inheritdoc />
    public void PrepareHandOver() => _liberalCursor = 0;

    /// <inheritdoc />
    public void RequestSync(Instant now)
    {
        _now = now;
        foreach (var peer in _peers)
        {
            Restart(peer);
            if (!peer.BulkOutActive)
                StartBulk(peer);
        }
    }

    /// <summary>Expected flows have no words in pfsync: the connection that was expected travels when it comes.</summary>
    public void TakeExpectation(Instant now, in ExpectedFlow flow, bool isGone, bool isEcho) => _now = now;

    /// <inheritdoc />
    public StateSyncPeerStatus Peer(int number)
    {
        var peer = _peers[number];
        // A quiet BSD says nothing for long.
        var isAlive = peer.WasHeard && _now - peer.Heard < _aliveLimit;
        var isQuiet = _inserts.IsEmpty && _updates.IsEmpty && _compressed.IsEmpty && _deletes.Count == 0;
        var bulk = peer.BulkIn switch
        {
            BulkPhase.Done => "done",
            BulkPhase.Running => "running",
            _ when peer.Requests > MaxRequests => "failed",
            _ => "waiting",
        };
        return new StateSyncPeerStatus(
            0,
            isAlive,
            isAlive && isQuiet && peer.BulkIn == BulkPhase.Done && !peer.BulkOutActive,
            TimeSpan.Zero,
            bulk
        );
    }

    /// <inheritdoc />
    public IEnumerable<KeyValuePair<string, long>> ListCounters()
    {
        foreach (var counter in Counters.List())
        {
            if (!counter.Key.StartsWith("rejected", StringComparison.Ordinal))
                yield return counter;
        }
        yield return new("unmappable", Unmappable);
        yield return new("notPortable", NotPortable);
        yield return new("clearsRefused", ClearsRefused);
        for (var reason = PfRejection.BadTtl; (int)reason < _rejections.Length; reason++)
            yield return new("rejected" + reason, this[reason]);
    }

    /// <inheritdoc />
    public void Close() { }

    // Both states of a flow share a number but for its lowest bit.
    private ulong NextId() => _nextId += 2;

    private void SetOurs(ref PfFlow flow, bool ours)
    {
        if (flow.IsOurs != ours)
            OwnedCount += ours ? 1 : -1;
        flow.IsOurs = ours;
    }

    /// <summary>Drops a flow; peers are not told here.</summary>
    private void Forget(int number)
    {
        ref var flow = ref _store[number];
        SetOurs(ref flow, false);
        Unqueue(number, ref flow);
        if (flow.WaitsUntil != default)
            _waiting.Remove(number);
        _store.Free(number);
    }
}
