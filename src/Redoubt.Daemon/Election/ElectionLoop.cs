using System.Collections.Concurrent;
using System.Security.Cryptography;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon.Election;

/// <summary>
/// The election thread: every vhid, its sockets, its lease and its addresses. One turn of the loop is
/// <code>
/// wait → leases that ran out → news of links, addresses, tables → commands → heartbeats → packets → groups → timers → act → heartbeats out
/// </code>
/// so that news always comes before timers, and a thawed node first learns that it is master no longer. Acting goes: all gates
/// that close, in one transaction; resigning advertisements; addresses away; all gates that open, in one transaction;
/// addresses; advertisements; announcements. Nobody else touches this state: others post commands and wait for the answer.
/// </summary>
internal sealed partial class ElectionLoop : IDisposable
{
    private const int PacketBurst = 64; // packets of one socket before the next one gets its turn
    private const int CommandLimit = 256;
    private static readonly TimeSpan _oversleep = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _yieldTime = TimeSpan.FromMilliseconds(5); // an advertisement's flight, a wake-up and a transaction
    private static readonly TimeSpan _linkHoldDown = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _addressLifetime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _addressRefresh = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _repairDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _reconcilePeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _formerTime = TimeSpan.FromMinutes(10); // for the other nodes to get their addresses changed, too
    private static readonly TimeSpan _sameBreath = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _alarmPeriod = TimeSpan.FromSeconds(30);

    private readonly ElectionReports _reports;
    private readonly RouteNetlink _route = new();
    private readonly LinkMonitor _links = new();
    private readonly TableMonitor _tables = new();
    private readonly EventDescriptor _wake = new();
    private readonly Poller _poller = new();
    private readonly ConcurrentQueue<Action> _commands = new();
    private readonly DemotionLedger _ledger = new();
    private readonly List<ElectionPort> _ports = [];
    private readonly List<ElectionHost> _hosts = [];
    private readonly AddressGate _gate;
    private readonly PreemptMode _preempt;
    private readonly TimeSpan _preemptDelay;
    private readonly TimeSpan _drain;
    private readonly byte[] _packet = new byte[2048];
    private readonly byte[] _frame = new byte[VrrpFrame.MaxLength];
    private readonly Thread _thread;
    private readonly int _wakeSlot;
    private readonly int _linkSlot;
    private readonly int _tableSlot;
    private bool _enabled = true;
    private bool _forwarding;
    private bool _stopping;
    private Instant _nextRefresh;
    private Instant _nextReconcile;
    private Instant _preemptAt = Instant.Never;

    /// <summary>Opens sockets, creates the macvlans, loads the gates closed and clears leftovers of a predecessor. Claims nothing yet.</summary>
    public ElectionLoop(NodeConfiguration configuration, ClusterSecret? secret, ElectionReports reports)
    {
        _reports = reports;
        _strict = configuration.Redoubt.Strict;
        var heartbeats = WantsHeartbeats(configuration, secret);
        _preempt = configuration.Redoubt.Preempt;
        _preemptDelay = configuration.Redoubt.PreemptDelay;
        _drain = configuration.Redoubt.Drain;
        var links = _route.Links();
        List<string> groups = [];
        foreach (var host in configuration.VirtualHosts)
            AddHost(host, links, heartbeats ? GroupOf(configuration, host, groups) : null);
        _groupNames = [.. groups];
        _roleGroups = RoleGroups(configuration);
        RemoveForeignDevices(links);
        foreach (var host in _hosts)
            host.Device = host.UsesRealMac
                ? host.Port.Link
                : VirtualMacDevice.Ensure(_route, host.Port.Link.Index, host.Configuration.Vhid, host.Configuration.IsVrrp6);
        if (heartbeats)
            _coordinator = CreateCoordinator(configuration, secret!);
        _gate = new AddressGate(Layout());
        var errno = _gate.Load(BootClock.Now);
        if (!errno.IsSuccess)
            throw new KernelException("load the address gate (nf_tables, family netdev, with egress hooks: Linux 5.16)", errno);
        RemoveLeftAddresses();
        RemoveLeftNetworks();
        ReadAddresses(repair: true);
        foreach (var host in _hosts.Where(h => !h.UsesRealMac))
        {
            var up = _route.SetUp(host.Device.Index, true);
            if (!up.IsSuccess && host.Port.IsUsable)
                throw new KernelException($"bring {host.Device.Name} up", up);
        }
        _wakeSlot = _poller.Add(_wake.Handle);
        _linkSlot = _poller.Add(_links.Handle);
        _tableSlot = _poller.Add(_tables.Handle);
        foreach (var port in _ports)
        {
            port.SlotIPv4 = port.IPv4 is { } ipv4 ? _poller.Add(ipv4.Handle) : -1;
            port.SlotIPv6 = port.IPv6 is { } ipv6 ? _poller.Add(ipv6.Handle) : -1;
        }
        BeginHeartbeats();
        _thread = new Thread(Run) { Name = "election" };
    }

