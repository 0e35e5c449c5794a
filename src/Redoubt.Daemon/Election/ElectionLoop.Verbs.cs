using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;
using Redoubt.Daemon.Configuration;
using Redoubt.Linux;

namespace Redoubt.Daemon.Election;

/// <summary>What operators ask of the elections. All public members may be called from any thread.</summary>
internal sealed partial class ElectionLoop
{
    /// <summary>The ledger's entry of a planned hand-over.</summary>
    public const string FailoverReason = "failover";

    /// <summary>The ledger's entry of maintenance mode.</summary>
    public const string MaintenanceReason = "maintenance";

    // A peer that preempts does so within a packet's flight and its own thread's wake-up; one that must not preempt is told to take over.
    private static readonly TimeSpan _yieldWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _claimWait = TimeSpan.FromSeconds(2);

    /// <summary>Elections as <c>status</c> shows them.</summary>
    public CarpStatus Status(bool maintenance, string node, Func<string, string?> nameOf) =>
        Ask(now =>
        {
            var wall = DateTimeOffset.UtcNow;
            return new CarpStatus
            {
                Enabled = _enabled,
                Maintenance = maintenance,
                Demotion = _ledger.Clamped,
                Demotions = [.. _ledger.Entries.Select(d => new DemotionEntry(d.Reason, d.Amount, wall - (now - d.Since)))],
                Vips = [.. _hosts.Select(h => VipStatus(h, now, wall, node, nameOf))],
                Counters = [.. _ports.Select(p => Counters(p, _hosts.Where(h => h.Port == p)))],
            };
        });

    /// <summary>True where the kernel protects the gate's table from others.</summary>
    public bool GateIsOwned => _gate.IsOwned;

    /// <summary>Who else uses virtual router ids on our interfaces, newest first.</summary>
    public IReadOnlyList<ForeignRouter> Foreign() =>
        Ask(now =>
        {
            var wall = DateTimeOffset.UtcNow;
            List<ForeignRouter> all = [];
            foreach (var port in _ports)
            {
                foreach (var entry in port.Segment.Foreign.Entries)
                {
                    var family = entry.IsIPv6
                        ? System.Net.Sockets.AddressFamily.InterNetworkV6
                        : System.Net.Sockets.AddressFamily.InterNetwork;
                    all.Add(
                        new ForeignRouter(
                            port.Name,
                            entry.IsVrrp ? "vrrp" : "carp",
                            entry.Id,
                            entry.Source.ToIPAddress(family).ToString(),
                            wall - (now - entry.First),
                            wall - (now - entry.Last),
                            entry.Count
                        )
                    );
                }
            }
            return (IReadOnlyList<ForeignRouter>)[.. all.OrderByDescending(f => f.LastHeard)];
        });

    /// <summary>Switches all vhids off or on; not kept over a restart.</summary>
    public VerbResult Enable(bool on) =>
        Ask(now =>
        {
            if (_enabled == on)
                return VerbResult.Done(on ? "CARP is on already" : "CARP is off already");
            _enabled = on;
            foreach (var host in _hosts)
            {
                if (!on && host.IsMaster)
                    host.Add(host.Machine.OnStop(now));
                Ready(host, now);
            }
            return VerbResult.Done(on ? "CARP is on" : "CARP is off on this node; its addresses are released");
        });

    /// <summary>Enters a demotion.</summary>
    public VerbResult Demote(int amount, string reason) =>
        Ask(now =>
        {
            if (IsReserved(reason))
                return VerbResult.Refused($"the reason \"{reason}\" is the daemon's own");
            if (!SetDemotion(reason, amount, now) && !_ledger.Has(reason))
                return VerbResult.Refused($"the ledger is full: {DemotionLedger.ReasonLimit} reasons");
            return VerbResult.Done($"demoted by {amount} because of \"{reason}\"; in sum {_ledger.Clamped}");
        });

    /// <summary>Takes a demotion back.</summary>
    public VerbResult Undemote(string reason) =>
        Ask(now =>
        {
            if (IsReserved(reason))
                return VerbResult.Refused($"the reason \"{reason}\" is the daemon's own");
            return ClearDemotion(reason, now)
                ? VerbResult.Done($"no longer demoted because of \"{reason}\"; in sum {_ledger.Clamped}")
                : VerbResult.Refused($"no demotion has the reason \"{reason}\"");
        });

    /// <summary>Sets or clears one of the daemon's own demotions, from any thread, without waiting.</summary>
    public void PostDemotion(string reason, int amount)
    {
        Post(now =>
        {
            if (amount == 0)
                ClearDemotion(reason, now);
            else
                SetDemotion(reason, amount, now);
        });
    }

