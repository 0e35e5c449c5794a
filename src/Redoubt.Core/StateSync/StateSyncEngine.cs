using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>Something an operator wants to know.</summary>
/// <param name="Kind">"peer-up", "peer-down", "bulk-done", "overrun", ...</param>
/// <param name="Message">One sentence.</param>
public readonly record struct StateSyncNotice(string Kind, string Message);

/// <summary>How one peer stands.</summary>
/// <param name="NodeId">Its node id, 0 while it was never heard.</param>
/// <param name="IsAlive">Heard within <see cref="StateSyncEngine.AliveTime"/>.</param>
/// <param name="IsInSync">Alive, everything of it is here and everything of ours is there or but a moment old.</param>
/// <param name="LagMilliseconds">Half of the last round trip, and the age of what it has not acknowledged; not a number while unknown.</param>
/// <param name="Bulk">How far the bulk from it has come.</param>
/// <param name="BulkPercent">Of the states it announced.</param>
public readonly record struct StateSyncPeerView(
    byte NodeId,
    bool IsAlive,
    bool IsInSync,
    double LagMilliseconds,
    BulkProgress Bulk,
    int BulkPercent
);

/// <summary>
/// Keeps the states of this node's kernel and its peers' the same. Told the time, the kernel's news and the peers' datagrams; acts on
/// the table and the sink it was given. Owned by one thread.
/// <code>
/// kernel news → OnNews → slot → queue of each peer → Flush → datagrams
/// datagram → OnDatagram → session → sequence → Merge → slot → table
/// Tick: hellos, resending, bulk, walk over the table, what is over
/// </code>
/// A state belongs to its owner, the node that forwards it. Who forwards is the judge of its own kernel: its new and changed entries are
/// told to all, and its ends end them everywhere. Another node's copy only follows; when it expires there, the owner is asked.
/// Lives of one tuple are told apart by their identity; within one life the higher term wins, then the lower node id, then the later revision.
/// </summary>
public sealed partial class StateSyncEngine
{
    /// <summary>A peer that was not heard for so long is gone.</summary>
    public static readonly TimeSpan AliveTime = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan _helloPeriod = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _ackDelay = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _resendAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _resendRequestPeriod = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan _inSyncLag = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _endedTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _busyTick = TimeSpan.FromMilliseconds(2);
    private const int AckEvery = 64; // datagrams
    private const ulong HighestIncarnation = long.MaxValue; // the clock can never wrap

    private readonly StateSyncSettings _settings;
    private readonly IStateTable _table;
    private readonly IDatagramSink _sink;
    private readonly Action<StateSyncNotice> _notice;
    private readonly StateStore _store;
    private readonly StateSyncPeer[] _peers;
    private readonly uint _creator;
    private readonly byte[] _control = new byte[PfsyncLimits.MaxDatagram];
    private readonly Instant _begin;
    private ulong _clock;
    private uint _challenges;
    private bool _hadPeer;

    /// <summary>Makes an engine; the first <see cref="Tick"/> walks over the table as it stands.</summary>
    public StateSyncEngine(StateSyncSettings settings, IStateTable table, IDatagramSink sink, Action<StateSyncNotice> notice, Instant now)
    {
        (_settings, _table, _sink, _notice, _begin) = (settings, table, sink, notice, now);
        _clock = Math.Min(settings.Clock, HighestIncarnation / 2);
        _creator = ((uint)settings.NodeId << 24) | ((uint)(settings.Epoch ^ (settings.Epoch >> 32)) & 0xff_ffff);
        _challenges = (uint)settings.Epoch;
        _store = new StateStore(settings.MaxEntries);
        _peers = [.. Enumerable.Range(0, settings.Peers).Select(i => new StateSyncPeer(i))];
        foreach (var peer in _peers)
            peer.Challenge = NextChallenge();
        _scanStart = now;
    }

    /// <summary>What was counted.</summary>
    public StateSyncCounters Counters { get; } = new();

    /// <summary>Every live peer's states are in, or waiting longer makes no sense.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Why <see cref="IsReady"/> is what it is.</summary>
    public string ReadyReason { get; private set; } = "nothing was heard yet";

    /// <summary>This node forwards: some vhid is MASTER.</summary>
    public bool IsForwarding { get; private set; }

    /// <summary>States that live.</summary>
    public int LiveCount => _store.LiveCount;

    /// <summary>When <see cref="Tick"/> wants to be called at the latest.</summary>
    public Instant Deadline { get; private set; }

    /// <summary>Living states owned by this node.</summary>
    public int CountOwned()
    {
        var count = 0;
        for (var i = 0; i < _store.Length; i++)
        {
            if (_store[i].Use == SlotUse.Live && _store[i].State.Owner == _settings.NodeId)
                count++;
        }
        return count;
    }

    /// <summary>Shows every living state until the visitor returns false.</summary>
    public void List(Func<ReplicatedState, bool> visitor)
    {
        for (var i = 0; i < _store.Length; i++)
        {
            if (_store[i].Use == SlotUse.Live && !visitor(_store[i].State))
                return;
        }
    }

