using System.Net.Sockets;
using Redoubt.Core;
using Redoubt.Core.Neighbours;
using Redoubt.Daemon.Neighbours;

namespace Redoubt.Daemon.Election;

/// <summary>Others that claim an address which this node holds: neighbours are told again where it is, and the operator who it was.</summary>
internal sealed partial class ElectionLoop
{
    /// <summary>The devices on which others' claims are to be heard, with the addresses that are meant.</summary>
    public IReadOnlyList<WatchedPort> WatchedPorts =>
        [
            .. _ports.Select(port => new WatchedPort(
                port.Name,
                port.Link.Index,
                _hosts
                    .Where(h => ReferenceEquals(h.Port, port))
                    .SelectMany(h => h.Configuration.Addresses.Select(a => (Key: (a.Address, a.IsIPv6), h.Member)))
                    .DistinctBy(p => p.Key)
                    .ToDictionary(p => p.Key, p => p.Member)
            )),
        ];

    /// <summary>Somebody's frame claims an address of a vhid; from any thread, without waiting.</summary>
    public void PostClaim(int member, NeighbourClaim claim)
    {
        if (_commands.Count >= CommandLimit)
            return; // it will be claimed again
        Post(now =>
        {
            var host = _hosts[member];
            if (!host.IsMaster)
                return;
            host.LastClaim = claim;
            host.Defence.OnClaim(now);
        });
    }

    private void Defend(Instant now)
    {
        foreach (var host in _hosts)
        {
            if (now < host.Defence.Deadline)
                continue;
            var was = host.Defence.IsClaimed;
            if (host.Defence.OnTurn(host.IsMaster ? host.Machine.Since : Instant.Never, now))
                host.StartAnnouncements(now);
            var alarm = ClaimAlarm(host);
            if (host.Defence.IsClaimed)
                _reports.Alarms.Raise(alarm, ClaimText(host));
            else if (was)
                _reports.Alarms.Clear(alarm);
        }
    }

    private static string ClaimAlarm(ElectionHost host) => $"claimed {host.Configuration.Interface}@{host.Configuration.Vhid}";

    private static string ClaimText(ElectionHost host)
    {
        var claim = host.LastClaim;
        var address = claim.Address.ToIPAddress(claim.IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
        return claim.Mac == host.Mac
            ? $"somebody else uses {claim.Mac} on {host.Configuration.Interface} to claim {address}, which this node holds"
            : $"{claim.Mac} claims {address} on {host.Configuration.Interface}, which this node holds";
    }
}
