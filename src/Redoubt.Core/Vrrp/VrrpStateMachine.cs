using Redoubt.Core.Carp;
using Redoubt.Core.Failover;

namespace Redoubt.Core.Vrrp;

/// <summary>What the state machine needs to know of a valid advertisement.</summary>
/// <param name="Priority">As on the wire; 0: the master leaves.</param>
/// <param name="Interval">The sender's, as on the wire.</param>
/// <param name="Source">Its address.</param>
/// <param name="WinsTie">Its address is the higher one: between equal masters it stays.</param>
public readonly record struct VrrpPeerAdvertisement(byte Priority, TimeSpan Interval, IpAddressValue Source, bool WinsTie);

/// <summary>
/// One virtual router's election (RFC 5798 section 6.4, RFC 3768 for version 2). Two things are done beyond the letter: an advertisement of
/// priority 0 only ever shortens the wait, so that a flood of them cannot put the take-over off; and a master that lowers itself below us
/// is relieved at once instead of after the master-down time, because it asks for that.
/// </summary>
public sealed class VrrpStateMachine(VrrpHostOptions options) : IElection
{
    private Instant _masterDown = Instant.Never;
    private Instant _nextAdvert = Instant.Never;
    private Instant _lastAdvert = Instant.Zero;
    private Instant _armed = Instant.Zero;
    private Instant _lowerHeard = Instant.Never;
    private IpAddressValue _followed;
    private TimeSpan _masterInterval = options.Interval;
    private int _demotion;
    private bool _contested;
    private bool _masterLeft;

    /// <inheritdoc />
    public CarpState State { get; private set; }

    /// <inheritdoc />
    public CarpReason Reason { get; private set; }

    /// <inheritdoc />
    public Instant Since { get; private set; }

    /// <inheritdoc />
    public TimeSpan Silence { get; private set; }

    /// <inheritdoc />
    public Instant Deadline =>
        State switch
        {
            CarpState.Master => _nextAdvert,
            CarpState.Backup => _masterDown,
            _ => Instant.Never,
        };

    /// <inheritdoc />
    public bool Preempt { get; set; } = options.Preempt;

    /// <summary>The priority as it is advertised and compared.</summary>
    public byte EffectivePriority => VrrpTimes.EffectivePriority(options.Priority, _demotion);

    /// <inheritdoc />
    public TimeSpan AdvertInterval => options.Interval;

    /// <summary>The interval of the master that is followed, in version 3 learned from its advertisements.</summary>
    public TimeSpan MasterInterval => _masterInterval;

    /// <inheritdoc />
    public TimeSpan MasterDownTime => VrrpTimes.MasterDown(options.Version, EffectivePriority, _masterInterval, options.DownAdverts);

    /// <inheritdoc />
    public TimeSpan LeaseTime => VrrpTimes.Lease(options.Interval);

    /// <inheritdoc />
    public CarpActions OnReady(Instant now)
    {
        if (State != CarpState.Init || options.Addresses.Count == 0)
            return CarpActions.None;
        return EffectivePriority == VrrpHostOptions.OwnerPriority
            ? Become(CarpState.Master, CarpReason.Owner, now)
            : Become(CarpState.Backup, CarpReason.Ready, now);
    }

    /// <inheritdoc />
    public CarpActions OnNotReady(Instant now) => Become(CarpState.Init, CarpReason.NotReady, now);

    /// <summary>A valid advertisement for this virtual router was heard.</summary>
    public CarpActions OnAdvertisement(in VrrpPeerAdvertisement peer, Instant now) =>
        State switch
        {
            CarpState.Master => MasterHears(peer, now),
            CarpState.Backup => BackupHears(peer, now),
            _ => CarpActions.None,
        };

    /// <inheritdoc />
    public CarpActions OnTurn(Instant now)
    {
        if (State == CarpState.Master)
            return MasterTurn(now);
        if (State != CarpState.Backup || now < _masterDown)
            return CarpActions.None;
        if (now - _masterDown > AdvertInterval)
        {
            // This node slept; what was sent meanwhile may be lost. Listen once more instead of usurping.
            Arm(now);
            return CarpActions.None;
        }
        Silence = now - _armed;
        var alive = _lowerHeard != Instant.Never && now - _lowerHeard <= MasterDownTime;
        return Become(
            CarpState.Master,
            _masterLeft ? CarpReason.MasterTooSlow
                : alive ? CarpReason.PreemptedSlowerMaster
                : CarpReason.MasterTimedOut,
            now
        );
    }

