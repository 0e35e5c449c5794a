using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Cluster;
using Redoubt.Core.Failover;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Tests.Failover.Simulation;

/// <summary>A packet on a path: a heartbeat, or what stands behind the IP header of an advertisement.</summary>
public sealed record ClusterPacket(int From, IpAddressValue Source, bool IsHeartbeat, byte[] Payload);

/// <summary>What all nodes of a simulated cluster have in common.</summary>
public sealed record ClusterShape(
    int Nodes,
    int Segments,
    int SyncLinks,
    int[] GroupOfSegment,
    TimeSpan Interval,
    TimeSpan Hold,
    bool Preempt
)
{
    public int Paths => Segments + SyncLinks;

    public int Groups => GroupOfSegment.Max() + 1;
}

/// <summary>
/// A node: coordinator and one CARP virtual host a segment, driven as the election loop drives them, over leases that the kernel keeps. A lease
/// goes on while the process is frozen or dead, and is not renewed then.
/// </summary>
public sealed class ClusterNode
{
    private const int QueueLimit = 256;
    private static readonly TimeSpan _linkHoldDown = TimeSpan.FromSeconds(1);
    private static readonly ClusterSecret _secret = new(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
    private readonly ClusterShape _shape;
    private readonly Random _random;
    private readonly byte _advSkew;
    private readonly Action<ClusterNode, int, ClusterPacket> _send;
    private readonly Queue<(int Path, ClusterPacket Packet)> _queue = new();
    private readonly bool[] _linkUp;
    private readonly Instant[] _leaseEnd;
    private readonly Instant[] _kernelLeaseEnd;
    private readonly bool[] _granted;
    private readonly bool[] _refuses; // the kernel takes no frame of ours for the segment
    private LinkDamping[] _links = [];
    private SendHealth[] _sending = [];
    private Instant _forgivenAt = Instant.Never;
    private int _asked;
    private CarpSegment[] _segments = [];
    private CarpVirtualHost[] _hosts = [];
    private FailoverCoordinator _coordinator = null!;
    private Instant _wokeAt;
    private Instant _due = Instant.Never;

    public ClusterNode(int index, byte advSkew, ClusterShape shape, Random random, Action<ClusterNode, int, ClusterPacket> send)
    {
        (Index, _advSkew, _shape, _random, _send) = (index, advSkew, shape, random, send);
        _linkUp = [.. Enumerable.Repeat(true, shape.Segments)];
        _leaseEnd = new Instant[shape.Groups];
        _kernelLeaseEnd = new Instant[shape.Groups];
        _granted = new bool[shape.Segments];
        _refuses = new bool[shape.Segments];
    }

    public int Index { get; }

    public byte Id => (byte)(Index + 1);

    public bool IsFrozen { get; private set; }

    public bool IsCrashed { get; private set; } = true;

    public bool IsAwake => !IsFrozen && !IsCrashed;

    public int Transitions { get; private set; }

    public int Demotion { get; private set; }

    /// <summary>What its wall clock says is off by so much.</summary>
    public TimeSpan WallError { get; set; }

    /// <summary>The kernel takes frames for the segment, or refuses each.</summary>
    public void SetSending(int segment, bool works) => _refuses[segment] = !works;

    /// <summary>Demoted for advertisements that do not leave.</summary>
    public bool CannotSend => Array.Exists(_sending, s => s.IsSick);

    private long Wall(Instant now) => 1_800_000_000_000 + (now.Nanoseconds / 1_000_000) + (long)WallError.TotalMilliseconds;

    public FailoverCoordinator Coordinator => _coordinator;

    public CarpStateMachine Machine(int segment) => _hosts[segment].Machine;

    public bool LinkUp(int segment) => _linkUp[segment];

    /// <summary>The kernel answers for the segment's address.</summary>
    public bool Holds(int segment, Instant now) =>
        _linkUp[segment] && _granted[segment] && now < _kernelLeaseEnd[_shape.GroupOfSegment[segment]];

    public IEnumerable<Instant> LeaseEnds => _kernelLeaseEnd;

    public Instant Deadline
    {
        get
        {
            var deadline = _coordinator.Deadline;
            foreach (var host in _hosts)
                deadline = Instant.Earlier(deadline, host.Machine.Deadline);
            for (var i = 0; i < _links.Length; i++)
                deadline = Instant.Earlier(deadline, Instant.Earlier(_links[i].Deadline, ProbeAt(i)));
            return Instant.Earlier(deadline, _forgivenAt);
        }
    }

    private static IpAddressValue AddressOn(int segment, int index) => new(0, 0x0a000001u + (uint)(segment << 16) + (uint)index);

    public void Start(Instant now)
    {
        (IsCrashed, IsFrozen) = (false, false);
        Array.Clear(_granted);
        Array.Clear(_leaseEnd);
        Array.Clear(_kernelLeaseEnd);
        _queue.Clear();
        var salt = new byte[32];
        _random.NextBytes(salt);
        var groups = Enumerable.Range(0, _shape.Groups).Select(g => new GroupOptions($"group{g}", 1, _advSkew)).ToList();
        _coordinator = new FailoverCoordinator(
            new CoordinatorOptions
            {
                Heartbeat = new HeartbeatOptions
                {
                    Node = Id,
                    Peers = [.. Enumerable.Range(1, _shape.Nodes).Select(n => (byte)n)],
                    Paths = [.. Enumerable.Range(0, _shape.Paths).Select(PathName)],
                    Segments = _shape.Segments,
                    Groups = [.. groups.Select(g => g.Name)],
                    Secret = _secret,
                    Random = salt,
                },
                Groups = groups,
                Interval = _shape.Interval,
                Hold = _shape.Hold,
                AloneHold = TimeSpan.FromSeconds(3),
            }
        )
        {
            MayPreempt = _shape.Preempt,
        };
        _forgivenAt = Instant.Never;
        _asked = 0;
        _links = new LinkDamping[_shape.Segments];
        _sending = new SendHealth[_shape.Segments];
        _segments = new CarpSegment[_shape.Segments];
        _hosts = new CarpVirtualHost[_shape.Segments];
        for (var i = 0; i < _shape.Segments; i++)
        {
            var segment = i;
            var options = new CarpHostOptions
            {
                Vhid = 7,
                AdvBase = 1,
                AdvSkew = _advSkew,
                Preempt = _shape.Preempt,
                Password = "storm",
                IPv4Addresses = [new IpAddressValue(0, 0x0a0000feu + (uint)(i << 16))],
            };
            _hosts[i] = new CarpVirtualHost(options, () => (ulong)_random.NextInt64(1 << 30))
            {
                Judge = (ipv6, source, fresh, resigns) => _coordinator.Judge(segment, ipv6, source, fresh, resigns, strict: false, _wokeAt),
            };
            _segments[i] = new CarpSegment();
            _segments[i].Add(_hosts[i]);
            _sending[i] = new SendHealth();
            _links[i] = new LinkDamping();
            _links[i].OnCarrier(_linkUp[i], now);
            _coordinator.SetSegment(i, _linkUp[i], now);
            if (_linkUp[i])
                Execute(i, _hosts[i].Machine.OnReady(now), now);
        }
        SpreadDemotion(now);
        (_wokeAt, _due) = (now, now);
        Run(now);
    }

    private static string PathName(int path) => $"path{path}";

    public void Crash() => IsCrashed = true;

    /// <summary>The whole machine: its kernel answers no more either.</summary>
    public void PowerOff()
    {
        IsCrashed = true;
        Array.Clear(_granted);
    }

    public void Freeze() => IsFrozen = true;

    public void Wake(Instant now)
    {
        IsFrozen = false;
        CheckLeases(now);
        for (var i = 0; i < _shape.Segments; i++)
        {
            HearLink(i, now);
        }
        Run(now);
    }

    public void Stop(Instant now)
    {
        for (var i = 0; i < _hosts.Length; i++)
            Execute(i, _hosts[i].Machine.OnStop(now), now);
        Beat(now, leaving: true);
        IsCrashed = true;
    }

    /// <summary>What the operator asks for; faults add to it.</summary>
    public void SetDemotion(int amount, Instant now)
    {
        _asked = amount;
        SpreadDemotion(now);
    }

    private void SpreadDemotion(Instant now)
    {
        var faults = 0;
        for (var i = 0; i < _links.Length; i++)
            faults += _links[i].IsUsable ? 0 : DemotionLedger.FullDemotion;
        if (faults == 0 && _forgivenAt != Instant.Never)
            faults = DemotionLedger.FullDemotion;
        foreach (var sending in _sending)
            faults += sending.IsSick ? DemotionLedger.FullDemotion : 0;
        var total = _asked + faults;
        if (total == Demotion && total == _coordinator.Session.Ledger)
            return;
        Demotion = total;
        _coordinator.SetLedger(total);
        for (var i = 0; i < _hosts.Length; i++)
            Execute(i, _hosts[i].Machine.OnDemotion(total, now), now);
    }

    public void SetLink(int segment, bool up, Instant now)
    {
        if (_linkUp[segment] == up)
            return;
        _linkUp[segment] = up;
        if (IsAwake)
            HearLink(segment, now);
    }

    private void HearLink(int segment, Instant now)
    {
        var was = _links[segment].IsUsable;
        _links[segment].OnCarrier(_linkUp[segment], now);
        if (was != _links[segment].IsUsable)
            LinkChanged(segment, now);
    }

    // As the election loop: down counts at once, up lets it listen at once and be demoted for a moment longer.
    private void LinkChanged(int segment, Instant now)
    {
        var up = _links[segment].IsUsable;
        _coordinator.SetSegment(segment, up, now);
        _forgivenAt = Array.TrueForAll(_links, l => l.IsUsable) ? now + _linkHoldDown : Instant.Never;
        if (!up)
            SpreadDemotion(now);
        Execute(segment, up ? _hosts[segment].Machine.OnReady(now) : _hosts[segment].Machine.OnNotReady(now), now);
    }

    private void Housekeep(Instant now)
    {
        for (var i = 0; i < _links.Length; i++)
        {
            if (now >= _links[i].Deadline)
            {
                _links[i].OnTurn(now);
                LinkChanged(i, now);
            }
            if (now >= ProbeAt(i) && _sending[i].OnSent(!_refuses[i], now))
                SpreadDemotion(now);
        }
        if (now < _forgivenAt)
            return;
        _forgivenAt = Instant.Never;
        SpreadDemotion(now);
    }

    private Instant ProbeAt(int segment) =>
        Machine(segment).State == CarpState.Master || !_links[segment].IsUsable ? Instant.Never : _sending[segment].ProbeAt;

    public void Arrive(int path, ClusterPacket packet, Instant now)
    {
        if (IsCrashed || _queue.Count >= QueueLimit || (path < _shape.Segments && !_linkUp[path]))
            return;
        _queue.Enqueue((path, packet));
        if (!IsFrozen)
            Run(now);
    }

    /// <summary>One turn of the loop: lost leases, news, then the clock, then what was decided.</summary>
    public void Run(Instant now)
    {
        if (!IsAwake)
            return;
        var due = Instant.Earlier(_due, now);
        _wokeAt = now;
        CheckLeases(now);
        _coordinator.OnOverslept(now - due, now);
        while (_queue.TryDequeue(out var entry))
            Hear(entry.Path, entry.Packet, now);
        for (var round = 0; round < 3; round++)
        {
            TellGroups(now);
            _coordinator.Turn(now);
            var any = false;
            for (var group = 0; group < _shape.Groups; group++)
                any |= CarryOut(group, _coordinator.TakeAction(group), now);
            for (var group = 0; group < _shape.Groups; group++)
            {
                if (_coordinator.IsHolder(group))
                    Move(group, CarpState.Master, now);
            }
            if (!any)
                break;
        }
        for (var i = 0; i < _hosts.Length; i++)
        {
            var machine = _hosts[i].Machine;
            if (now < machine.Deadline)
                continue;
            if (machine.State == CarpState.Backup && _coordinator.Decides(_shape.GroupOfSegment[i]))
                machine.OnGroupWaits(now);
            else
                Execute(i, machine.OnTurn(now), now);
        }
        Housekeep(now);
        TellGroups(now);
        _coordinator.Publish();
        if (_coordinator.MustSend)
            Beat(now, leaving: false);
        _due = Deadline;
    }

    private void CheckLeases(Instant now)
    {
        for (var i = 0; i < _hosts.Length; i++)
        {
            if (_hosts[i].Machine.State == CarpState.Master && now >= _leaseEnd[_shape.GroupOfSegment[i]])
                Execute(i, _hosts[i].Machine.OnLeaseLost(now), now);
        }
    }

    private void Hear(int path, ClusterPacket packet, Instant now)
    {
        if (packet.IsHeartbeat)
        {
            _coordinator.Session.Receive(packet.Payload, path, now, Wall(now));
            return;
        }
        var receipt = _segments[path].Receive(packet.Payload, false, packet.Source, CarpFrame.GroupIPv4, 255, now);
        Execute(path, receipt.Actions, now);
    }

    private void TellGroups(Instant now)
    {
        for (var group = 0; group < _shape.Groups; group++)
        {
            var (eligible, master, foreign) = (false, false, false);
            for (var i = 0; i < _hosts.Length; i++)
            {
                if (_shape.GroupOfSegment[i] != group)
                    continue;
                var host = _hosts[i];
                eligible |= host.Machine.State != CarpState.Init;
                master |= host.Machine.State == CarpState.Master;
                foreign |= host.ForeignHeard != Instant.Zero && now - host.ForeignHeard <= host.Machine.MasterDownTime;
            }
            _coordinator.SetGroup(group, eligible, master, foreign, now);
        }
    }

    private bool CarryOut(int group, GroupAction action, Instant now)
    {
        switch (action)
        {
            case GroupAction.Claim:
                Move(group, CarpState.Master, now);
                return true;
            case GroupAction.Yield or GroupAction.StepDown:
                Move(group, CarpState.Backup, now);
                return true;
            default:
                return false;
        }
    }

    private void Move(int group, CarpState state, Instant now)
    {
        for (var i = 0; i < _hosts.Length; i++)
        {
            if (_shape.GroupOfSegment[i] == group)
                Execute(i, _hosts[i].Machine.OnGroup(state, now), now);
        }
    }

    private void Execute(int segment, CarpActions actions, Instant now)
    {
        var group = _shape.GroupOfSegment[segment];
        var machine = _hosts[segment].Machine;
        if (actions.HasFlag(CarpActions.Resign))
            Advertise(segment, CarpAdvertisement.Resigned, CarpAdvertisement.Resigned, now);
        if (actions.HasFlag(CarpActions.Release))
        {
            _granted[segment] = false;
            Transitions++;
        }
        if (actions.HasFlag(CarpActions.Claim))
        {
            _granted[segment] = true;
            Transitions++;
            // Gates open with a lease that begins now.
            Renew(
                group,
                now,
                _coordinator.Pace.InForce == HoldLevel.Alone ? machine.LeaseTime : _coordinator.Pace.KernelLease(_coordinator.Pace.InForce)
            );
        }
        if (!actions.HasFlag(CarpActions.Advertise))
            return;
        Advertise(segment, 1, machine.EffectiveSkew, now);
        if (_coordinator.Pace.InForce == HoldLevel.Alone && _linkUp[segment] && !_refuses[segment])
            Renew(group, now, machine.LeaseTime);
    }

    private void Renew(int group, Instant now, TimeSpan lease)
    {
        _kernelLeaseEnd[group] = now + lease;
        _leaseEnd[group] = _kernelLeaseEnd[group] - TimeSpan.FromMilliseconds(5);
    }

    private void Advertise(int segment, byte advBase, byte advSkew, Instant now)
    {
        if (!_linkUp[segment])
            return;
        if (_sending[segment].OnSent(!_refuses[segment], now))
            SpreadDemotion(now);
        if (_refuses[segment])
            return;
        Span<byte> frame = stackalloc byte[CarpFrame.MaxLength];
        var source = AddressOn(segment, Index);
        var length = CarpFrame.Write(
            frame,
            _hosts[segment],
            false,
            MacAddress.Virtual(7),
            source,
            CarpFrame.GroupIPv4,
            CarpFrame.GroupMacIPv4,
            advBase,
            advSkew,
            0
        );
        _send(this, segment, new ClusterPacket(Index, source, false, frame[(length - CarpAdvertisement.Length)..length].ToArray()));
    }

    private void Beat(Instant now, bool leaving)
    {
        Span<byte> buffer = stackalloc byte[HeartbeatLimits.MaxLength];
        var renewed = false;
        for (var path = 0; path < _shape.Paths; path++)
        {
            var segment = path < _shape.Segments;
            if (segment && (!_linkUp[path] || _refuses[path]))
                continue;
            var source = segment ? AddressOn(path, Index) : default;
            var length = _coordinator.Session.Write(buffer, path, leaving, source, default, now, Wall(now));
            _send(this, path, new ClusterPacket(Index, source, true, buffer[..length].ToArray()));
            renewed |= segment;
        }
        var holding = false;
        for (var group = 0; group < _shape.Groups; group++)
        {
            if (_coordinator.Groups[group].Role != GroupRole.Master)
                continue;
            holding = true;
            if (renewed && _coordinator.Pace.InForce != HoldLevel.Alone)
                Renew(group, now, _coordinator.Pace.KernelLease(_coordinator.Pace.InForce));
        }
        if (renewed || !holding)
            _coordinator.Pace.Renewed();
        _coordinator.Sent(now);
    }
}
