using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Linux;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;

namespace Redoubt.Daemon.Election;

/// <summary>News of the kernel, and what is done by the clock: the wanted state is compared with the kernel's and repaired.</summary>
internal sealed partial class ElectionLoop
{
    private void HearNews(Instant now)
    {
        if (_poller.IsReadable(_wakeSlot))
            _wake.Drain();
        if (_poller.IsReadable(_tableSlot) && _tables.TookAway(AddressGate.Table, _gate.Port))
            RestoreGate(now);
        if (!_poller.IsReadable(_linkSlot))
            return;
        var addressesChanged = false;
        while (_links.TryRead(out var news))
        {
            switch (news.Kind)
            {
                case LinkNewsKind.Link or LinkNewsKind.LinkGone:
                    HearLink(news.Link, news.Kind == LinkNewsKind.LinkGone, now);
                    break;
                case LinkNewsKind.Overrun:
                    HearAllLinks(now);
                    addressesChanged = true;
                    break;
                default:
                    addressesChanged |= HearAddress(news, now);
                    break;
            }
        }
        if (addressesChanged)
            ReadAddresses(repair: false);
    }

    private void RestoreGate(Instant now)
    {
        var errno = _gate.Load(now);
        if (errno.IsSuccess)
        {
            _reports.Alarms.Raise("gate-flushed", "the address gate was deleted by somebody else and is loaded again");
            _gateRestored = now;
        }
        else
        {
            _reports.Alarms.Raise("gate", $"the address gate was deleted and cannot be loaded: {errno}", Events.AlarmSeverity.Failed);
        }
    }

    private Instant _gateRestored = Instant.Never;

    private void HearLink(in LinkInfo link, bool gone, Instant now)
    {
        foreach (var port in _ports)
        {
            if (port.Link.Index != link.Index)
                continue;
            var was = port.IsUsable;
            var moved = !gone && port.Link.Mac != link.Mac;
            if (!gone)
                port.Link = link;
            foreach (var host in _hosts)
            {
                if (moved && host.UsesRealMac && ReferenceEquals(host.Port, port) && host.IsMaster)
                    host.StartAnnouncements(now);
            }
            port.IsGone = gone;
            port.NoteCarrier(now);
            if (was != port.IsUsable)
                LinkChanged(port, now);
            TellFlapping(port);
        }
        foreach (var host in _hosts)
        {
            if (host.Device.Index == link.Index && gone && !host.Port.IsGone && !host.UsesRealMac)
                RestoreDevice(host, now);
        }
    }

    private void HearAllLinks(Instant now)
    {
        var links = _route.Links();
        foreach (var port in _ports)
        {
            var index = port.Link.Index;
            var link = links.FirstOrDefault(l => l.Index == index);
            HearLink(link.Index == 0 ? port.Link : link, link.Index == 0, now);
        }
        HashSet<int> present = [.. links.Select(l => l.Index)];
        foreach (var host in _hosts)
        {
            if (!host.Port.IsGone && !present.Contains(host.Device.Index) && !host.UsesRealMac)
                RestoreDevice(host, now);
        }
    }

    // Down: at once. Up: listening at once, but demoted a little longer, against cables that flap.
    private void LinkChanged(ElectionPort port, Instant now)
    {
        var reason = $"link {port.Name} down";
        _coordinator?.SetSegment(_ports.IndexOf(port), port.IsUsable, now);
        if (port.IsUsable)
        {
            port.ForgivenAt = _ledger.Has(reason) ? now + _linkHoldDown : Instant.Never;
        }
        else
        {
            port.ForgivenAt = Instant.Never;
            SetDemotion(reason, Core.Failover.DemotionLedger.FullDemotion, now);
        }
        foreach (var host in _hosts)
        {
            if (ReferenceEquals(host.Port, port))
                Ready(host, now);
        }
    }

    private void TellFlapping(ElectionPort port)
    {
        if (port.Damping.IsFlapping)
            _reports.Alarms.Raise(FlapAlarm(port), $"the link of {port.Name} comes and goes: it counts as down until it stays");
        else
            _reports.Alarms.Clear(FlapAlarm(port));
    }

    private static string FlapAlarm(ElectionPort port) => $"link-flaps {port.Name}";

    private void Ready(ElectionHost host, Instant now) =>
        host.Add(host.Port.IsUsable && _enabled ? host.Machine.OnReady(now) : host.Machine.OnNotReady(now));

