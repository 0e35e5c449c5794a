using System.Security.Cryptography;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Core.Heartbeat;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon.Election;

/// <summary>Heartbeats: how the nodes of a cluster agree. The decisions are the coordinator's; here they are carried to sockets, gates and vhids.</summary>
internal sealed partial class ElectionLoop
{
    private static readonly TimeSpan _abstention = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _unheardLimit = TimeSpan.FromSeconds(3);

    private readonly List<HeartbeatPath> _paths = [];
    private readonly byte[] _heartbeat = new byte[HeartbeatFrame.MaxLength];
    private readonly Dictionary<byte, string> _peerNames = [];
    private readonly string[] _groupNames;
    private readonly bool _strict;
    private FailoverCoordinator? _coordinator;
    private HoldLevel _toldLevel = HoldLevel.Profile;
    private ushort _frameId;
    private Instant _nextWatch = Instant.Never;

    private static (TimeSpan Interval, TimeSpan Hold) Timing(FailoverProfile profile) =>
        profile == FailoverProfile.Fast
            ? (TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(30))
            : (TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(150));

    // Heartbeats need peers, a secret that authenticates them, and a profile that wants them.
    private static bool WantsHeartbeats(NodeConfiguration configuration, ClusterSecret? secret) =>
        secret is not null
        && configuration.Redoubt.Profile != FailoverProfile.Carp
        && configuration.Redoubt.NodeId != 0
        && configuration.Redoubt.Peers.Any(p => p.Id != 0)
        && !configuration.VirtualHosts.IsEmpty;

    private FailoverCoordinator CreateCoordinator(NodeConfiguration configuration, ClusterSecret secret)
    {
        var settings = configuration.Redoubt;
        foreach (var port in _ports)
            _paths.Add(new HeartbeatPath(port));
        AddSyncPaths(configuration);
        foreach (var peer in settings.Peers.Where(p => p.Id != 0))
            _peerNames[(byte)peer.Id] = peer.Name;
        var random = RandomNumberGenerator.GetBytes(32);
        var (interval, hold) = Timing(settings.Profile);
        return new FailoverCoordinator(
            new CoordinatorOptions
            {
                Heartbeat = new HeartbeatOptions
                {
                    Node = (byte)settings.NodeId,
                    Peers = [.. settings.Peers.Where(p => p.Id != 0).Select(p => (byte)p.Id)],
                    Paths = [.. _paths.Select(p => p.Name)],
                    Segments = _ports.Count,
                    Groups = _groupNames,
                    Secret = secret,
                    Random = random,
                    ProductVersion = ProgramVersion,
                },
                Groups =
                [
                    .. _groupNames.Select(
                        (name, group) =>
                        {
                            var (advBase, advSkew) = _hosts.First(h => h.Group == group).Virtual.Preference;
                            return new GroupOptions(name, advBase, advSkew);
                        }
                    ),
                ],
                Interval = interval,
                Hold = hold,
                AloneHold = _hosts.Max(h => h.Machine.MasterDownTime),
            }
        );
    }

    private static uint ProgramVersion =>
        typeof(ElectionLoop).Assembly.GetName().Version is { } version
            ? ((uint)version.Major << 16) | ((uint)version.Minor << 8) | (uint)Math.Max(0, version.Build)
            : 0;

    // Both ends know a sync link by its place in the list; the peers' addresses stand in the same order.
    private void AddSyncPaths(NodeConfiguration configuration)
    {
        var links = _route.Links();
        for (var i = 0; i < configuration.Redoubt.SyncLinks.Length; i++)
        {
            var device = configuration.Interface(configuration.Redoubt.SyncLinks[i])?.Device;
            var link = links.FirstOrDefault(l => l.Name == device);
            var index = i;
            var addresses = configuration.Redoubt.Peers.Where(p => p.Addresses.Length > index).Select(p => p.Addresses[index]).ToList();
            if (link.Index == 0 || addresses.Count == 0)
                continue;
            var ipv6 = addresses[0].IsIPv6;
            _paths.Add(
                new HeartbeatPath(
                    $"sync{i + 1}",
                    link.Index,
                    link.Name,
                    ipv6,
                    [.. addresses.Where(a => a.IsIPv6 == ipv6).Select(a => a.Address)]
                )
            );
        }
    }

