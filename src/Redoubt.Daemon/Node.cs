using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Redoubt.Control;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Core.Firewall;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.Diagnosis;
using Redoubt.Daemon.Election;
using Redoubt.Daemon.Events;
using Redoubt.Daemon.Firewall;
using Redoubt.Daemon.Neighbours;
using Redoubt.Daemon.Roles;
using Redoubt.Daemon.StateSync;
using Redoubt.Daemon.Systemd;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon;

/// <summary>
/// One running configuration: settings, devices and closed gates, firewall, state sync, elections, in this order; stopped in the
/// opposite one. Either all of it runs or none.
/// </summary>
internal sealed class Node : IDisposable
{
    private static readonly TimeSpan _handOverLimit = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _prepareLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _lastWordLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _syncStopLimit = TimeSpan.FromSeconds(1);
    private volatile NodeConfiguration _configuration; // replaced by one that differs in rules only
    private readonly RoleWorker _roles;
    private readonly EventLog _events;
    private readonly AlarmBoard _alarms;
    private readonly Maintenance _maintenance;
    private readonly SysctlKeeper _sysctls;
    private readonly ElectionLoop _election;
    private readonly Reconciler _reconciler;
    private readonly FirewallSource _firewall;
    private readonly ProxyLoop _proxies;
    private readonly ClaimWatch _claims;
    private const string UnencryptedAlarm = "state-sync-unencrypted";
    private const string SecondLinkAlarm = "state-sync-second-link";
    private readonly ClusterSecret? _secret;
    private readonly StateSyncLoop? _stateSync;
    private readonly IReadOnlyDictionary<string, string> _names;

    private Node(
        NodeConfiguration configuration,
        ClusterSecret? secret,
        string stateDirectory,
        Maintenance maintenance,
        EventLog events,
        AlarmBoard alarms,
        RoleWorker roles
    )
    {
        _roles = roles;
        _secret = secret;
        (_configuration, _maintenance, _events, _alarms) = (configuration, maintenance, events, alarms);
        _names = configuration
            .Redoubt.Peers.SelectMany(p => p.Addresses.Select(a => (a.AddressText, p.Name)))
            .DistinctBy(p => p.AddressText)
            .ToDictionary(p => p.AddressText, p => p.Name);
        _sysctls = new SysctlKeeper(stateDirectory);
        _sysctls.WantHost();
        _sysctls.WantTracking();
        foreach (var hosts in configuration.VirtualHosts.GroupBy(h => h.Device))
            _sysctls.WantParent(hosts.Key, holds: hosts.Any(h => h.UsesRealMac));
        try
        {
            TellUnset(_sysctls.Apply());
            _election = new ElectionLoop(
                configuration,
                secret,
                new ElectionReports(events, alarms)
                {
                    ForwardingChanged = forwarding => _stateSync?.SetForwarding(forwarding),
                    RoleChanged = roles.Post,
                }
            );
            _firewall = new FirewallSource(configuration, Context, stateDirectory);
            var ruleset = _firewall.Compile();
            var loaded = NftCommand.Apply(ruleset.ToString());
            if (!loaded.Succeeded)
                throw new KernelException("load the firewall", Errno.Invalid, loaded.Error);
            TellUnset(_sysctls.Apply()); // once more: the rules may have brought connection tracking with them
            _stateSync = CreateStateSync();
            _reconciler = new Reconciler(_sysctls, _election.MacvlanNames, _firewall, ruleset, events, alarms);
            _proxies = new ProxyLoop(alarms);
            _claims = new ClaimWatch(_election.WatchedPorts, _election.PostClaim, alarms);
        }
        catch
        {
            _election?.Stop();
            _election?.Dispose();
            _sysctls.Restore();
            NftCommand.Apply(RulesetCompiler.RemoveTable);
            throw;
        }
    }

    /// <summary>Starts a configuration; where anything fails, everything is taken back and the exception says what it was.</summary>
    public static Node Start(
        NodeConfiguration configuration,
        ClusterSecret? secret,
        string stateDirectory,
        Maintenance maintenance,
        EventLog events,
        AlarmBoard alarms,
        RoleWorker roles,
        params IReadOnlyList<Demotion> standing
    )
    {
        var node = new Node(configuration, secret, stateDirectory, maintenance, events, alarms, roles);
        try
        {
            node.Begin(standing);
            return node;
        }
        catch
        {
            node.Stop(handOver: false);
            node.Dispose();
            throw;
        }
    }

