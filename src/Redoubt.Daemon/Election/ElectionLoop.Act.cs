using System.Net.Sockets;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Linux;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon.Election;

/// <summary>What the elections decided, carried into the kernel: always release before claim.</summary>
internal sealed partial class ElectionLoop
{
    // Hundreds of vhids are carried into the kernel a slice at a time, with heartbeats between: the shortest lease lasts 24 ms.
    private static readonly TimeSpan _slice = TimeSpan.FromMilliseconds(2);
    private Instant _sliceEnd;

    private void BeginSlice() => _sliceEnd = BootClock.Now + _slice;

    private bool IsSliceSpent => BootClock.Now >= _sliceEnd;

    private void Act()
    {
        if (!AnyPending())
            return;
        Release();
        AskToYield();
        Claim();
        Advertise();
    }

    private bool AnyPending()
    {
        foreach (var host in _hosts)
        {
            if (host.Pending != CarpActions.None)
                return true;
        }
        return false;
    }

    private void Release()
    {
        var any = false;
        foreach (var host in _hosts)
        {
            if ((host.Pending & CarpActions.Release) == 0)
                continue;
            // Where another master is heard, what is still on its way here is forwarded for a moment.
            if (_drain > TimeSpan.Zero && host.Machine.Reason is CarpReason.BetterMaster or CarpReason.EqualMaster or CarpReason.Group)
            {
                _gate.Drain(host.Member);
                host.DrainEnd = BootClock.Now + _drain;
            }
            else
            {
                _gate.Revoke(host.Member);
                host.DrainEnd = Instant.Never;
            }
            host.StopAnnouncements();
            any = true;
        }
        if (any)
            CommitGate();
        foreach (var host in _hosts)
        {
            if ((host.Pending & CarpActions.Resign) != 0)
                SendResignation(host);
        }
        if (!any)
            return;
        foreach (var host in _hosts)
        {
            // A device without an address forwards nothing where the kernel filters by source: while it drains, it keeps them.
            if ((host.Pending & CarpActions.Release) != 0 && host.DrainEnd == Instant.Never)
                RemoveAddresses(host);
        }
        TellForwarding();
    }

    private void EndDrains(Instant now)
    {
        var any = false;
        foreach (var host in _hosts)
        {
            if (now < host.DrainEnd)
                continue;
            _gate.Revoke(host.Member);
            any = true;
        }
        if (!any)
            return;
        CommitGate();
        BeginSlice();
        foreach (var host in _hosts)
        {
            if (now < host.DrainEnd)
                continue;
            host.DrainEnd = Instant.Never;
            RemoveAddresses(host);
            if (IsSliceSpent)
                return;
        }
    }

    // A better node that takes over from a living master says so first and claims a moment later: so there are never two owners. What switches
    // send here from then on is forwarded already.
    private void AskToYield()
    {
        var any = false;
        var now = BootClock.Now;
        foreach (var host in _hosts)
        {
            if (!MustAsk(host))
                continue;
            _gate.Admit(host.Member, now);
            any = true;
        }
        if (!any || !CommitGate())
            return; // claiming will find out that the gate cannot be opened
        foreach (var host in _hosts)
        {
            if (!MustAsk(host))
                continue;
            AddAddresses(host, "claim");
            SendAdvertisements(host);
            host.Defer(now + _yieldTime);
        }
    }

    private static bool MustAsk(ElectionHost host) =>
        (host.Pending & CarpActions.Claim) != 0
        && host.IsMaster
        && host.Machine.Reason is CarpReason.PreemptedSlowerMaster or CarpReason.Owner
        && !host.HasAsked;

    private void Claim()
    {
        var any = false;
        var now = BootClock.Now;
        foreach (var host in _hosts)
        {
            if ((host.Pending & CarpActions.Claim) == 0)
                continue;
            _gate.Grant(host.Member, now, HeartbeatLease());
            host.DrainEnd = Instant.Never;
            any = true;
        }
        if (!any)
            return;
        TellForwarding();
        if (!CommitGate())
        {
            foreach (var host in _hosts)
            {
                if ((host.Pending & CarpActions.Claim) != 0)
                    GiveUp(host, now);
            }
            TellForwarding();
            return;
        }
        BeginSlice();
        foreach (var host in _hosts)
        {
            if ((host.Pending & CarpActions.Claim) == 0)
                continue;
            AddAddresses(host, "claim");
            host.Pending &= ~CarpActions.Claim;
            if (IsSliceSpent)
                return;
        }
    }

    private void Advertise()
    {
        BeginSlice();
        foreach (var host in _hosts)
        {
            if ((host.Pending & CarpActions.Claim) != 0)
                continue; // its addresses come first, in a later turn
            var pending = host.Pending;
            host.Pending = CarpActions.None;
            if (!host.IsMaster || (pending & (CarpActions.Announce | CarpActions.Advertise)) == 0)
                continue;
            var now = BootClock.Now;
            if ((pending & CarpActions.Announce) != 0)
                host.StartAnnouncements(now);
            if ((pending & CarpActions.Advertise) != 0 && _gate.IsGranted(host.Member))
                SendAdvertisements(host);
            if (host.TakeAnnouncement(now))
                Announce(host);
            if (IsSliceSpent)
                return;
        }
    }

