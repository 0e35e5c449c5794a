using Redoubt.Core.Failover;

namespace Redoubt.Core.Carp;

/// <summary>
/// One virtual host's election. Told the time and the news, it answers with actions; it reads no clock and sends nothing.
/// News first, then <see cref="OnTurn"/>: a thawed backup must not take over while the master's packets still wait.
/// </summary>
public sealed class CarpStateMachine(CarpHostOptions options) : IElection
{
    private Instant _masterDownIPv4 = Instant.Never;
    private Instant _masterDownIPv6 = Instant.Never;
    private Instant _nextAdvert = Instant.Never;
    private Instant _lastAdvert = Instant.Zero;
    private Instant _armed = Instant.Zero;
    private int _demotion;
    private bool _contested;

    /// <summary>Where the election stands.</summary>
    public CarpState State { get; private set; }

    /// <summary>Why.</summary>
    public CarpReason Reason { get; private set; }

    /// <summary>Since when.</summary>
    public Instant Since { get; private set; }

    /// <summary>For <see cref="CarpReason.MasterTimedOut"/>: how long nothing had been heard.</summary>
    public TimeSpan Silence { get; private set; }

    /// <summary>When <see cref="OnTurn"/> is due; <see cref="Instant.Never"/> where no timer runs.</summary>
    public Instant Deadline =>
        State switch
        {
            CarpState.Master => _nextAdvert,
            CarpState.Backup => Instant.Earlier(_masterDownIPv4, _masterDownIPv6),
            _ => Instant.Never,
        };

    /// <summary>Whether a slower master is relieved.</summary>
    public bool Preempt { get; set; } = options.Preempt;

    /// <summary>Whether there are IPv4 addresses, and so IPv4 advertisements.</summary>
    public bool HasIPv4 { get; } = options.IPv4Addresses.Count > 0;

    /// <summary>Whether there are IPv6 addresses, and so IPv6 advertisements.</summary>
    public bool HasIPv6 { get; } = options.IPv6Addresses.Count > 0;

    /// <summary>advskew with demotion, as advertised and compared: 0 to 240 by FreeBSD's rules.</summary>
    public byte EffectiveSkew => CarpTimes.EffectiveSkew(options.Flavour, options.AdvSkew, _demotion);

    /// <summary>The demotion byte to send: 0 except by OpenBSD's rules.</summary>
    public byte DemotionByte => options.Flavour == CarpFlavour.OpenBsd ? (byte)Math.Clamp(_demotion, 0, byte.MaxValue) : (byte)0;

    /// <summary>Time between two advertisements of this node.</summary>
    public TimeSpan AdvertInterval => CarpTimes.AdvertInterval(options.Flavour, options.AdvBase, EffectiveSkew);

    /// <summary>How long this node waits for a master.</summary>
    public TimeSpan MasterDownTime => CarpTimes.MasterDown(options.Flavour, options.AdvBase, options.AdvSkew, options.DeadRatio);

    /// <summary>How long the lease runs from each advertisement sent.</summary>
    public TimeSpan LeaseTime => CarpTimes.Lease(options.AdvBase, AdvertInterval);

    // The shortest time any peer with our advbase waits: one with advskew 0.
    private TimeSpan PeersWait =>
        options.AdvBase == 0 ? MasterDownTime : CarpTimes.MasterDown(options.Flavour, options.AdvBase, 0, options.DeadRatio);

    /// <summary>Link up, addresses there, enabled. A node never starts as master.</summary>
    public CarpActions OnReady(Instant now)
    {
        if (State != CarpState.Init || !(HasIPv4 || HasIPv6))
            return CarpActions.None;
        return Become(CarpState.Backup, CarpReason.Ready, now);
    }

    /// <summary>Link down, disabled or without an address.</summary>
    public CarpActions OnNotReady(Instant now) => Become(CarpState.Init, CarpReason.NotReady, now);