    /// <summary>Devices whose settings the reconciler keeps: parents and macvlans.</summary>
    public IReadOnlyList<string> MacvlanNames => [.. _hosts.Where(h => !h.UsesRealMac).Select(h => h.Device.Name)];

    /// <summary>Begins to take part, with the reasons to be demoted that stand from the beginning.</summary>
    public void Start(IEnumerable<Demotion> demotions)
    {
        var now = BootClock.Now;
        foreach (var demotion in demotions)
            _ledger.Set(demotion.Reason, demotion.Amount, now);
        if (_preempt == PreemptMode.Delayed)
            _preemptAt = now + _preemptDelay;
        foreach (var host in _hosts)
        {
            host.Machine.Preempt = _preempt == PreemptMode.Immediate;
            host.Machine.OnDemotion(_ledger.Total, now);
        }
        foreach (var port in _ports)
            LinkChanged(port, now);
        _thread.Start();
    }

    /// <summary>Turns that ended well; safe from every thread.</summary>
    public long Turns => Interlocked.Read(ref _turns);

    private long _turns;

    /// <summary>Runs a piece of work on the election thread and waits for its answer, at most two seconds.</summary>
    /// <exception cref="TimeoutException">The election thread did not come to it in time, or too much waits already.</exception>
    public T Ask<T>(Func<Instant, T> work)
    {
        if (_commands.Count >= CommandLimit)
            throw new TimeoutException("the election thread has too many commands waiting");
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _commands.Enqueue(() => answer.TrySetResult(work(BootClock.Now)));
        _wake.Signal();
        return answer.Task.Wait(TimeSpan.FromSeconds(2))
            ? answer.Task.Result
            : throw new TimeoutException("the election thread does not answer");
    }

    /// <summary>Like <see cref="Ask"/>, without waiting.</summary>
    public void Post(Action<Instant> work)
    {
        _commands.Enqueue(() => work(BootClock.Now));
        _wake.Signal();
    }

    /// <summary>
    /// Resigns and releases what is still held, ends the thread and takes everything out of the kernel again: addresses, devices, gate.
    /// </summary>
    public void Stop()
    {
        if (_thread.IsAlive)
        {
            Post(_ => _stopping = true);
            if (!_thread.Join(TimeSpan.FromSeconds(5)))
                return; // The lease ends by itself.
        }
        foreach (var host in _hosts)
        {
            if (host.UsesRealMac || host.HoldsAddresses)
                RemoveAddresses(host);
            if (!host.UsesRealMac)
                _route.DeleteLink(host.Device.Index);
        }
        _gate.Remove();
        ClearAlarms();
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _gate.Dispose();
        _poller.Dispose();
        _route.Dispose();
        _links.Dispose();
        _tables.Dispose();
        _wake.Dispose();
        foreach (var path in _paths)
            path.Dispose();
        foreach (var port in _ports)
            port.Dispose();
    }

    // Whoever comes after this loop raises anew what is still so.
    private void ClearAlarms()
    {
        foreach (var port in _ports)
        {
            foreach (var alarm in port.Alarms)
                _reports.Alarms.Clear(alarm);
            _reports.Alarms.Clear(FlapAlarm(port));
            _reports.Alarms.Clear(SendReason(port));
            foreach (var peer in _peerNames.Keys)
                _reports.Alarms.Clear(SegmentAlarm(port, peer));
        }
        foreach (var host in _hosts)
            _reports.Alarms.Clear(ClaimAlarm(host));
        foreach (var watch in _heartbeatAlarms)
            _reports.Alarms.Clear(watch.Name);
    }

