using Redoubt.Core.Carp;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Core.Failover;

/// <summary>What a coordinator is made with.</summary>
public sealed record CoordinatorOptions
{
    /// <summary>Heartbeats.</summary>
    public required HeartbeatOptions Heartbeat { get; init; }

    /// <summary>The groups, in the order of <see cref="HeartbeatOptions.Groups"/>.</summary>
    public required IReadOnlyList<GroupOptions> Groups { get; init; }

    /// <summary>Time between heartbeats.</summary>
    public required TimeSpan Interval { get; init; }

    /// <summary>How long a silent node is waited for.</summary>
    public required TimeSpan Hold { get; init; }

    /// <summary>How long a node that hears no peer is to be waited for: CARP's shortest master-down time.</summary>
    public required TimeSpan AloneHold { get; init; }
}

/// <summary>
/// The nodes of a cluster agree on who holds which group. It is told heartbeats, the time and what became of its own vhids, and says what to do: pure, owned by one thread.
/// <code>
/// wait → OnOverslept → Receive every waiting heartbeat → SetGroup → Turn → carry out each group's action → SetGroup → where MustSend: Write on all paths, Sent
/// </code>
/// </summary>
public sealed class FailoverCoordinator
{
    private static readonly TimeSpan _acquaintance = TimeSpan.FromSeconds(1);

    private readonly GroupElection[] _groups;
    private readonly GroupAction[] _actions;
    private readonly bool[] _foreign;
    private readonly Instant[] _segmentSince;
    private Instant _nextTick = Instant.Zero;
    private Instant _groupDeadline = Instant.Never;
    private bool _urgent;

    /// <summary>Begins without having heard anybody.</summary>
    public FailoverCoordinator(CoordinatorOptions options)
    {
        if (options.Groups.Count > HeartbeatLimits.Groups)
            throw new ArgumentException($"at most {HeartbeatLimits.Groups} failover groups", nameof(options));
        Session = new HeartbeatSession(options.Heartbeat);
        Pace = new HoldPace(options.Interval, options.Hold, options.AloneHold);
        _groups = [.. options.Groups.Select(g => new GroupElection(g, options.Heartbeat.Node))];
        _actions = new GroupAction[_groups.Length];
        _foreign = new bool[_groups.Length];
        _segmentSince = new Instant[Session.Segments];
        Publish();
    }

    /// <summary>The heartbeats.</summary>
    public HeartbeatSession Session { get; }

    /// <summary>Hold times and leases.</summary>
    public HoldPace Pace { get; }

    /// <summary>How punctual this node is.</summary>
    public TimerHealth Health { get; } = new();

    /// <summary>The groups.</summary>
    public IReadOnlyList<GroupElection> Groups => _groups;

    /// <summary>Whether a better node may take over from a healthy master now.</summary>
    public bool MayPreempt { get; set; } = true;

    /// <summary>Heartbeats have to leave now, on all paths.</summary>
    public bool MustSend { get; private set; }

    /// <summary>When <see cref="Turn"/> is due.</summary>
    public Instant Deadline => Instant.Earlier(Instant.Earlier(_groupDeadline, _nextTick), Session.NextDeath);

    /// <summary>
    /// Whether heartbeats decide a group: some peer lives, and no master that sends no heartbeats is heard. Else CARP's rules and timers do.
    /// </summary>
    public bool Decides(int group) => Session.AnyAlive && !_foreign[group];

    /// <summary>A vhid that comes up late belongs to whoever holds its group: true where that is this node, undisputed.</summary>
    public bool IsHolder(int group) => Decides(group) && _groups[group] is { Role: GroupRole.Master, MasterNode: 0 };

    /// <summary>
    /// Who sent an advertisement on a segment. A living peer's changes nothing, nor does the farewell of one: its heartbeats say it all. One whose heartbeats
    /// are silent is heard like any CARP speaker as long as its counter shows that it speaks now; in a strict cluster nobody is.
    /// </summary>
    public CarpSender Judge(int segment, bool ipv6, IpAddressValue source, bool isFresh, bool resigns, bool strict, Instant now)
    {
        // A node or link that has just come up may hear advertisements before the first heartbeats.
        var strangers = now - _segmentSince[segment] < _acquaintance;
        foreach (var peer in Session.Peers)
        {
            var introducing = !peer.IsAlive && now < peer.IntroducedUntil;
            strangers |= introducing || (peer.IsAlive && peer.HeardOn(segment) == Instant.Zero && now - peer.AliveSince < _acquaintance);
            if (!peer.IsKnown || !peer.AdvertisesFrom(segment, ipv6, source))
                continue;
            if (peer.IsAlive || introducing || resigns)
                return CarpSender.Peer;
            return isFresh && !strict ? CarpSender.Foreign : CarpSender.Refused;
        }
        if (strangers)
            return CarpSender.Peer;
        return strict ? CarpSender.Refused : CarpSender.Foreign;
    }