    /// <summary>Hands over what is held, then stops and leaves nothing behind. <paramref name="isFinal"/>: nothing is started anew after it.</summary>
    public void Stop(bool handOver = true, bool isFinal = false)
    {
        if (handOver && _election.HoldsAny)
        {
            _stateSync?.PrepareHandOver(_handOverLimit);
            var result = _election.HandOver(ElectionLoop.StoppingReason, _handOverLimit);
            _events.Add(EventKind.Failover, $"stopping: {result.Message}");
            if (isFinal && !result.Ok && _election.HoldsAny)
                _roles.FinishAdvertisements(_lastWordLimit);
        }
        _claims.Stop();
        _proxies.Stop();
        _election.Stop();
        _stateSync?.Stop(_syncStopLimit);
        _reconciler.Stop();
        _sysctls.Restore();
        PolicyRouting.Apply([]);
        NftCommand.Apply(RulesetCompiler.RemoveTable);
    }

    public void Dispose()
    {
        _claims.Dispose();
        _proxies.Dispose();
        _reconciler.Dispose();
        _stateSync?.Dispose();
        _election.Dispose();
    }

    /// <summary>
    /// Takes over a configuration that differs only in rules and translation, without touching anything else; the old rules stay where
    /// the kernel refuses the new ones. Null where more differs, and the node must be started anew.
    /// </summary>
    public NftResult? TryReload(NodeConfiguration configuration, ClusterSecret? secret, PlainRulesets plain)
    {
        if (!SameExceptRules(_configuration, configuration) || secret?.Fingerprint != _secret?.Fingerprint)
            return null;
        var result = _reconciler.Replace(_firewall.Compile(configuration, plain));
        if (result.Succeeded)
        {
            _firewall.Adopt(configuration);
            _configuration = configuration;
            _proxies.Set(configuration);
        }
        else
            _firewall.Reject();
        return result;
    }

    /// <summary>The rules that are loaded, with what the kernel counted.</summary>
    public IReadOnlyList<RuleRow> Rules() =>
        [
            .. RuleCounts
                .Of(_reconciler.Ruleset, RuleCounts.Read(NftCommand.ListCounters()))
                .Select(r => new RuleRow
                {
                    Section = r.Rule.Section,
                    Tracker = r.Rule.Tracker.Length > 0 ? r.Rule.Tracker : null,
                    Line = r.Rule.Line,
                    Interface = r.Rule.Interface,
                    Action = r.Rule.Action,
                    Description = r.Rule.Description,
                    Standing = JsonNamingPolicy.CamelCase.ConvertName(r.Rule.Standing.ToString()),
                    Packets = r.Count?.Packets,
                    Bytes = r.Count?.Bytes,
                    Counter = r.Rule.Counter,
                }),
        ];

    /// <summary>What it takes to get from one configuration to another.</summary>
    public static NodeChange Compare(NodeConfiguration current, NodeConfiguration next, PlainRulesets plain) =>
        NeedsRestart(current, next) ? NodeChange.Restart
        : FirewallSource.Same(current, Context(current), next, Context(next), plain) && ProxyLoop.Same(current, next) ? NodeChange.None
        : NodeChange.Rules;

    /// <summary>Whether more than rules differ. Cheap: nothing is compiled for it.</summary>
    public static bool NeedsRestart(NodeConfiguration current, NodeConfiguration next) => !SameExceptRules(current, next);

    /// <summary>Has nft and the kernel check the rules of a configuration, those outside of their schedule too; changes nothing.</summary>
    public static NftResult CheckRules(NodeConfiguration next) =>
        NftCommand.Check(RulesetCompiler.Compile(PlainRulesets.WithoutSchedules(next), Context(next)));

    /// <summary>Has this node claim nothing for so long where another one lives.</summary>
    public void PostAbstention(TimeSpan time) => _election.PostAbstention(time);

    /// <summary>Enters a demotion of the daemon's own, or strikes it out (0).</summary>
    public void PostDemotion(string reason, int amount) => _election.PostDemotion(reason, amount);