    private void AddHost(VirtualHostConfiguration configuration, IReadOnlyList<LinkInfo> links, int? failoverGroup)
    {
        var port = _ports.Find(p => p.Name == configuration.Interface);
        if (port is null)
        {
            var link = links.FirstOrDefault(l => l.Name == configuration.Device);
            if (link.Index == 0)
                throw new KernelException($"interface {configuration.Interface}: device {configuration.Device}", Errno.NoDevice);
            port = new ElectionPort(configuration.Interface, link, ipv4: true, ipv6: File.Exists("/proc/net/if_inet6"));
            port.NoteCarrier(BootClock.Now);
            _ports.Add(port);
        }
        var host = Create(configuration, listensFirst: failoverGroup is not null);
        port.Segment.Add(host);
        port.AddVirtual(configuration.Addresses, configuration.UsesRealMac);
        var group =
            failoverGroup ?? _hosts.Find(h => SameTiming(h.Virtual, host))?.Group ?? _hosts.Select(h => h.Group + 1).DefaultIfEmpty().Max();
        _hosts.Add(new ElectionHost(configuration, port, host, _hosts.Count, group));
    }

    private static IVirtualHost Create(VirtualHostConfiguration configuration, bool listensFirst)
    {
        if (configuration.Protocol != VirtualRouterProtocol.Carp)
            return new VrrpVirtualHost(configuration.VrrpOptions() with { ListensFirst = listensFirst });
        var options = new CarpHostOptions
        {
            Vhid = configuration.Vhid,
            AdvBase = configuration.AdvBase,
            AdvSkew = configuration.AdvSkew,
            Password = configuration.Password.Text ?? "",
            IPv4Addresses = [.. configuration.Addresses.Where(a => !a.IsIPv6).Select(a => a.Address)],
            IPv6Addresses = [.. configuration.Addresses.Where(a => a.IsIPv6).Select(a => a.Address)],
            FormerIPv4Addresses = [.. configuration.FormerAddresses.Where(a => !a.IsIPv6).Select(a => a.Address)],
            FormerIPv6Addresses = [.. configuration.FormerAddresses.Where(a => a.IsIPv6).Select(a => a.Address)],
            PeersIPv4 = [.. configuration.UnicastPeers.Where(p => !p.IsIPv6).Select(p => p.Address)],
            PeersIPv6 = [.. configuration.UnicastPeers.Where(p => p.IsIPv6).Select(p => p.Address)],
        };
        return new CarpVirtualHost(options, RandomCounter) { FormerUntil = BootClock.Now + _formerTime };
    }

    // With heartbeats a failover group is a lease group, too; a vhid that is in none moves alone.
    private static int GroupOf(NodeConfiguration configuration, VirtualHostConfiguration host, List<string> groups)
    {
        var name = configuration.Redoubt.Groups.FirstOrDefault(g => g.Members.Contains(host.Member))?.Name ?? host.Member;
        if (!groups.Contains(name))
            groups.Add(name);
        return groups.IndexOf(name);
    }

    // Vhids that advertise equally often share a lease: any advertisement of one proves that the node lives.
    private static bool SameTiming(IVirtualHost a, IVirtualHost b) =>
        a.Interval == b.Interval && a.Lease(false) == b.Lease(false) && a.Lease(true) == b.Lease(true);

    private GateLayout Layout()
    {
        List<GateGroup> groups = [];
        for (var group = 0; group < _hosts.Select(h => h.Group + 1).DefaultIfEmpty().Max(); group++)
        {
            var members = _hosts.Where(h => h.Group == group).Select(h => h.Virtual).ToList();
            groups.Add(
                new GateGroup(
                    members.Min(m => m.Lease(demoted: false)),
                    members.Min(m => m.Lease(demoted: true)),
                    _coordinator is null
                        ? []
                        : [.. Enumerable.Range(0, (int)HoldLevel.Alone).Select(l => _coordinator.Pace.KernelLease((HoldLevel)l))]
                )
            );
        }
        return new GateLayout(
            [.. _ports.Select(p => p.Link.Name)],
            groups,
            [
                .. _hosts.Select(h => new GateMember(
                    h.UsesRealMac ? "" : h.Device.Name,
                    h.UsesRealMac ? 0 : h.Device.Index,
                    h.Group,
                    [.. h.Configuration.Addresses.Select(a => new GateAddress(a.Address, a.IsIPv6))]
                )),
            ]
        );
    }