    /// <summary>How a peer stands.</summary>
    public StateSyncPeerView View(int peer, Instant now)
    {
        var p = _peers[peer];
        var age = p.Unacknowledged == 0 ? TimeSpan.Zero : now - p.OldestSentAt;
        var lag = (p.RoundTripMilliseconds / 2) + age.TotalMilliseconds;
        var inSync =
            p is { IsAlive: true, HasSession: true, BulkIn: BulkProgress.Done, IsSendingBulk: false, BulkOutRequest: not 0 }
            && p.Queue.Count < ReceiveWindow.Size
            && age < _inSyncLag;
        var percent = p.BulkInExpected == 0 ? 0 : (int)Math.Min(99, 100L * p.BulkInReceived / p.BulkInExpected);
        return new StateSyncPeerView(p.Node, p.IsAlive, inSync, lag, p.BulkIn, percent);
    }

    /// <summary>This node begins or ends to forward.</summary>
    public void SetForwarding(bool forwarding, Instant now)
    {
        if (IsForwarding == forwarding)
            return;
        IsForwarding = forwarding;
        if (forwarding)
            BeginScan(now, fast: true);
        else
            MakeOwnLiberal();
        foreach (var peer in _peers)
            peer.NextHello = now;
    }

    /// <summary>Asks every live peer for its states, and offers all of ours.</summary>
    public void RequestSync(Instant now)
    {
        foreach (var peer in _peers)
        {
            if (!peer.HasSession)
                continue;
            AskForBulk(peer, now);
            peer.RestartStream(); // a new stream makes the peer ask
        }
    }

    /// <summary>Does what is due by the clock, then sends what waits.</summary>
    public void Tick(Instant now)
    {
        foreach (var peer in _peers)
        {
            CheckAlive(peer, now);
            CheckBulkIn(peer, now);
        }
        CheckReady(now);
        Scan(now);
        _store.Reap(now, 256);
        Flush(now);
        SetDeadline(now);
    }

    private void SetDeadline(Instant now)
    {
        var deadline = _scanNext;
        foreach (var peer in _peers)
        {
            deadline = Instant.Earlier(deadline, peer.NextHello);
            if (peer.OwesAck)
                deadline = Instant.Earlier(deadline, now + _ackDelay);
            if (!CanSend(peer))
                continue;
            if (peer.Unacknowledged > 0)
                deadline = Instant.Earlier(deadline, peer.ProgressAt + _resendAfter);
            if ((peer.Queue.Count > 0 || peer.IsSendingBulk) && peer.HasRoom)
                deadline = Instant.Earlier(deadline, now + _busyTick);
            if (peer.Received.HasGap)
                deadline = Instant.Earlier(deadline, peer.NextResendRequest);
        }
        Deadline = deadline;
    }

    private void CheckAlive(StateSyncPeer peer, Instant now)
    {
        if (!peer.IsAlive || now - peer.HeardAt <= AliveTime)
            return;
        peer.IsAlive = false;
        peer.IsForwarding = false;
        peer.RoundTripMilliseconds = double.NaN;
        // It may have missed anything: the next stream makes it ask for all.
        peer.RestartStream();
        ClearQueue(peer);
        ForgetQuestions(peer, now);
        peer.OwesBulkRequest = peer.BulkIn is BulkProgress.Asked or BulkProgress.Running;
        Tell("peer-down", $"node {peer.Node} was not heard for {AliveTime.TotalSeconds:0} s");
    }

    private void CheckReady(Instant now)
    {
        if (IsReady)
            return;
        var alive = 0;
        var waiting = 0;
        foreach (var peer in _peers)
        {
            if (!peer.IsAlive)
                continue;
            alive++;
            if (peer.BulkIn != BulkProgress.Done)
                waiting++;
        }
        if (alive > 0 && waiting == 0)
            BecomeReady("the states of every live peer are in");
        else if (alive == 0 && now - _begin >= _settings.LoneWait && !_hadPeer)
            BecomeReady("no peer was heard");
        else if (alive == 0 && _hadPeer)
            BecomeReady("the peer whose states were awaited is gone");
        else if (now - _notReadySince >= _settings.BulkLimit)
        {
            Tell("bulk-failed", $"the states of {waiting} peers are not in after {_settings.BulkLimit.TotalSeconds:0} s");
            BecomeReady("waiting longer makes no sense");
        }
    }

    private Instant _notReadySince => _unreadyAt == Instant.Zero ? _begin : _unreadyAt;

    private Instant _unreadyAt = Instant.Zero;

    private void BecomeReady(string why) => (IsReady, ReadyReason) = (true, why);

    private uint NextChallenge()
    {
        // Not a secret: it only has to be another one each time. xorshift, never 0.
        _challenges = _challenges == 0 ? 0x9e37_79b9 : _challenges;
        _challenges ^= _challenges << 13;
        _challenges ^= _challenges >> 17;
        _challenges ^= _challenges << 5;
        return _challenges;
    }

    private void Tell(string kind, string message) => _notice(new StateSyncNotice(kind, message));
}