    /// <summary>How often its loops have turned. Safe from every thread.</summary>
    public LoopPulse Pulse => new(this, _election.Turns, _stateSync?.Turns);

    /// <summary>Lets both loops turn. Safe from every thread.</summary>
    public void Wake()
    {
        _election.Post(static _ => { });
        _stateSync?.Wake();
    }

    public CarpStatus CarpStatus() =>
        _election.Status(_maintenance.IsOn, _configuration.Hostname, address => _names.GetValueOrDefault(address));

    /// <summary>Questions answered for proxied addresses; null where their device cannot be used.</summary>
    public long? ProxyAnswers(string @interface, AddressRange range) => _proxies.Answers(@interface, range);

    /// <summary>The cluster by its heartbeats; null without.</summary>
    public ClusterStatus? Cluster() => _election.Cluster(_configuration.Hostname);

    public StateSyncStatus StateSyncStatus()
    {
        if (_stateSync is null)
            return new StateSyncStatus { Enabled = false, Entries = Math.Max(0, KernelEntries()) };
        var snapshot = _stateSync.Snapshot();
        return new StateSyncStatus
        {
            Enabled = true,
            Entries = snapshot.Entries,
            Peers =
            [
                .. snapshot.Peers.Select(p => new PeerStatus
                {
                    Address = p.Address.ToString(),
                    Alive = p.IsAlive,
                    InSync = p.IsInSync,
                    LagMs = p.LagMilliseconds,
                    Bulk = p.Bulk,
                    Link = snapshot.Links > 1 ? p.Device : null,
                    LagMedianMs = p.Lags?.Median,
                    LagHighMs = p.Lags?.High,
                    OldestMs = p.OldestMilliseconds,
                    Resent = p.Resent,
                    Tables = p.Agreement switch
                    {
                        TableAgreement.Equal => "equal",
                        TableAgreement.Different => "different",
                        _ => null,
                    },
                    ComparedSecondsAgo = p.ComparedAgo is { } ago ? Math.Round(ago.TotalSeconds, 1) : null,
                    Repaired = p.ComparedAgo is null ? null : p.Repaired,
                    Silence = p.Silence switch
                    {
                        PeerSilence.DoesNotHear => "does not hear",
                        PeerSilence.DoesNotAcknowledge => "does not acknowledge",
                        _ => null,
                    },
                }),
            ],
            Counters = snapshot.Counters.ToDictionary(),
        };
    }

    /// <summary>Looks for what would break a failover.</summary>
    public Examination Examine(NodeStatus status)
    {
        using var route = new RouteNetlink();
        return Examiner.Examine(
            new DiagnosisFacts
            {
                Configuration = _configuration,
                Status = status,
                Links = [.. route.Links()],
                Addresses = [.. route.Addresses()],
                Sysctls = _sysctls.Deviations(),
                Foreign = _election.Foreign(),
                GateIsOwned = _configuration.VirtualHosts.IsEmpty ? null : _election.GateIsOwned,
                Entries = Math.Max(0, KernelEntries()),
                MaxEntries = KernelMaximum(),
                Buckets = LinkSysctl.Read("/proc/sys/net/netfilter/nf_conntrack_buckets"),
                Now = DateTimeOffset.UtcNow,
            }
        );
    }

    public VerbResult Enable(bool on) => _election.Enable(on);

    public VerbResult Demote(int amount, string reason) => _election.Demote(amount, reason);

    public VerbResult Undemote(string reason) => _election.Undemote(reason);

    public VerbResult SetState(byte vhid, string name, string state) => _election.SetState(vhid, name, state);

    /// <summary>Maintenance: durable first, then in force.</summary>
    public VerbResult SetMaintenance(bool on)
    {
        if (!_maintenance.TrySet(on, out var error))
            return VerbResult.Refused(error);
        if (on)
            _stateSync?.PrepareHandOver(_prepareLimit);
        _election.PostDemotion(ElectionLoop.MaintenanceReason, on ? DemotionLedger.FullDemotion : 0);
        _events.Add(EventKind.Maintenance, on ? "maintenance mode is on" : "maintenance mode is off");
        return VerbResult.Done(on ? "maintenance mode is on, also after a restart" : "maintenance mode is off");
    }