    /// <summary>A valid advertisement for this vhid was heard.</summary>
    public CarpActions OnAdvertisement(bool ipv6, in CarpPeerAdvertisement peer, Instant now)
    {
        switch (CarpElection.Decide(options, Preempt, _demotion, State, peer))
        {
            case CarpVerdict.Yield:
                var equal = CarpTimes.AdvertInterval(options.Flavour, peer.AdvBase, peer.AdvSkew) == AdvertInterval;
                return Become(CarpState.Backup, equal ? CarpReason.EqualMaster : CarpReason.BetterMaster, now);
            case CarpVerdict.Reassert:
                _contested = true;
                return CarpActions.Announce;
            case CarpVerdict.WaitOn:
                Arm(ipv6, now);
                return CarpActions.None;
            case CarpVerdict.Preempt:
                return Become(CarpState.Master, CarpReason.PreemptedSlowerMaster, now);
            case CarpVerdict.PeerMoreDemoted:
                return Become(CarpState.Master, CarpReason.MasterMoreDemoted, now);
            case CarpVerdict.PeerWillTimeOut:
                return Become(CarpState.Master, CarpReason.MasterTooSlow, now);
            default:
                // A second master spoke. It will yield, but hosts and switches may have learned it: say again who holds the addresses.
                _contested |= State == CarpState.Master;
                return CarpActions.None;
        }
    }

    /// <summary>Call when <see cref="Deadline"/> is reached, after every waiting packet was handled. Harmless at any time.</summary>
    public CarpActions OnTurn(Instant now)
    {
        if (State == CarpState.Master)
            return MasterTurn(now);
        if (State != CarpState.Backup || now < Deadline)
            return CarpActions.None;
        if (now - Deadline > AdvertInterval)
        {
            // This node slept; what was sent meanwhile may be lost. Listen once more instead of usurping.
            ArmAll(now);
            return CarpActions.None;
        }
        Silence = now - _armed;
        return Become(CarpState.Master, CarpReason.MasterTimedOut, now);
    }

    /// <summary>The demotion became <paramref name="total"/>, not clamped. A master says so at once.</summary>
    public CarpActions OnDemotion(int total, Instant now)
    {
        if (total == _demotion)
            return CarpActions.None;
        _demotion = total;
        return State == CarpState.Master ? Advertise(AdvertInterval, now) : CarpActions.None;
    }

    /// <summary>The operator wants this state. A better peer pushes a forced master back; a forced backup takes part as usual.</summary>
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
            ArmAll(now);
    }

    /// <summary>The lease lapsed: the kernel no longer answers for the addresses, so this node is not master.</summary>
    public CarpActions OnLeaseLost(Instant now) =>
        State == CarpState.Master ? Become(CarpState.Backup, CarpReason.LeaseLost, now) : CarpActions.None;

    /// <summary>
    /// The driver noticed that it slept far beyond its own wait, so packets may be lost. A backup listens for a whole
    /// master-down time again; a master is judged by its lease. Call it before the waiting packets are handled.
    /// </summary>
    public void OnOverslept(Instant now)
    {
        if (State == CarpState.Backup)
            ArmAll(now);
    }

    /// <summary>The program stops: a master resigns so that a backup takes over at once.</summary>
    public CarpActions OnStop(Instant now)
    {
        var resign = State == CarpState.Master ? CarpActions.Resign : CarpActions.None;
        return resign | Become(CarpState.Init, CarpReason.Stopped, now);
    }

    private CarpActions MasterTurn(Instant now)
    {
        if (now - _lastAdvert >= PeersWait)
            return Become(CarpState.Backup, CarpReason.Overslept, now);
        if (now < _nextAdvert)
            return CarpActions.None;
        var again = _contested ? CarpActions.Announce : CarpActions.None;
        _contested = false;
        return again | Advertise(AdvertInterval, now);
    }

    private CarpActions Advertise(TimeSpan next, Instant now)
    {
        _lastAdvert = now;
        _nextAdvert = now + next;
        return CarpActions.Advertise;
    }

    private CarpActions Become(CarpState state, CarpReason reason, Instant now)
    {
        if (state == State)
            return CarpActions.None;
        var released = State == CarpState.Master ? CarpActions.Release : CarpActions.None;
        (State, Reason, Since, _contested) = (state, reason, now, false);
        _masterDownIPv4 = _masterDownIPv6 = _nextAdvert = Instant.Never;
        if (state == CarpState.Backup)
            ArmAll(now);
        if (state != CarpState.Master)
            return released;
        // FreeBSD arms the first interval with the configured skew (carp.md section 5).
        Advertise(CarpTimes.AdvertInterval(options.Flavour, options.AdvBase, options.AdvSkew), now);
        return CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;
    }

    private void ArmAll(Instant now)
    {
        if (HasIPv4)
            Arm(ipv6: false, now);
        if (HasIPv6)
            Arm(ipv6: true, now);
    }

    private void Arm(bool ipv6, Instant now)
    {
        _armed = now;
        if (ipv6)
            _masterDownIPv6 = now + MasterDownTime;
        else
            _masterDownIPv4 = now + MasterDownTime;
    }
}