    private void RemoveForeignDevices(IReadOnlyList<LinkInfo> links)
    {
        var wanted = _hosts
            .Where(h => !h.UsesRealMac)
            .Select(h => VirtualMacDevice.Name(h.Port.Link.Index, h.Configuration.Vhid, h.Configuration.IsVrrp6))
            .ToHashSet();
        foreach (var link in links)
        {
            if (VirtualMacDevice.IsOurs(link) && !wanted.Contains(link.Name))
                _route.DeleteLink(link.Index);
        }
    }

    // A killed predecessor's addresses on a device that is not ours, of a vhid that is gone or has a device of its own by now.
    private void RemoveLeftAddresses()
    {
        var devices = _hosts.Where(h => !h.UsesRealMac).Select(h => h.Device.Index).ToHashSet();
        foreach (var address in _route.Addresses())
        {
            if (
                address.Protocol == RouteMessage.Protocol
                && !devices.Contains(address.InterfaceIndex)
                && !_hosts.Exists(h => h.UsesRealMac && h.Device.Index == address.InterfaceIndex && Wants(h, address))
            )
                _route.RemoveAddress(address.InterfaceIndex, address.Address, address.IsIPv6, address.PrefixLength);
        }
    }

    private void Run()
    {
        var now = BootClock.Now;
        _turnAt = now;
        _nextRefresh = now + _addressRefresh;
        _nextReconcile = now + _reconcilePeriod;
        _nextWatch = _coordinator is null ? Instant.Never : now;
        while (true)
        {
            try
            {
                if (Turn())
                    return;
                Interlocked.Increment(ref _turns);
            }
#pragma warning disable CA1031 // one broken turn must not end all elections; a fault that stays lets the lease lapse
            catch (Exception e)
#pragma warning restore CA1031
            {
                _reports.Alarms.Raise("election", $"the election thread failed and goes on: {e.Message}", Events.AlarmSeverity.Failed);
                Thread.Sleep(100);
            }
        }
    }

    // True when the loop ends.
    private bool Turn()
    {
        var deadline = Deadline();
        _poller.Wait(deadline);
        var now = BootClock.Now;
        // What waits for its slice is overdue by itself: late is what the last turn and the wait took beyond that.
        var late = now - (deadline > _turnAt ? deadline : _turnAt);
        _turnAt = now;
        if (late > TimeSpan.Zero)
            _coordinator?.OnOverslept(late, now);
        if (late > _oversleep)
        {
            foreach (var host in _hosts)
                host.Machine.OnOverslept(now);
        }
        CheckLeases(now);
        HearNews(now);
        while (_commands.TryDequeue(out var command))
            command();
        if (_stopping)
        {
            foreach (var host in _hosts)
                host.Add(host.Machine.OnStop(now));
            Act();
            SendHeartbeats(leaving: true);
            TellTransitions();
            return true;
        }
        HearHeartbeats(now);
        HearPackets(now);
        now = BootClock.Now;
        CheckLeases(now); // what was sent before the packets were handled may be long ago
        Coordinate(now);
        foreach (var host in _hosts)
        {
            if (now >= host.Machine.Deadline)
                OnDeadline(host, now);
            if (now >= host.ClaimAt)
                host.Resume();
        }
        Housekeep(now);
        EndDrains(now);
        Act();
        if (_coordinator is not null)
        {
            TellGroups(now);
            SendHeartbeats();
            WatchSegments(now);
        }
        TellTransitions();
        return false;
    }

    // Where heartbeats decide, a backup that misses advertisements waits on: the master may live all the same.
    private void OnDeadline(ElectionHost host, Instant now)
    {
        var machine = host.Machine;
        if (machine.State == CarpState.Backup && _coordinator?.Decides(host.Group) == true)
            machine.OnGroupWaits(now);
        else
            host.Add(machine.OnTurn(now));
    }

    private Instant _turnAt;

    private Instant Deadline()
    {
        if (_refreshed < _hosts.Count)
            return Instant.Zero;
        var deadline = Instant.Earlier(Instant.Earlier(_nextRefresh, _nextReconcile), _preemptAt);
        if (_coordinator is not null)
            deadline = Instant.Earlier(deadline, _coordinator.Deadline);
        foreach (var host in _hosts)
        {
            if (host.Pending != CarpActions.None)
                return Instant.Zero; // acting brought new news: a demotion to be told of
            deadline = Instant.Earlier(deadline, Instant.Earlier(host.Machine.Deadline, host.ClaimAt));
            deadline = Instant.Earlier(deadline, Instant.Earlier(host.NextAnnouncement, host.DrainEnd));
            deadline = Instant.Earlier(deadline, Instant.Earlier(host.RepairAt, Instant.Earlier(host.NextProbe, host.Defence.Deadline)));
        }
        foreach (var port in _ports)
            deadline = Instant.Earlier(deadline, Instant.Earlier(Instant.Earlier(port.ForgivenAt, port.QuietAt), port.Damping.Deadline));
        return deadline;
    }

