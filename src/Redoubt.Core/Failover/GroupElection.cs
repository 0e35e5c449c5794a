using Redoubt.Core.Heartbeat;

namespace Redoubt.Core.Failover;

/// <summary>What is asked of one failover group.</summary>
/// <param name="Name">Its name, the same on all nodes.</param>
/// <param name="AdvBase">advbase of its first vhid.</param>
/// <param name="AdvSkew">advskew of its first vhid.</param>
public sealed record GroupOptions(string Name, byte AdvBase, byte AdvSkew);

/// <summary>
/// The election of one failover group among nodes that hear each other's heartbeats. It decides nothing where no peer was ever heard: then
/// CARP's timers do. Pure; owned by one thread.
/// <code>
/// heard of the master                        then
/// role master, and we are better             ask; claim when it has yielded (never before), withdraw where it does not
/// role master, and we are not                wait
/// nothing on any path for its hold time      claim then; the n-th in order of preference n slots later
/// no master among the living                 the best claims, the n-th n slots later; where others live, it says so a moment before
/// two masters                                the worse steps down
/// </code>
/// </summary>
public sealed class GroupElection(GroupOptions options, byte node)
{
    /// <summary>How long an asked master has to yield, and its successor to claim.</summary>
    public static readonly TimeSpan AskLimit = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan _askAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _distrust = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _settle = TimeSpan.FromMilliseconds(200); // four heartbeats of the default profile
    private static readonly TimeSpan _intentTime = TimeSpan.FromMilliseconds(10); // a message's flight both ways, and two wake-ups
    private static readonly TimeSpan _shortestSlot = TimeSpan.FromMilliseconds(20);

    private readonly uint _name = HeartbeatMessage.NameHash(options.Name);
    private readonly Instant[] _ignoredUntil = new Instant[HeartbeatLimits.Nodes + 1];
    private Instant _askedAt;
    private Instant _nextAsk = Instant.Zero;
    private Instant _vacantSince = Instant.Never;
    private Instant _yieldedAt;
    private Instant _coldSince = Instant.Never;
    private Instant _nextReassert = Instant.Zero;
    private Instant _abstainUntil = Instant.Zero;
    private Instant _listenUntil = Instant.Zero;
    private byte _lastMaster;
    private byte _yieldedTo;
    private bool _wasEligible;
    private bool _forced;
    private GroupReason _intended;
    private byte _intendedNode;

    /// <summary>Its name.</summary>
    public string Name { get; } = options.Name;

    /// <summary>This node's side.</summary>
    public GroupRole Role { get; private set; }

    /// <summary>Whether it asks by the operator's wish.</summary>
    public bool IsForced => _forced;

    /// <summary>The node it yielded to and waits for; 0: none.</summary>
    public byte YieldTo { get; private set; }

    /// <summary>Number of the mastership held or last seen.</summary>
    public uint Epoch { get; private set; }

    /// <summary>Why the last action was taken.</summary>
    public GroupReason Reason { get; private set; }

    /// <summary>The node that the reason speaks of; 0: none.</summary>
    public byte ReasonNode { get; private set; }

    /// <summary>The living master among the peers; 0: none.</summary>
    public byte MasterNode { get; private set; }

    /// <summary>When <see cref="Turn"/> is due; also after every heartbeat and every change of ours.</summary>
    public Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>advbase that is announced.</summary>
    public byte AdvBase => options.AdvBase;

    /// <summary>advskew that is announced.</summary>
    public byte AdvSkew => options.AdvSkew;

    /// <summary>
    /// Our vhids changed: whether any could take part, and whether any is master. Where they became master without us (CARP's timers, the operator), that is a
    /// mastership of its own.
    /// </summary>
    public void SetOwn(bool eligible, bool master, Instant now)
    {
        if (!_wasEligible && eligible)
            (_coldSince, _listenUntil) = (now, now + _settle); // others may not have answered our challenge yet
        _wasEligible |= eligible;
        if (master)
        {
            _coldSince = Instant.Never;
            if (Role != GroupRole.Master)
                Epoch++;
            Role = GroupRole.Master;
            _lastMaster = node;
            _vacantSince = Instant.Never;
            (_yieldedTo, _forced) = (0, false);
            YieldTo = 0;
            return;
        }
        if (!eligible)
        {
            (Role, _forced) = (GroupRole.None, false);
            return;
        }
        if (Role is GroupRole.Master or GroupRole.None)
            Role = GroupRole.Backup;
    }