    private void RepeatAnnouncements(Instant now)
    {
        BeginSlice();
        foreach (var host in _hosts)
        {
            if (!host.IsMaster || host.Pending != CarpActions.None || !host.TakeAnnouncement(now))
                continue;
            Announce(host);
            if (IsSliceSpent)
                return;
        }
    }

    // Addresses end by themselves unless they are set again: the second line behind the gate.
    private void RefreshAddresses()
    {
        BeginSlice();
        while (_refreshed < _hosts.Count && !IsSliceSpent)
        {
            var host = _hosts[_refreshed++];
            if (host.HoldsAddresses)
                AddAddresses(host, "refresh");
        }
    }

    private int _refreshed = int.MaxValue;

    private void TellTransitions()
    {
        var any = false;
        foreach (var host in _hosts)
        {
            var machine = host.Machine;
            if (machine.State == host.Told)
            {
                if (host.IsTold)
                    continue;
                TellRole(host);
                any = true;
                continue;
            }
            var (from, to) = (StateText(host.Told), StateText(machine.State));
            host.Told = machine.State;
            _reports.Events.Transition(host.Configuration.Interface, host.Configuration.Vhid, from, to, ReasonText(host), EpochOf(host));
            TellRole(host);
            any = true;
            if (machine.State == CarpState.Master && (machine.Reason == CarpReason.MasterTimedOut || MasterDied(host)))
                _failoverEnded = true;
        }
        TellGroupRoles(any);
        if (_failoverEnded)
        {
            // The node that took over has died: the hand-over is history, this node is as good as before.
            _failoverEnded = false;
            ClearDemotion(FailoverReason, BootClock.Now);
        }
    }

    private bool MasterDied(ElectionHost host) =>
        host.Machine.Reason == CarpReason.Group
        && _coordinator?.Groups[host.Group].Reason is GroupReason.MasterDied or GroupReason.MasterLeft;

    private bool _failoverEnded;

    private void TellForwarding()
    {
        var forwarding = false;
        foreach (var host in _hosts)
            forwarding |= host.IsMaster;
        if (forwarding == _forwarding)
            return;
        _forwarding = forwarding;
        _reports.ForwardingChanged(forwarding);
    }

    private bool CommitGate()
    {
        var errno = _gate.Commit(BootClock.Now);
        if (errno.IsSuccess)
        {
            _reports.Alarms.Clear("gate");
            return true;
        }
        _reports.Alarms.Raise("gate", $"the kernel refused the address gate: {errno}", Events.AlarmSeverity.Failed);
        return false;
    }

    // Without an open gate nothing that we claim would be heard of.
    private void GiveUp(ElectionHost host, Instant now)
    {
        _gate.Revoke(host.Member);
        host.Machine.OnLeaseLost(now);
        host.Pending = CarpActions.None;
        _coordinator?.Groups[host.Group].Abstain(_abstention, now);
    }

    private void SendAdvertisements(ElectionHost host)
    {
        var demoted = host.Virtual.IsDemoted;
        // Where heartbeats renew the lease, an advertisement only uses it: it would make the lease longer than peers wait.
        var renews = HeartbeatLease() is null;
        var mark = renews ? GateMark.Renew(host.Group, demoted) : GateMark.Announce(host.Group);
        var now = BootClock.Now; // before the frame leaves: the kernel's lease ends a little later than ours
        (_tried, _refused) = (false, false);
        var sent = false;
        // First what a peer understands that was not changed yet: it then knows whose the other one is.
        if (host.Virtual.SendsFormer(now))
        {
            sent |= SendAdvertisement(host, ipv6: false, resign: false, mark, former: true);
            sent |= SendAdvertisement(host, ipv6: true, resign: false, mark, former: true);
        }
        sent |= SendAdvertisement(host, ipv6: false, resign: false, mark);
        sent |= SendAdvertisement(host, ipv6: true, resign: false, mark);
        if (sent && renews)
            _gate.Renewed(host.Group, now, demoted);
        if (_tried && host.Sending.OnSent(!_refused, now))
            TellSending(host.Port, now);
    }