    private void BeginHeartbeats()
    {
        if (_coordinator is null)
            return;
        foreach (var path in _paths)
        {
            path.SlotIPv4 = path.IPv4 is { } ipv4 ? _poller.Add(ipv4.Handle) : -1;
            path.SlotIPv6 = path.IPv6 is { } ipv6 ? _poller.Add(ipv6.Handle) : -1;
        }
        for (var i = 0; i < _ports.Count; i++)
        {
            var segment = i;
            foreach (var host in _hosts)
            {
                if (ReferenceEquals(host.Port, _ports[i]))
                    host.Virtual.Judge = (ipv6, source, fresh, resigns) =>
                        _coordinator.Judge(segment, ipv6, source, fresh, resigns, _strict, _turnAt);
            }
        }
    }

    private void HearHeartbeats(Instant now)
    {
        if (_coordinator is null)
            return;
        var wall = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 0; i < _paths.Count; i++)
        {
            var path = _paths[i];
            if (path.SlotIPv4 >= 0 && _poller.IsReadable(path.SlotIPv4))
                HearHeartbeats(path.IPv4!, i, now, wall);
            if (path.SlotIPv6 >= 0 && _poller.IsReadable(path.SlotIPv6))
                HearHeartbeats(path.IPv6!, i, now, wall);
        }
    }

    private void HearHeartbeats(Linux.Packets.HeartbeatSocket socket, int path, Instant now, long wall)
    {
        for (var i = 0; i < PacketBurst && socket.TryReceive(_packet, out var length); i++)
        {
            var rejection = _coordinator!.Session.Receive(_packet.AsSpan(0, length), path, now, wall);
            if (rejection is HeartbeatRejection.BadTag or HeartbeatRejection.DuplicateNode)
                WarnOfHeartbeat(rejection, path, now);
        }
    }

    private void WarnOfHeartbeat(HeartbeatRejection rejection, int path, Instant now)
    {
        var watch = _heartbeatAlarms[rejection == HeartbeatRejection.BadTag ? 0 : 1];
        var first = watch.Until == Instant.Never || watch.Until - now < _alarmPeriod - TimeSpan.FromSeconds(1);
        watch.Until = now + _alarmPeriod;
        if (!first)
            return;
        var text =
            rejection == HeartbeatRejection.BadTag
                ? $"heartbeats on {_paths[path].Name} are signed with another secret, or forged"
                : $"another node uses this node's id {_coordinator!.Session.Node}: it was heard on {_paths[path].Name}";
        _reports.Alarms.Raise(watch.Name, text);
    }

    private readonly QuietAlarm[] _heartbeatAlarms = [new("heartbeat-secret"), new("heartbeat-duplicate")];

    private sealed class QuietAlarm(string name)
    {
        public string Name { get; } = name;

        public Instant Until { get; set; } = Instant.Never;
    }

    private void Coordinate(Instant now)
    {
        if (_coordinator is null)
            return;
        _coordinator.MayPreempt = _preempt == PreemptMode.Immediate || (_preempt == PreemptMode.Delayed && _preemptAt == Instant.Never);
        // An action changes what the next look decides: a claim makes a master, a lost gate none. Three looks settle whatever one turn brings.
        for (var round = 0; round < 3; round++)
        {
            TellGroups(now);
            _coordinator.Turn(now);
            var any = false;
            for (var group = 0; group < _groupNames.Length; group++)
                any |= CarryOut(group, _coordinator.TakeAction(group), now);
            for (var group = 0; group < _groupNames.Length; group++)
            {
                if (_coordinator.IsHolder(group))
                    Move(group, CarpState.Master, now);
            }
            if (!any)
                break;
        }
        TellLateness(now);
    }

    private void TellGroups(Instant now)
    {
        for (var group = 0; group < _groupNames.Length; group++)
        {
            var (eligible, master, foreign) = (false, false, false);
            foreach (var host in _hosts)
            {
                if (host.Group != group)
                    continue;
                var machine = host.Machine;
                eligible |= machine.State != CarpState.Init;
                master |= machine.State == CarpState.Master;
                foreign |= host.Virtual.ForeignHeard != Instant.Zero && now - host.Virtual.ForeignHeard <= machine.MasterDownTime;
            }
            _coordinator!.SetGroup(group, eligible, master, foreign, now);
        }
    }

    private bool CarryOut(int group, GroupAction action, Instant now)
    {
        switch (action)
        {
            case GroupAction.Ask:
                Admit(group, now);
                return false;
            case GroupAction.Withdraw:
                Withdraw(group);
                return false;
            case GroupAction.Claim:
                Move(group, CarpState.Master, now);
                return true;
            case GroupAction.Yield:
                Move(group, CarpState.Backup, now);
                return true;
            case GroupAction.StepDown:
                TellDual(group, stays: false);
                Move(group, CarpState.Backup, now);
                return true;
            case GroupAction.Reassert:
                TellDual(group, stays: true);
                foreach (var host in _hosts)
                {
                    if (host.Group == group && host.IsMaster)
                        host.StartAnnouncements(now);
                }
                return false;
            default:
                return false;
        }
    }

    private void Move(int group, CarpState state, Instant now)
    {
        foreach (var host in _hosts)
        {
            if (host.Group != group || host.Machine.State == state)
                continue;
            var actions = host.Machine.OnGroup(state, now);
            if (actions == CarpActions.None)
                continue;
            host.Add(actions);
            host.GroupText = GroupText(_coordinator!.Groups[group]);
        }
    }

    // Switches send here from the first frame on that the new master sends: so its gate takes packets before the old one stops answering.
    private void Admit(int group, Instant now)
    {
        foreach (var host in _hosts)
        {
            if (host.Group == group && host.Machine.State == CarpState.Backup)
                _gate.Admit(host.Member, now, HeartbeatLease());
        }
        if (!CommitGate())
            return;
        foreach (var host in _hosts)
        {
            if (host.Group == group && host.Machine.State == CarpState.Backup)
                AddAddresses(host, "claim");
        }
    }

    private void Withdraw(int group)
    {
        foreach (var host in _hosts)
        {
            if (host.Group == group && !host.IsMaster && host.DrainEnd == Instant.Never)
                _gate.Revoke(host.Member);
        }
        CommitGate();
        foreach (var host in _hosts)
        {
            if (host.Group == group && !host.IsMaster && host.DrainEnd == Instant.Never)
                RemoveAddresses(host);
        }
    }

    private TimeSpan? HeartbeatLease() =>
        _coordinator is { Pace.InForce: < HoldLevel.Alone } ? _coordinator.Pace.KernelLease(_coordinator.Pace.InForce) : null;

    private void SendHeartbeats(bool leaving = false)
    {
        if (_coordinator is null)
            return;
        _coordinator.Publish();
        if (!_coordinator.MustSend && !leaving)
            return;
        var wall = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var now = BootClock.Now;
        var (held, renewed, lapsed) = (false, false, false);
        for (var group = 0; group < _groupNames.Length; group++)
        {
            if (_coordinator.Groups[group].Role != GroupRole.Master)
                continue;
            held = true;
            SendOnSegments(group, leaving, now, wall, ref renewed, ref lapsed);
        }
        if (!held)
            SendOnSegments(-1, leaving, now, wall, ref renewed, ref lapsed);
        for (var i = _ports.Count; i < _paths.Count; i++)
        {
            var length = _coordinator.Session.Write(_heartbeat, i, leaving, default, default, now, wall);
            _paths[i].Send(_heartbeat.AsSpan(0, length));
        }
        if (renewed || !held)
            _coordinator.Pace.Renewed();
        _coordinator.Sent(now);
        _lapses = lapsed && !renewed ? _lapses + 1 : 0;
        if (_lapses >= LapseLimit)
            LoseLeases(now);
    }

    // One may have met a full queue; a lease that is over drops them all.
    private const int LapseLimit = 3;
    private int _lapses;

    // One frame for each group that this node holds: its mark renews that group's lease on the way out. None held: one without a mark.
    private void SendOnSegments(int group, bool leaving, Instant now, long wall, ref bool renewed, ref bool lapsed)
    {
        var level = _coordinator!.Pace.InForce;
        var mark =
            group < 0 ? 0
            : level == HoldLevel.Alone ? GateMark.Announce(group)
            : GateMark.Heartbeat(group, (int)level);
        var sent = false;
        for (var i = 0; i < _ports.Count; i++)
        {
            var port = _ports[i];
            if (!port.IsUsable || !_paths[i].TryGetSource(out var ipv6, out var source))
                continue;
            port.GetAdvertisingSources(out var ipv4Source, out var ipv6Source);
            var offset = HeartbeatFrame.MessageOffset(ipv6);
            var length = _coordinator.Session.Write(_heartbeat.AsSpan(offset), i, leaving, ipv4Source, ipv6Source, now, wall);
            length = HeartbeatFrame.Write(_heartbeat, ipv6, port.Link.Mac, source, length, ++_frameId);
            var errno = port.SendHeartbeat(_heartbeat.AsSpan(0, length), mark);
            sent |= errno.IsSuccess;
            lapsed |= group >= 0 && errno == Errno.NoBufferSpace; // what the egress hook drops
        }
        if (!sent || group < 0)
            return;
        renewed = true;
        if (level != HoldLevel.Alone)
            _gate.Renewed(group, now + _coordinator.Pace.Lease(level));
    }

    // The kernel's lease is over although ours was not: it rounds down, or somebody took the element away.
    private void LoseLeases(Instant now)
    {
        foreach (var host in _hosts)
        {
            if (host.IsMaster && host.Pending == CarpActions.None)
                host.Add(host.Machine.OnLeaseLost(now));
        }
    }

    private void TellLateness(Instant now)
    {
        var health = _coordinator!.Health;
        if (health.Level != _toldLevel)
        {
            var hold = _coordinator.Pace.Hold(health.Level);
            _reports.Events.Add(
                EventKind.Alarm,
                health.Level > _toldLevel
                    ? $"this machine is late ({health.LastLateness.TotalMilliseconds:F0} ms): peers are asked to wait {hold.TotalMilliseconds:F0} ms"
                    : $"this machine is punctual again: peers are asked to wait {hold.TotalMilliseconds:F0} ms"
            );
            _toldLevel = health.Level;
        }
        var sick = health.IsSick(now);
        if (sick == _ledger.Has(OversleptReason))
            return;
        if (sick)
            SetDemotion(OversleptReason, OversleptAmount, now);
        else
            ClearDemotion(OversleptReason, now);
    }

    /// <summary>The ledger's entry of a node that slept longer than its peers wait.</summary>
    public const string OversleptReason = "overslept";

    private const int OversleptAmount = 20; // worse than a healthy peer, better than one with a fault

    private void TellDual(int group, bool stays)
    {
        var election = _coordinator!.Groups[group];
        var other = NodeName(stays ? election.MasterNode : election.ReasonNode);
        _reports.Events.Add(
            EventKind.Alarm,
            stays
                ? $"group {election.Name}: {other} is master, too; it is the worse one, this node stays"
                : $"group {election.Name}: {other} is master, too; it is the better one, this node steps down"
        );
    }

    // Who lives, but is not heard on an interface where both have a link, is cut off there: nobody moves for it, but somebody should know.
    private void WatchSegments(Instant now)
    {
        if (_coordinator is null || now < _nextWatch)
            return;
        _nextWatch = now + TimeSpan.FromSeconds(1);
        foreach (var watch in _heartbeatAlarms)
        {
            if (now < watch.Until)
                continue;
            watch.Until = Instant.Never;
            _reports.Alarms.Clear(watch.Name);
        }
        foreach (var peer in _coordinator.Session.Peers)
        {
            for (var i = 0; i < _ports.Count; i++)
                WatchSegment(peer, i, now);
        }
    }

    private void WatchSegment(HeartbeatPeer peer, int segment, Instant now)
    {
        var alarm = SegmentAlarm(_ports[segment], peer.Node);
        var both = peer.IsAlive && _ports[segment].IsUsable && now - peer.AliveSince > _unheardLimit;
        both &= peer.TryGetSegment(_coordinator!.Session.Segment(segment).Name, out var theirs) && theirs.IsUsable;
        if (both && now - peer.HeardOn(segment) > _unheardLimit)
            _reports.Alarms.Raise(alarm, $"{NodeName(peer.Node)} lives, but is not heard on {_ports[segment].Name}");
        else if (both && (theirs.HeardNodes & (1 << (_coordinator.Session.Node - 1))) == 0)
            _reports.Alarms.Raise(alarm, $"{NodeName(peer.Node)} lives, but does not hear this node on {_ports[segment].Name}");
        else
            _reports.Alarms.Clear(alarm);
    }

    private string SegmentAlarm(ElectionPort port, byte node) => $"segment {port.Name} {NodeName(node)}";

    private string NodeName(byte node) => _peerNames.GetValueOrDefault(node) ?? $"node {node}";

    private string GroupText(GroupElection group)
    {
        var node = group.ReasonNode == _coordinator!.Session.Node ? "this node" : NodeName(group.ReasonNode);
        return group.Reason switch
        {
            GroupReason.MasterDied => $"{node} was heard on no path for its hold time",
            GroupReason.MasterLeft => $"{node} left",
            GroupReason.MasterGaveUp => $"{node} gave the addresses up",
            GroupReason.NobodyHeld => "nobody held the addresses, and this node is the best",
            GroupReason.MasterYielded => $"this node is better, and {node} yielded",
            GroupReason.BetterNodeAsked => $"{node} is better and asked for the addresses",
            GroupReason.Forced => $"the operator gave the addresses to {node}",
            GroupReason.BetterMaster => $"{node} is master, too, and better",
            GroupReason.SuccessorFailed => $"{node} asked for the addresses and did not take them",
            _ => "its failover group moved",
        };
    }

    /// <summary>The cluster as this node hears it; null without heartbeats.</summary>
    public ClusterStatus? Cluster(string hostname) =>
        Ask(now =>
        {
            if (_coordinator is null)
                return null;
            var session = _coordinator.Session;
            return new ClusterStatus
            {
                Node = session.Node,
                Name = hostname,
                IntervalMs = session.Interval.TotalMilliseconds,
                HoldMs = session.Hold.TotalMilliseconds,
                WorstLatenessMs = _coordinator.Health.Worst.TotalMilliseconds,
                Peers =
                [
                    .. session.Peers.Select(p => new ClusterPeerStatus
                    {
                        Node = p.Node,
                        Name = NodeName(p.Node),
                        Alive = p.IsAlive,
                        HearsUs = p.HearsUs,
                        Demotion = p.Header.Ledger,
                        Paths = [.. _paths.Where((_, i) => p.IsHeardOn(i, now)).Select(path => path.Name)],
                        RoundTripMs = p.RoundTrip?.TotalMilliseconds,
                        ClockOffsetMs = p.IsKnown ? p.ClockOffset : null,
                        Version = p.IsKnown ? VersionText(p.Header.ProductVersion) : null,
                    }),
                ],
                Groups =
                [
                    .. _coordinator.Groups.Select(g => new ClusterGroupStatus(
                        g.Name,
                        g.Role.ToString().ToUpperInvariant(),
                        g.Epoch,
                        g.Role == GroupRole.Master ? hostname
                            : g.MasterNode == 0 ? null
                            : NodeName(g.MasterNode)
                    )),
                ],
                Heartbeats = Enum.GetValues<HeartbeatRejection>().ToDictionary(HeartbeatRejectionText.Text, session.Counter),
            };
        });

    private static string VersionText(uint version) => $"{version >> 16}.{(version >> 8) & 0xff}.{version & 0xff}";
}