    /// <summary>
    /// What became of a group's own vhids: whether any takes part, whether any is master, and whether a living master without heartbeats was heard for one.
    /// </summary>
    public void SetGroup(int group, bool eligible, bool master, bool foreign, Instant now)
    {
        var election = _groups[group];
        var before = election.Role;
        _foreign[group] = foreign;
        election.SetOwn(eligible, master, now);
        if (election.Role != before)
            _urgent = true;
    }

    /// <summary>The ledger's new sum.</summary>
    public void SetLedger(int total)
    {
        if (Session.Ledger == total)
            return;
        Session.Ledger = total;
        _urgent = true;
    }

    /// <summary>An interface works, or does not.</summary>
    public void SetSegment(int segment, bool usable, Instant now)
    {
        if (Session.Segment(segment).IsUsable == usable)
            return;
        _segmentSince[segment] = now;
        Session.SetSegment(segment, usable);
        _urgent = true;
    }

    /// <summary>
    /// The driver woke up so late after its deadline: peers get time to be heard of again before they count as dead, and nothing is claimed on old news. Call it
    /// before the waiting heartbeats are read. Who slept so long that others may have asked to be waited for like CARP nodes begins as after a cold start.
    /// </summary>
    public void OnOverslept(TimeSpan slept, Instant now)
    {
        if (slept < Pace.Interval / 2)
            return;
        Session.Forgive(slept, now);
        var hold = Pace.Hold(HoldLevel.Profile);
        foreach (var group in _groups)
            group.Listen(now + (slept < hold ? slept : hold), slept > Pace.AloneDelay, now);
    }

    /// <summary>Looks at the clock and at what was heard. Actions are taken with <see cref="TakeAction"/>.</summary>
    public void Turn(Instant now)
    {
        Session.Look(now);
        Pace.Turn(Session, Pace.Wanted(Session.AnyAlive, Health.Level, now), now);
        _groupDeadline = Instant.Never;
        for (var i = 0; i < _groups.Length; i++)
        {
            var before = _groups[i].Role;
            // A master without heartbeats is dealt with by CARP; two of ours settle it all the same.
            var action =
                _foreign[i] && before != GroupRole.Master
                    ? GroupAction.None
                    : _groups[i].Turn(Session, MayPreempt, Pace.Hold(HoldLevel.Alone), now);
            if (_groups[i].Role != before || action != GroupAction.None)
                _urgent = true;
            if (action != GroupAction.None)
                _actions[i] = action;
            if (!_foreign[i] || before == GroupRole.Master)
                _groupDeadline = Instant.Earlier(_groupDeadline, _groups[i].Deadline);
        }
        if (now >= _nextTick)
        {
            if (_nextTick != Instant.Zero)
                Health.OnTick(now - _nextTick, Pace.Slack, now);
            MustSend = true;
        }
        MustSend |= _urgent;
        Publish();
    }

    /// <summary>What a group is to do; it then counts as done, and <see cref="SetGroup"/> tells what came of it.</summary>
    public GroupAction TakeAction(int group)
    {
        var action = _actions[group];
        _actions[group] = GroupAction.None;
        return action;
    }

    /// <summary>Brings what the next heartbeats say up to date; after the actions were carried out.</summary>
    public void Publish()
    {
        for (var i = 0; i < _groups.Length; i++)
        {
            var group = _groups[i];
            Session.SetGroup(i, group.Role, group.IsForced, group.YieldTo, group.AdvBase, group.AdvSkew, group.Epoch);
        }
        MustSend |= _urgent;
    }

    /// <summary>Heartbeats have left on all paths.</summary>
    public void Sent(Instant now)
    {
        MustSend = _urgent = false;
        // Kept in step as long as we are punctual; a late one begins anew instead of sending a burst.
        var next = _nextTick + Pace.Interval;
        _nextTick =
            now < _nextTick ? _nextTick
            : next > now ? next
            : now + Pace.Interval;
    }
}