    /// <summary>Has this node claim nothing for so long where another one lives; from any thread, without waiting.</summary>
    public void PostAbstention(TimeSpan time) =>
        Post(now =>
        {
            foreach (var group in _coordinator?.Groups ?? [])
                group.Abstain(time, now);
        });

    /// <summary>Asks a vhid to change its state; a better master pushes it back, as BSD users expect.</summary>
    public VerbResult SetState(byte vhid, string name, string state) =>
        Ask(now =>
        {
            // One by CARP; by VRRP perhaps one for each family.
            var hosts = _hosts.FindAll(h => h.Configuration.Vhid == vhid && h.Configuration.Interface == name);
            if (hosts.Count == 0)
                return VerbResult.Refused($"there is no vhid {vhid} on {name}");
            if (hosts.TrueForAll(h => h.Machine.State == CarpState.Init))
                return VerbResult.Refused($"vhid {vhid} on {name} does not take part: {(_enabled ? "link down" : "CARP is off")}");
            if (_coordinator?.Decides(hosts[0].Group) == true)
                return SetGroupState(hosts[0], state == "master", now);
            foreach (var host in hosts)
                host.Add(host.Machine.OnOperator(state == "master" ? CarpState.Master : CarpState.Backup, now));
            return VerbResult.Done($"vhid {vhid} on {name} is {StateText(hosts[0].Machine.State)}");
        });

    // A group moves as a whole; the peer is asked, or is let to ask.
    private VerbResult SetGroupState(ElectionHost host, bool master, Instant now)
    {
        var group = _coordinator!.Groups[host.Group];
        if (master)
        {
            if (!host.IsMaster)
                group.Force();
            return VerbResult.Done(
                host.IsMaster ? $"group {group.Name} is MASTER already" : $"group {group.Name}: the master is asked to yield"
            );
        }
        if (!host.IsMaster)
            return VerbResult.Done($"group {group.Name} is not MASTER here already");
        group.Abstain(_abstention, now);
        foreach (var member in _hosts)
        {
            if (member.Group == host.Group)
                member.Add(member.Machine.OnOperator(CarpState.Backup, now));
        }
        return VerbResult.Done($"group {group.Name} is given up");
    }

    /// <summary>
    /// Gives the addresses to a peer: demoted, so that a preempting peer takes over before this node lets go; where none does, by
    /// resigning. Where nobody claims in time, everything is as before.
    /// </summary>
    public VerbResult HandOver(string reason, TimeSpan claimWait)
    {
        var (masters, others) = Ask(now =>
        {
            var held = _hosts.Count(h => h.IsMaster);
            if (held > 0)
                SetDemotion(reason, DemotionLedger.FullDemotion, now);
            return (held, _hosts.Count);
        });
        if (masters == 0)
            return VerbResult.Refused("this node holds no address: there is nothing to hand over");
        if (IsLonely())
            return VerbResult.Refused("no peer is there that could take the addresses over");
        if (WaitFor(static h => !h.IsMaster, _yieldWait))
            return VerbResult.Done($"handed over {masters} of {others} vhids");
        Ask(now =>
        {
            foreach (var host in _hosts)
            {
                _coordinator?.Groups[host.Group].Abstain(claimWait, now);
                if (host.IsMaster)
                    host.Add(host.Machine.OnOperator(CarpState.Backup, now));
            }
            return true;
        });
        var asked = BootClock.Now;
        if (WaitFor(h => h.Machine.State == CarpState.Init || (!h.IsMaster && HeardSince(h, asked)), claimWait))
            return VerbResult.Done($"handed over {masters} of {others} vhids");
        return VerbResult.Refused("no peer took the addresses over");
    }

    // With heartbeats it is known whether anybody is there; without, only trying tells.
    private bool IsLonely() =>
        Ask(now =>
            _coordinator is { Session.AnyAlive: false }
            && _hosts.TrueForAll(h => h.Virtual.ForeignHeard == Instant.Zero || now - h.Virtual.ForeignHeard > h.Machine.MasterDownTime)
        );

    /// <summary>Hands over by the operator's wish; the demotion stays until <see cref="FailBack"/> or the peer's death.</summary>
    public VerbResult Failover()
    {
        var result = HandOver(FailoverReason, _claimWait);
        if (!result.Ok)
            Ask(now => ClearDemotion(FailoverReason, now));
        return result;
    }

    /// <summary>Ends a hand-over: where this node is the better one and preemption is on, it takes the addresses back.</summary>
    public VerbResult FailBack() =>
        Ask(now =>
            ClearDemotion(FailoverReason, now)
                ? VerbResult.Done("the hand-over is taken back; the better node becomes master")
                : VerbResult.Refused("this node has handed nothing over")
        );

    /// <summary>Whether any vhid is MASTER here.</summary>
    public bool HoldsAny => Ask(_ => _hosts.Exists(h => h.IsMaster));