    /// <summary>The operator wants this node to take over, better or not.</summary>
    public void Force() => (_forced, _nextAsk) = (true, Instant.Zero);

    /// <summary>This node is to give way, by the operator's wish or because it is not sure of itself: it claims nothing for so long where another one lives.</summary>
    public void Abstain(TimeSpan time, Instant now) => _abstainUntil = Later(_abstainUntil, now + time);

    /// <summary>
    /// We slept: what was sent meanwhile may be lost, and what waits to be read may be old. Nothing is claimed before <paramref name="until"/>; and after a
    /// long sleep (<paramref name="cold"/>) others may have taken over, been alone and died in it: as on a cold start.
    /// </summary>
    public void Listen(Instant until, bool cold, Instant now)
    {
        _listenUntil = until;
        if (cold && Role != GroupRole.Master)
            (_coldSince, _listenUntil) = (now, Later(until, now + _settle));
        if (Role == GroupRole.Asking)
            _askedAt = Instant.Zero; // whatever was answered, it was not to be waited for
    }

    /// <summary>Looks at what was heard, and decides. <paramref name="mayPreempt"/>: a better node may take over from a healthy master;
    /// <paramref name="aloneHold"/>: how long a node that hears nobody asks to be waited for.</summary>
    public GroupAction Turn(HeartbeatSession session, bool mayPreempt, TimeSpan aloneHold, Instant now)
    {
        Deadline = Instant.Never;
        MasterNode = 0;
        if (now >= _yieldedAt + AskLimit)
            YieldTo = 0; // said that long, so that nobody sees a vacancy between the yield and the claim
        if (Role == GroupRole.None)
        {
            FindMaster(session, out _);
            return GroupAction.None;
        }
        return Role switch
        {
            GroupRole.Master => MasterTurn(session, now),
            GroupRole.Asking => AskingTurn(session, now),
            _ => BackupTurn(session, mayPreempt, aloneHold, now),
        };
    }

    private GroupPreference Own(HeartbeatSession session) => new(session.Ledger, options.AdvBase, options.AdvSkew, node);

    private static GroupPreference Of(HeartbeatPeer peer, in HeartbeatGroupEntry entry) =>
        new(peer.Header.Ledger, entry.AdvBase, entry.AdvSkew, peer.Node);

    private HeartbeatPeer? FindMaster(HeartbeatSession session, out HeartbeatGroupEntry entry)
    {
        HeartbeatPeer? best = null;
        entry = default;
        foreach (var peer in session.Peers)
        {
            if (!peer.IsAlive || !peer.TryGetGroup(_name, out var candidate))
                continue;
            if (candidate.Epoch > Epoch)
                Epoch = candidate.Epoch;
            if (candidate.Role != GroupRole.Master)
                continue;
            if (best is not null && !Of(peer, candidate).IsBetterThan(Of(best, entry)))
                continue;
            (best, entry) = (peer, candidate);
        }
        MasterNode = best?.Node ?? 0;
        return best;
    }

    private GroupAction MasterTurn(HeartbeatSession session, Instant now)
    {
        var own = Own(session);
        if (FindMaster(session, out var theirs) is { } other)
        {
            if (Of(other, theirs).IsBetterThan(own))
                return Leave(GroupAction.StepDown, GroupReason.BetterMaster, other.Node, now);
            if (now >= _nextReassert)
            {
                _nextReassert = now + _askAgain;
                return GroupAction.Reassert;
            }
        }
        if (FindAsking(session, own, now, out var forced) is not { } successor)
            return GroupAction.None;
        (_yieldedTo, _yieldedAt) = (successor.Node, now);
        YieldTo = successor.Node;
        return Leave(GroupAction.Yield, forced ? GroupReason.Forced : GroupReason.BetterNodeAsked, successor.Node, now);
    }

    // The best of those that ask and may; the operator's wish goes before all.
    private HeartbeatPeer? FindAsking(HeartbeatSession session, in GroupPreference own, Instant now, out bool forced)
    {
        HeartbeatPeer? best = null;
        HeartbeatGroupEntry bestEntry = default;
        foreach (var peer in session.Peers)
        {
            if (!peer.IsAlive || !peer.TryGetGroup(_name, out var entry) || entry.Role != GroupRole.Asking)
                continue;
            if (now < _ignoredUntil[peer.Node] || !(entry.IsForced || Of(peer, entry).IsBetterThan(own)))
                continue;
            if (best is not null && (bestEntry.IsForced || !(entry.IsForced || Of(peer, entry).IsBetterThan(Of(best, bestEntry)))))
                continue;
            (best, bestEntry) = (peer, entry);
        }
        forced = bestEntry.IsForced;
        return best;
    }