    private bool SendAdvertisement(ElectionHost host, bool ipv6, bool resign, uint mark, bool former = false)
    {
        if (!host.Virtual.Has(ipv6) || !TryFirstAddress(host, ipv6, out var address))
            return false;
        if (!host.Port.TryGetSource(ipv6, host.Port.First(ipv6) ?? address, out var source))
        {
            _reports.Alarms.Raise(
                $"carp-source {host.Port.Name}",
                $"{host.Port.Link.Name} has no IPv6 link-local address: no IPv6 advertisement can be sent"
            );
            return false;
        }
        if (host.Virtual.Peers(ipv6).Count > 0)
            return SendToPeers(host, ipv6, source, resign, mark, former);
        var length = host.Virtual.WriteFrame(
            _frame,
            ipv6,
            host.Mac,
            source,
            ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4,
            ipv6 ? CarpFrame.GroupMacIPv6 : CarpFrame.GroupMacIPv4,
            resign,
            former
        );
        return SendCounted(host.Port, length, mark);
    }

    // The packets leave only while the lease lives; a frame that needs no neighbour prolongs it.
    private bool SendToPeers(ElectionHost host, bool ipv6, IpAddressValue linkLocalOrFirst, bool resign, uint mark, bool former)
    {
        var any = false;
        foreach (var peer in host.Virtual.Peers(ipv6))
        {
            var source = ipv6 && host.Port.TryGetGlobalSource(peer, out var global) ? global : linkLocalOrFirst;
            var length = host.Virtual.WriteFrame(_frame, ipv6, default, source, peer, default, resign, former);
            any |= host.Port.SendTo(_frame.AsSpan(0, length), ipv6, peer, resign ? mark : GateMark.Announce(host.Group));
        }
        if (resign)
            return any;
        var proof = LeaseProof.Write(_frame, host.Port.Link.Mac);
        return SendCounted(host.Port, proof, mark);
    }

    // CARP: advbase and advskew 255, and every backup takes over at once. VRRP: priority 0, and the best one does after its skew.
    private void SendResignation(ElectionHost host)
    {
        SendAdvertisement(host, ipv6: false, resign: true, GateMark.Resign);
        SendAdvertisement(host, ipv6: true, resign: true, GateMark.Resign);
        if (!host.Virtual.SendsFormer(BootClock.Now))
            return;
        SendAdvertisement(host, ipv6: false, resign: true, GateMark.Resign, former: true);
        SendAdvertisement(host, ipv6: true, resign: true, GateMark.Resign, former: true);
    }

    private static bool TryFirstAddress(ElectionHost host, bool ipv6, out Core.Configuration.AddressPrefix address)
    {
        foreach (var candidate in host.Configuration.Addresses)
        {
            if (candidate.IsIPv6 != ipv6)
                continue;
            address = candidate;
            return true;
        }
        address = default;
        return false;
    }

    private void Announce(ElectionHost host)
    {
        var mac = host.Mac;
        var mark = GateMark.Announce(host.Group);
        foreach (var address in host.Configuration.Addresses)
        {
            if (address.IsIPv6)
            {
                var length = Announcement.WriteNeighbourAdvertisement(_frame, mac, address.Address, address.Address, router: true);
                host.Port.Send(_frame.AsSpan(0, length), mark);
                continue;
            }
            for (var reply = 0; reply < 2; reply++)
            {
                var length = Announcement.WriteArp(_frame, mac, address.Address, reply == 1);
                host.Port.Send(_frame.AsSpan(0, length), mark);
            }
        }
    }

    private void AddAddresses(ElectionHost host, string why)
    {
        host.HoldsAddresses = true;
        foreach (var address in host.Configuration.Addresses)
        {
            var errno = _route.AddAddress(
                host.Device.Index,
                address.Address,
                address.IsIPv6,
                address.Length,
                _addressLifetime,
                preferred: !host.UsesRealMac // beside the node's own address: its connections are to come from that one
            );
            if (!errno.IsSuccess)
                _reports.Alarms.Raise($"address {address}", $"cannot add {address} to {host.Device.Name} ({why}): {errno}");
        }
        FollowNetworks(host);
    }

    private void RemoveAddresses(ElectionHost host)
    {
        host.HoldsAddresses = false;
        foreach (var address in host.Configuration.Addresses)
            _route.RemoveAddress(host.Device.Index, address.Address, address.IsIPv6, address.Length);
        FollowNetworks(host);
    }

    private static string StateText(CarpState state) =>
        state switch
        {
            CarpState.Master => "MASTER",
            CarpState.Backup => "BACKUP",
            _ => "INIT",
        };

    private static string ReasonText(ElectionHost host)
    {
        var machine = host.Machine;
        if (machine.Reason == CarpReason.Group)
            return host.GroupText;
        return CarpReasonText.Text(machine.Reason, MasterHeard(host), machine.Silence);
    }

    private static string? MasterHeard(ElectionHost host)
    {
        var (ipv4, ipv6) = (host.Virtual.Heard(ipv6: false), host.Virtual.Heard(ipv6: true));
        if (ipv4.Source is { } source4 && (ipv6.Source is null || ipv4.LastHeard >= ipv6.LastHeard - host.Machine.MasterDownTime))
            return source4.ToIPAddress(AddressFamily.InterNetwork).ToString();
        return ipv6.Source?.ToIPAddress(AddressFamily.InterNetworkV6).ToString();
    }
}
