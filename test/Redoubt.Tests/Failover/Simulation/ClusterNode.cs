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
    }

    public int Index { get; }

    public byte Id => (byte)(Index + 1);

    public bool IsFrozen { get; private set; }

    public bool IsCrashed { get; private set; } = true;

    public bool IsAwake => !IsFrozen && !IsCrashed;

    public int Transitions { get; private set; }

    public int Demotion { get; private set; }

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
            return deadline;
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
            _coordinator.SetSegment(i, _linkUp[i], now);
            if (_linkUp[i])
                Execute(i, _hosts[i].Machine.OnReady(now), now);
        }
        SetDemotion(0, now);
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
            if (_linkUp[i] != (Machine(i).State != CarpState.Init))
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

    public void SetDemotion(int total, Instant now)
    {
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
        var up = _linkUp[segment];
        _coordinator.SetSegment(segment, up, now);
        Execute(segment, up ? _hosts[segment].Machine.OnReady(now) : _hosts[segment].Machine.OnNotReady(now), now);
        SetDemotion(_linkUp.All(l => l) ? 0 : 240, now);
    }

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
            _coordinator.Session.Receive(packet.Payload, path, now, 0);
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
            Advertise(segment, CarpAdvertisement.Resigned, CarpAdvertisement.Resigned);
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
        Advertise(segment, 1, machine.EffectiveSkew);
        if (_coordinator.Pace.InForce == HoldLevel.Alone && _linkUp[segment])
            Renew(group, now, machine.LeaseTime);
    }

    private void Renew(int group, Instant now, TimeSpan lease)
    {
        _kernelLeaseEnd[group] = now + lease;
        _leaseEnd[group] = _kernelLeaseEnd[group] - TimeSpan.FromMilliseconds(5);
    }

    private void Advertise(int segment, byte advBase, byte advSkew)
    {
        if (!_linkUp[segment])
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
            if (segment && !_linkUp[path])
                continue;
            var source = segment ? AddressOn(path, Index) : default;
            var length = _coordinator.Session.Write(buffer, path, leaving, source, default, now, 0);
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