    private GroupAction Leave(GroupAction action, GroupReason reason, byte whom, Instant now)
    {
        (Role, Reason, ReasonNode) = (GroupRole.Backup, reason, whom);
        _lastMaster = action == GroupAction.StepDown ? whom : node;
        _nextAsk = now + _askAgain;
        return action;
    }

    private GroupAction BackupTurn(HeartbeatSession session, bool mayPreempt, TimeSpan aloneHold, Instant now)
    {
        if (FindMaster(session, out var theirs) is { } master)
        {
            _lastMaster = master.Node;
            _yieldedTo = 0;
            _vacantSince = Instant.Never;
            if (now >= _listenUntil)
                _coldSince = Instant.Never; // before, it may have been old news
            if (!MayAsk(session, master, theirs, mayPreempt, now))
                return GroupAction.None;
            if (now < _nextAsk)
            {
                Deadline = _nextAsk;
                return GroupAction.None;
            }
            (Role, _askedAt, _intended) = (GroupRole.Asking, now, GroupReason.None);
            Deadline = now + AskLimit;
            return GroupAction.Ask;
        }
        return VacantTurn(session, aloneHold, now);
    }

    private bool MayAsk(HeartbeatSession session, HeartbeatPeer master, in HeartbeatGroupEntry theirs, bool mayPreempt, Instant now)
    {
        if (_forced)
            return true;
        if (now < _abstainUntil)
            return false;
        var (own, their) = (Own(session), Of(master, theirs));
        if (own.Ledger < their.Ledger)
            return true; // it says itself that it is less whole
        return mayPreempt && own.IsBetterThan(their) && HearEachOther(session, master, now);
    }

    // Where a segment is cut between two healthy nodes, neither can know who is cut off from the hosts there: the master stays.
    private static bool HearEachOther(HeartbeatSession session, HeartbeatPeer peer, Instant now)
    {
        for (var i = 0; i < session.Segments; i++)
        {
            var own = session.Segment(i);
            if (!own.IsUsable || !peer.TryGetSegment(own.Name, out var theirs) || !theirs.IsUsable)
                continue;
            if (!peer.IsHeardOn(i, now) || (theirs.HeardNodes & (1 << (session.Node - 1))) == 0)
                return false;
        }
        return true;
    }

    private GroupAction AskingTurn(HeartbeatSession session, Instant now)
    {
        var master = FindMaster(session, out _);
        if (_askedAt == Instant.Zero)
            return Withdraw(now);
        if (_intended != GroupReason.None)
            return IntentTurn(session, master, now);
        if (master is not null)
        {
            if (master.Node != _lastMaster || now >= _askedAt + AskLimit)
                return Withdraw(now);
            Deadline = _askedAt + AskLimit;
            return GroupAction.None;
        }
        if (session.Peer(_lastMaster) is not { } asked)
            return Withdraw(now);
        if (!asked.IsAlive)
            return Claim(asked.Header.IsLeaving ? GroupReason.MasterLeft : GroupReason.MasterDied, asked.Node);
        return asked.TryGetGroup(_name, out var theirs) && theirs.YieldTo == node
            ? Claim(GroupReason.MasterYielded, asked.Node)
            : Withdraw(now); // it yielded to somebody else, or lost its lease: everybody claims by rank
    }

    // Nobody holds the group, and this node has said that it will. Two that said so within one flight of a message hear each other before either claims.
    private GroupAction IntentTurn(HeartbeatSession session, HeartbeatPeer? master, Instant now)
    {
        if (master is not null)
            return Withdraw(now);
        var own = Own(session);
        foreach (var peer in session.Peers)
        {
            if (!peer.IsAlive || !peer.TryGetGroup(_name, out var entry) || entry.Role != GroupRole.Asking)
                continue;
            if (entry.IsForced != _forced ? entry.IsForced : Of(peer, entry).IsBetterThan(own))
                return Withdraw(now);
        }
        if (now < _askedAt + _intentTime)
        {
            Deadline = _askedAt + _intentTime;
            return GroupAction.None;
        }
        return Claim(_intended, _intendedNode);
    }