    public VerbResult Failover(bool back, bool force)
    {
        if (back)
            return Tell(_election.FailBack());
        if (!force && _stateSync is not null && !_stateSync.Snapshot().Peers.Any(p => p.IsAlive && p.IsInSync))
            return Tell(VerbResult.Refused("no peer has all states: connections would break (--force hands over all the same)"));
        _stateSync?.PrepareHandOver(_prepareLimit);
        return Tell(_election.Failover());
    }

    public VerbResult SyncStates()
    {
        if (_stateSync is null)
            return VerbResult.Refused("state sync is off");
        _stateSync.RequestSync();
        return VerbResult.Done("asked every peer for its states and offered all of ours");
    }

    public StateCount CountStates() => new(Math.Max(0, KernelEntries()), KernelMaximum());

    public static void ListStates(Func<StateRow, bool> visit)
    {
        using var table = new Linux.Conntrack.ConntrackTable();
        table.Dump((in Core.StateSync.ConntrackEntry entry) => visit(StateRow.From(entry)));
    }

    private VerbResult Tell(VerbResult result)
    {
        _events.Add(EventKind.Failover, result.Ok ? result.Message : $"refused: {result.Message}");
        return result;
    }

    private void Begin(IReadOnlyList<Demotion> standing)
    {
        List<Demotion> demotions = [.. standing];
        if (_maintenance.IsOn)
            demotions.Add(new Demotion(ElectionLoop.MaintenanceReason, DemotionLedger.FullDemotion, default));
        if (_stateSync is not null)
        {
            demotions.Add(new Demotion(ElectionLoop.StateSyncReason, DemotionLedger.FullDemotion, default));
            _stateSync.Event = (kind, message) => _events.Add(EventKind.Sync, message, reason: kind);
            _stateSync.Alarm = (id, text) =>
            {
                if (text is null)
                    _alarms.Clear(id);
                else
                    _alarms.Raise(id, text, id == CapacityWatch.AlarmId ? AlarmSeverity.Failed : AlarmSeverity.Degraded);
            };
            _stateSync.ReadinessChanged = (ready, why) =>
            {
                _events.Add(EventKind.Sync, ready ? $"states are complete: {why}" : $"states are not complete: {why}");
                _election.PostDemotion(ElectionLoop.StateSyncReason, ready ? 0 : DemotionLedger.FullDemotion);
            };
        }
        if (_stateSync is { Options.Formats.Count: > 0 })
            _alarms.Raise(
                UnencryptedAlarm,
                "plain pfsync is neither authenticated nor encrypted: whoever reaches the sync link can add and remove connections"
            );
        else if (_stateSync is not null && _secret is null)
            _alarms.Raise(UnencryptedAlarm, "state sync is not encrypted: there is no cluster/secretfile in the configuration");
        else
            _alarms.Clear(UnencryptedAlarm);
        // Before anything can become ready: the ledger must hold the reason that readiness strikes out.
        _election.Start(demotions);
        // What a killed predecessor left behind, that held packets.
        if (_stateSync is not { Options.DeferredDevices.Count: > 0 })
            DeferTable.Remove();
        _stateSync?.Start();
        _reconciler.Start();
        _proxies.Set(_configuration);
        _claims.Start();
    }

    private StateSyncLoop? CreateStateSync()
    {
        var options = new StateSyncSetup(_configuration, OwnAddresses()).Options(_secret, out var missing);
        if (missing is null)
            _alarms.Clear(SecondLinkAlarm);
        else
            _alarms.Raise(SecondLinkAlarm, missing);
        return options is null ? null : new StateSyncLoop(options);
    }

    private static RulesetContext Context(NodeConfiguration configuration)
    {
        var own = OwnAddresses();
        using var route = new RouteNetlink();
        var links = route.Links();
        return new RulesetContext
        {
            Interfaces =
            [
                .. configuration.Interfaces.Select(i =>
                {
                    var parent = links.FirstOrDefault(l => l.Name == i.Device).Index;
                    var macvlans = configuration
                        .VirtualHosts.Where(h => h.Interface == i.Name && !h.UsesRealMac)
                        .Select(h => VirtualMacDevice.Name(parent, h.Vhid, h.IsVrrp6));
                    return new RulesetInterface(
                        i.Name,
                        [i.Device, .. macvlans],
                        [.. own.Where(a => a.Device == i.Device).Select(a => a.Prefix)]
                    );
                }),
            ],
        };
    }