    private static bool IsReserved(string reason) =>
        reason is FailoverReason or MaintenanceReason or StateSyncReason or StoppingReason or OversleptReason or ConfigStore.DemotionReason
        || reason.StartsWith("link ", StringComparison.Ordinal)
        || reason.StartsWith(Checks.HealthCheckApplier.ReasonPrefix, StringComparison.Ordinal)
        || reason.StartsWith("cannot send", StringComparison.Ordinal);

    /// <summary>The ledger's entry while states are not complete.</summary>
    public const string StateSyncReason = "state sync bulk";

    /// <summary>The ledger's entry while the daemon stops.</summary>
    public const string StoppingReason = "stopping";

    // Any family, any peer: somebody advertises as master since then.
    private static bool HeardSince(ElectionHost host, Instant since) =>
        host.Virtual.Heard(ipv6: false) is { Source: not null } ipv4 && ipv4.LastHeard > since
        || host.Virtual.Heard(ipv6: true) is { Source: not null } ipv6 && ipv6.LastHeard > since;

    private bool WaitFor(Func<ElectionHost, bool> condition, TimeSpan limit)
    {
        var end = BootClock.Now + limit;
        while (true)
        {
            if (Ask(_ => _hosts.TrueForAll(h => condition(h))))
                return true;
            if (BootClock.Now >= end)
                return false;
            Thread.Sleep(2);
        }
    }

    private bool SetDemotion(string reason, int amount, Instant now)
    {
        if (!_ledger.Set(reason, amount, now))
            return false;
        _reports.Events.Add(EventKind.Demotion, $"demoted by {amount}: {reason}", reason: reason);
        SpreadDemotion(now);
        return true;
    }

    private bool ClearDemotion(string reason, Instant now)
    {
        if (!_ledger.Clear(reason))
            return false;
        _reports.Events.Add(EventKind.Demotion, $"no longer demoted: {reason}", reason: reason);
        SpreadDemotion(now);
        return true;
    }

    private void SpreadDemotion(Instant now)
    {
        _coordinator?.SetLedger(_ledger.Total);
        foreach (var host in _hosts)
            host.Add(host.Machine.OnDemotion(_ledger.Total, now));
    }

    private static CarpInterfaceCounters Counters(ElectionPort port, IEnumerable<ElectionHost> hosts)
    {
        var (carp, vrrp) = (port.Segment.Carp.Counters, port.Segment.Vrrp.Counters);
        var outcomes = Enum.GetValues<CarpRejection>().ToDictionary(CarpRejectionText.Text, r => carp[r]);
        if (hosts.Any(h => h.Virtual is VrrpVirtualHost))
        {
            foreach (var outcome in Enum.GetValues<VrrpRejection>())
                outcomes[VrrpRejectionText.Text(outcome)] = vrrp[outcome];
        }
        // CARP with an id of VRRP counts on both sides.
        var received = carp.Received + vrrp.Received - vrrp[VrrpRejection.Carp];
        return new CarpInterfaceCounters(port.Name, received, hosts.Sum(h => h.Virtual.Sent), outcomes);
    }

    private VipStatus VipStatus(ElectionHost host, Instant now, DateTimeOffset wall, string node, Func<string, string?> nameOf)
    {
        var machine = host.Machine;
        var heard = MasterHeard(host);
        return new VipStatus
        {
            Interface = host.Configuration.Interface,
            Device = host.Configuration.Device,
            Vhid = host.Configuration.Vhid,
            State = !_enabled
                ? VipState.Disabled
                : machine.State switch
                {
                    CarpState.Master => VipState.Master,
                    CarpState.Backup => VipState.Backup,
                    _ => VipState.Init,
                },
            Protocol = host.Configuration.Protocol switch
            {
                VirtualRouterProtocol.Vrrp2 => "vrrp2",
                VirtualRouterProtocol.Vrrp3 => "vrrp3",
                _ => null,
            },
            Priority = (host.Virtual as VrrpVirtualHost)?.Election.EffectivePriority,
            Mac = host.UsesRealMac ? "real" : null,
            AdvBase = host.Configuration.AdvBase,
            AdvSkew = host.Configuration.AdvSkew,
            Addresses = [.. host.Configuration.Addresses.Select(a => a.ToString())],
            Since = wall - (now - machine.Since),
            Reason =
                machine.Reason == CarpReason.Group
                    ? host.GroupText
                    : CarpReasonText.Text(machine.Reason, heard is null ? null : nameOf(heard) ?? heard, machine.Silence),
            Master =
                host.IsMaster ? node
                : machine.State == CarpState.Backup && _coordinator?.Groups[host.Group].MasterNode is > 0 and var master ? NodeName(master)
                : heard is null || machine.State != CarpState.Backup ? null
                : nameOf(heard) ?? heard,
        };
    }
}