    /// <inheritdoc />
    public CarpActions OnDemotion(int total, Instant now)
    {
        if (total == _demotion)
            return CarpActions.None;
        _demotion = total;
        return State == CarpState.Master ? Advertise(now) : CarpActions.None;
    }

    /// <inheritdoc />
    public CarpActions OnOperator(CarpState wanted, Instant now)
    {
        if (State == CarpState.Init || wanted == State)
            return CarpActions.None;
        var resign = State == CarpState.Master ? CarpActions.Resign : CarpActions.None;
        return resign | Become(wanted, CarpReason.Operator, now);
    }

    /// <inheritdoc />
    public CarpActions OnGroup(CarpState wanted, Instant now) =>
        State == CarpState.Init ? CarpActions.None : Become(wanted, CarpReason.Group, now);

    /// <inheritdoc />
    public void OnGroupWaits(Instant now)
    {
        if (State == CarpState.Backup)
            Arm(now);
    }

    /// <inheritdoc />
    public CarpActions OnLeaseLost(Instant now) =>
        State == CarpState.Master ? Become(CarpState.Backup, CarpReason.LeaseLost, now) : CarpActions.None;

    /// <inheritdoc />
    public void OnOverslept(Instant now)
    {
        if (State == CarpState.Backup)
            Arm(now);
    }

    /// <inheritdoc />
    public CarpActions OnStop(Instant now)
    {
        var resign = State == CarpState.Master ? CarpActions.Resign : CarpActions.None;
        return resign | Become(CarpState.Init, CarpReason.Stopped, now);
    }

    private CarpActions MasterHears(in VrrpPeerAdvertisement peer, Instant now)
    {
        var own = EffectivePriority;
        if (peer.Priority > own || (peer.Priority == own && peer.WinsTie))
        {
            var released = Become(CarpState.Backup, peer.Priority == own ? CarpReason.EqualMaster : CarpReason.BetterMaster, now);
            Follow(peer, now);
            return released;
        }
        // A second master spoke. It will yield, but hosts and switches may have learned it: say again who holds the addresses.
        _contested |= peer.Priority > 0;
        // Asserting oneself at once is right, but not once for each packet of a flood.
        return now - _lastAdvert < AdvertInterval / 4 ? CarpActions.None : Advertise(now);
    }

    private CarpActions BackupHears(in VrrpPeerAdvertisement peer, Instant now)
    {
        if (peer.Priority == 0)
        {
            var skew = now + VrrpTimes.Skew(options.Version, EffectivePriority, _masterInterval);
            _masterLeft = true;
            _masterDown = Instant.Earlier(_masterDown, skew);
            return CarpActions.None;
        }
        if (Preempt && peer.Priority < EffectivePriority)
        {
            _lowerHeard = now;
            return _followed != default && _followed == peer.Source
                ? Become(CarpState.Master, CarpReason.PreemptedSlowerMaster, now)
                : CarpActions.None;
        }
        Follow(peer, now);
        return CarpActions.None;
    }

    private void Follow(in VrrpPeerAdvertisement peer, Instant now)
    {
        if (options.Version == 3)
            _masterInterval = peer.Interval;
        _followed = peer.Source;
        Arm(now);
    }

    private CarpActions MasterTurn(Instant now)
    {
        if (now - _lastAdvert >= options.DownAdverts * AdvertInterval)
            return Become(CarpState.Backup, CarpReason.Overslept, now);
        if (now < _nextAdvert)
            return CarpActions.None;
        var again = _contested ? CarpActions.Announce : CarpActions.None;
        _contested = false;
        return again | Advertise(now);
    }

    private CarpActions Advertise(Instant now)
    {
        _lastAdvert = now;
        _nextAdvert = now + AdvertInterval;
        return CarpActions.Advertise;
    }

    private CarpActions Become(CarpState state, CarpReason reason, Instant now)
    {
        if (state == State)
            return CarpActions.None;
        var released = State == CarpState.Master ? CarpActions.Release : CarpActions.None;
        (State, Reason, Since, _contested) = (state, reason, now, false);
        _masterDown = _nextAdvert = _lowerHeard = Instant.Never;
        _masterInterval = options.Interval;
        _followed = default;
        if (state == CarpState.Backup)
            Arm(now);
        if (state != CarpState.Master)
            return released;
        Advertise(now);
        return CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;
    }

    private void Arm(Instant now)
    {
        _armed = now;
        _masterLeft = false;
        _masterDown = now + MasterDownTime;
    }
}