    private static List<OwnAddress> OwnAddresses()
    {
        using var route = new RouteNetlink();
        var links = route.Links().ToDictionary(l => l.Index, l => l.Name);
        return
        [
            .. route
                .Addresses()
                .Where(a =>
                    a.Protocol is not (RouteMessage.Protocol or RouteMessage.StandingProtocol) && links.ContainsKey(a.InterfaceIndex)
                )
                .Where(a => !VirtualMacDevice.IsOurName(links[a.InterfaceIndex]))
                .Select(a => new OwnAddress(links[a.InterfaceIndex], new AddressPrefix(a.Address, a.IsIPv6, a.PrefixLength))),
        ];
    }

    private static bool SameExceptRules(NodeConfiguration a, NodeConfiguration b) =>
        a.Hostname == b.Hostname
        && a.Interfaces.Select(Bare).SequenceEqual(b.Interfaces.Select(Bare))
        && a.VirtualHosts.Length == b.VirtualHosts.Length
        && a.VirtualHosts.Zip(b.VirtualHosts).All(p => SameHost(p.First, p.Second))
        && a.HaSync with { Areas = [] } == b.HaSync with { Areas = [] }
        && a.Redoubt.NodeId == b.Redoubt.NodeId
        && a.Redoubt.SecretFile == b.Redoubt.SecretFile
        && a.Redoubt.Profile == b.Redoubt.Profile
        && a.Redoubt.Strict == b.Redoubt.Strict
        && a.Redoubt.Drain == b.Redoubt.Drain
        && a.Redoubt.Groups.SelectMany(g => g.Members.Prepend($"group {g.Name}"))
            .SequenceEqual(b.Redoubt.Groups.SelectMany(g => g.Members.Prepend($"group {g.Name}")))
        && a.Redoubt.Preempt == b.Redoubt.Preempt
        && a.Redoubt.PreemptDelay == b.Redoubt.PreemptDelay
        && a.Redoubt.SyncLinks.SequenceEqual(b.Redoubt.SyncLinks)
        && a.Redoubt.Peers.SelectMany(p => p.Addresses).SequenceEqual(b.Redoubt.Peers.SelectMany(p => p.Addresses))
        && a.Redoubt.Peers.Select(p => (p.Id, p.Format)).SequenceEqual(b.Redoubt.Peers.Select(p => (p.Id, p.Format)))
        && a.Redoubt.Transport == b.Redoubt.Transport
        && a.Redoubt.Format == b.Redoubt.Format
        && a.Redoubt.Defer == b.Redoubt.Defer
        && a.Redoubt.Filters.Accept.SequenceEqual(b.Redoubt.Filters.Accept)
        && a.Redoubt.Filters.Ignore.SequenceEqual(b.Redoubt.Filters.Ignore);

    // What only the rules ask about an interface.
    private static InterfaceConfiguration Bare(InterfaceConfiguration i) =>
        i with
        {
            Line = 0,
            Description = "",
            BlockPrivate = false,
            BlockBogons = false,
        };

    private static bool SameHost(VirtualHostConfiguration a, VirtualHostConfiguration b) =>
        a with
        {
            Addresses = [],
            UnicastPeers = [],
            FormerAddresses = [],
            Accepts = b.Accepts, // a rule
        } == b with { Addresses = [], UnicastPeers = [], FormerAddresses = [] }
        && a.Addresses.SequenceEqual(b.Addresses)
        && a.UnicastPeers.SequenceEqual(b.UnicastPeers);

    private void TellUnset(IReadOnlyList<string> settings)
    {
        foreach (var setting in settings)
            _alarms.Raise($"sysctl {setting}", $"{setting} cannot be set");
    }

    private static long KernelEntries()
    {
        using var table = new Linux.Conntrack.ConntrackTable();
        return table.Count();
    }

    private static long? KernelMaximum() => LinkSysctl.Read("/proc/sys/net/netfilter/nf_conntrack_max");
}

/// <summary>How much of a node a change of its configuration touches.</summary>
internal enum NodeChange
{
    /// <summary>Nothing that it runs.</summary>
    None,

    /// <summary>The ruleset, in one transaction.</summary>
    Rules,

    /// <summary>More: it is started anew in the same process.</summary>
    Restart,
}