    private void CheckLeases(Instant now)
    {
        foreach (var host in _hosts)
        {
            if (host.IsMaster && now >= _gate.LeaseEnd(host.Group) && _gate.IsGranted(host.Member))
                host.Add(host.Machine.OnLeaseLost(now));
        }
    }

    private void HearPackets(Instant now)
    {
        foreach (var port in _ports)
        {
            if (port.SlotIPv4 >= 0 && _poller.IsReadable(port.SlotIPv4))
                HearPackets(port, port.IPv4!, now);
            if (port.SlotIPv6 >= 0 && _poller.IsReadable(port.SlotIPv6))
                HearPackets(port, port.IPv6!, now);
        }
    }

    private void HearPackets(ElectionPort port, Linux.Packets.RawSocket socket, Instant now)
    {
        for (var i = 0; i < PacketBurst && socket.TryReceive(_packet, out var packet); i++)
        {
            if (!_enabled)
                continue;
            var payload = _packet.AsSpan(packet.Offset, packet.Length);
            var receipt = port.Segment.Receive(payload, packet.IsIPv6, packet.Source, packet.Destination, packet.HopLimit, now);
            if (receipt.Warning != ElectionWarning.None && !IsChanging(port, receipt, packet, now))
                WarnOf(port, receipt, packet, now);
            if (receipt.Host is null)
                continue;
            foreach (var host in _hosts)
            {
                if (ReferenceEquals(host.Virtual, receipt.Host))
                    host.Add(receipt.Actions);
            }
        }
    }

    // Who advertises what this node understands, and in the same breath what it does not, has its addresses changed: this node's turn is next.
    private bool IsChanging(ElectionPort port, in ElectionReceipt receipt, in Linux.Packets.ReceivedPacket packet, Instant now)
    {
        if (receipt.Warning != ElectionWarning.BadDigest)
            return false;
        foreach (var host in _hosts)
        {
            if (!ReferenceEquals(host.Port, port) || host.Configuration.Vhid != receipt.Id)
                continue;
            var heard = host.Virtual.Heard(packet.IsIPv6);
            return heard.Source == packet.Source && now - heard.LastHeard <= _sameBreath;
        }
        return false;
    }

    private void WarnOf(ElectionPort port, in ElectionReceipt receipt, in Linux.Packets.ReceivedPacket packet, Instant now)
    {
        // A flood of them must not cost more than looking at the clock.
        var first = port.QuietAt == Instant.Never || port.QuietAt - now < _alarmPeriod - TimeSpan.FromSeconds(1);
        port.QuietAt = now + _alarmPeriod;
        if (!first)
            return;
        var family = packet.IsIPv6 ? System.Net.Sockets.AddressFamily.InterNetworkV6 : System.Net.Sockets.AddressFamily.InterNetwork;
        var sender = packet.Source.ToIPAddress(family);
        var (id, on) = (receipt.Id, port.Name);
        var text = receipt.Warning switch
        {
            ElectionWarning.VrrpWithOurVhid =>
                $"{sender} sends VRRP with id {id} on {on}: two protocols share one virtual MAC, change one of the ids",
            ElectionWarning.CarpWithOurVrid =>
                $"{sender} sends CARP with id {id} on {on}: two protocols share one virtual MAC, change one of the ids",
            ElectionWarning.VrrpDiffers =>
                $"{sender} advertises virtual router {id} on {on} in another version, with another interval, password or checksum",
            ElectionWarning.VrrpOtherAddresses => $"{sender} advertises virtual router {id} on {on} with other addresses",
            _ => $"{sender} advertises vhid {id} on {on} with another password or other addresses",
        };
        var alarm = $"carp-foreign {on}@{id}";
        port.Alarms.Add(alarm);
        _reports.Alarms.Raise(alarm, text);
    }

    private static ulong RandomCounter()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