    private GroupAction Withdraw(Instant now)
    {
        var asked = _intended == GroupReason.None;
        (Role, _forced, _intended) = (GroupRole.Backup, false, GroupReason.None);
        if (asked)
            _nextAsk = now + _askAgain;
        else
            _listenUntil = Later(_listenUntil, now + (3 * _intentTime)); // the better one claims meanwhile
        Deadline = asked ? now : _listenUntil;
        return asked ? GroupAction.Withdraw : GroupAction.None;
    }

    private GroupAction VacantTurn(HeartbeatSession session, TimeSpan aloneHold, Instant now)
    {
        var lastMaster = session.Peer(_lastMaster);
        if (!session.AnyAlive && lastMaster is null && _lastMaster != node)
            return GroupAction.None; // nobody was ever heard: CARP's timers
        if (_vacantSince == Instant.Never)
            _vacantSince = now;
        var (since, reason) = VacantFrom(session, lastMaster, now);
        var claimAt = since + Wait(session);
        claimAt = Later(Later(claimAt, _listenUntil), WarmAt(session, aloneHold));
        if (session.AnyAlive && !_forced)
            claimAt = Later(claimAt, _abstainUntil);
        if (now < claimAt)
        {
            Deadline = claimAt;
            return GroupAction.None;
        }
        if (reason == GroupReason.SuccessorFailed)
            _ignoredUntil[_yieldedTo] = now + _distrust;
        var whom = reason == GroupReason.SuccessorFailed ? _yieldedTo : _lastMaster;
        if (!session.AnyAlive)
            return Claim(reason, whom);
        (Role, _askedAt, _intended, _intendedNode) = (GroupRole.Asking, now, reason, whom);
        Deadline = now + _intentTime;
        return GroupAction.None;
    }

    private (Instant Since, GroupReason Reason) VacantFrom(HeartbeatSession session, HeartbeatPeer? lastMaster, Instant now)
    {
        if (session.Peer(_yieldedTo) is { } successor)
        {
            var limit = _yieldedAt + AskLimit;
            return (
                successor.IsAlive ? limit : Instant.Earlier(limit, Later(successor.AliveUntil, _yieldedAt)),
                GroupReason.SuccessorFailed
            );
        }
        if (_lastMaster == node) // our own lease ran out: whoever took over meanwhile is heard of first
            return (session.AnyAlive ? _vacantSince + session.Interval : _vacantSince, GroupReason.NobodyHeld);
        if (lastMaster is { IsAlive: false })
        {
            return lastMaster.Header.IsLeaving ? (_vacantSince, GroupReason.MasterLeft) : (lastMaster.AliveUntil, GroupReason.MasterDied);
        }
        foreach (var peer in session.Peers)
        {
            if (peer.IsAlive && peer.TryGetGroup(_name, out var theirs) && theirs.YieldTo != 0 && theirs.YieldTo != node)
                return (_vacantSince + AskLimit, GroupReason.MasterGaveUp);
        }
        if (lastMaster is not null)
            return (_vacantSince + session.Interval, GroupReason.MasterGaveUp);
        return (_vacantSince, GroupReason.NobodyHeld);
    }

    // A cold start: where all nodes are there, and none is master, nobody can be. One that is missing may be frozen, and its kernel may still hold a lease.
    private Instant WarmAt(HeartbeatSession session, TimeSpan aloneHold)
    {
        if (_coldSince == Instant.Never)
            return Instant.Zero;
        var met = _coldSince;
        foreach (var peer in session.Peers)
        {
            if (!peer.IsAlive)
                return _coldSince + aloneHold;
            met = Later(met, peer.AliveSince);
        }
        return met + _settle;
    }

    // The n-th in order of preference waits n slots: two that both see the vacancy do not claim at once.
    private TimeSpan Wait(HeartbeatSession session)
    {
        var own = Own(session);
        var rank = 0;
        foreach (var peer in session.Peers)
        {
            if (!peer.IsAlive || !peer.TryGetGroup(_name, out var entry) || entry.Role == GroupRole.None)
                continue;
            if (!_forced && Of(peer, entry).IsBetterThan(own))
                rank++;
        }
        return rank * (session.Interval < _shortestSlot ? _shortestSlot : session.Interval);
    }

    private GroupAction Claim(GroupReason reason, byte whom)
    {
        (Reason, ReasonNode) = (reason, whom);
        (_forced, _yieldedTo, _intended) = (false, 0, GroupReason.None);
        return GroupAction.Claim;
    }

    private static Instant Later(Instant a, Instant b) => a > b ? a : b;
}