    private void RestoreDevice(ElectionHost host, Instant now)
    {
        host.Device = VirtualMacDevice.Ensure(_route, host.Port.Link.Index, host.Configuration.Vhid, host.Configuration.IsVrrp6);
        _gate.Rebind(host.Member, host.Device.Index);
        var errno = _gate.Load(now);
        if (!errno.IsSuccess)
        {
            _reports.Alarms.Raise("gate", $"the kernel refused the address gate: {errno}", Events.AlarmSeverity.Failed);
            return;
        }
        _route.SetUp(host.Device.Index, true);
        _reports.Events.Add(Redoubt.Control.EventKind.Config, $"device {host.Device.Name} was deleted by somebody else and is back");
        host.Routes.Clear(); // the kernel took them with the device
        host.RepairAt = now;
        if (host.IsMaster)
            host.StartAnnouncements(now);
    }

    // True where it concerns the nodes' own addresses on a port.
    private bool HearAddress(in LinkNews news, Instant now)
    {
        foreach (var host in _hosts)
        {
            // On the parent others have addresses, too.
            if (host.Device.Index != news.Address.InterfaceIndex || (host.UsesRealMac && !Wants(host, news.Address)))
                continue;
            var present = news.Kind == LinkNewsKind.Address;
            if (present != host.HoldsAddresses && host.RepairAt == Instant.Never)
                host.RepairAt = now + _repairDelay;
            return false;
        }
        foreach (var port in _ports)
        {
            if (port.Link.Index == news.Address.InterfaceIndex)
                return true;
        }
        return false;
    }

    // One dump for all: the ports' own addresses and, where asked, what stands on the macvlans.
    private void ReadAddresses(bool repair)
    {
        var addresses = _route.Addresses();
        foreach (var port in _ports)
            port.SetAddresses(addresses);
        foreach (var host in _hosts)
            FollowNetworks(host);
        if (!repair)
            return;
        var byDevice = addresses.ToLookup(a => a.InterfaceIndex);
        foreach (var host in _hosts)
            Repair(host, host.UsesRealMac ? byDevice[host.Device.Index].Where(a => Wants(host, a)) : byDevice[host.Device.Index]);
    }

    // The addresses are those of its device.
    private void Repair(ElectionHost host, IEnumerable<AddressInfo> addresses)
    {
        host.RepairAt = Instant.Never;
        var repaired = 0;
        foreach (var address in addresses)
        {
            if (host.HoldsAddresses && Wants(host, address))
                continue;
            _route.RemoveAddress(host.Device.Index, address.Address, address.IsIPv6, address.PrefixLength);
            repaired++;
        }
        if (host.HoldsAddresses)
        {
            foreach (var wanted in host.Configuration.Addresses)
            {
                if (addresses.Any(a => Same(a, wanted)))
                    continue;
                repaired++;
                AddAddresses(host, "repair");
                host.StartAnnouncements(BootClock.Now);
                break;
            }
        }
        if (repaired > 0 && _thread is { IsAlive: true })
            _reports.Events.Add(
                Redoubt.Control.EventKind.Config,
                $"addresses on {host.Device.Name} were changed by somebody else and are as they should be again"
            );
    }

    private static bool Wants(ElectionHost host, AddressInfo address) => host.Configuration.Addresses.Any(a => Same(address, a));

    private static bool Same(in AddressInfo present, in AddressPrefix wanted) =>
        present.Address == wanted.Address && present.IsIPv6 == wanted.IsIPv6 && present.PrefixLength == wanted.Length;

    private void Housekeep(Instant now)
    {
        RepeatAnnouncements(now);
        foreach (var port in _ports)
        {
            if (now >= port.Damping.Deadline)
            {
                port.Damping.OnTurn(now);
                LinkChanged(port, now);
                TellFlapping(port);
            }
            if (now >= port.ForgivenAt)
            {
                port.ForgivenAt = Instant.Never;
                ClearDemotion($"link {port.Name} down", now);
            }
            if (now >= port.QuietAt)
            {
                port.QuietAt = Instant.Never;
                foreach (var alarm in port.Alarms)
                    _reports.Alarms.Clear(alarm);
                port.Alarms.Clear();
            }
        }
        if (now >= _preemptAt)
        {
            _preemptAt = Instant.Never;
            foreach (var host in _hosts)
                host.Machine.Preempt = true;
        }
        if (now >= _nextRefresh)
        {
            _nextRefresh = now + _addressRefresh;
            _refreshed = 0;
        }
        ProbeSending(now);
        Defend(now);
        RefreshAddresses();
        Reconcile(now);
    }

    private void Reconcile(Instant now)
    {
        if (now >= _nextReconcile)
        {
            _nextReconcile = now + _reconcilePeriod;
            HearAllLinks(now);
            ReadAddresses(repair: true);
            if (_gateRestored != Instant.Never && now - _gateRestored > _alarmPeriod)
            {
                _gateRestored = Instant.Never;
                _reports.Alarms.Clear("gate-flushed");
            }
            return;
        }
        foreach (var host in _hosts)
        {
            if (now < host.RepairAt)
                continue;
            ReadAddresses(repair: true);
            return;
        }
    }
}
