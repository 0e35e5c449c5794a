using System.Globalization;
using Redoubt.Control;
using Redoubt.Core.Configuration;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Diagnosis;

/// <summary>Judges <see cref="DiagnosisFacts"/>: what would break a failover, before it does. Pure.</summary>
internal static class Examiner
{
    /// <summary>A clock that is further off than this makes logs of two nodes hard to compare.</summary>
    public const int ClockTolerance = 1000; // ms

    private const int ProposedIds = 5;
    private const int FullPercent = 80;
    private const int EntriesPerBucket = 4; // more and a look-up walks long chains; the kernel's own default is 1 to 4 by version
    private static readonly TimeSpan _recent = TimeSpan.FromMinutes(10);

    /// <summary>Looks at everything.</summary>
    public static Examination Examine(DiagnosisFacts facts)
    {
        List<Finding> findings = [];
        foreach (var configured in facts.Configuration.Interfaces.Where(i => Matters(facts, i)))
            Interface(facts, configured, findings);
        foreach (var vip in facts.Status.Carp.Vips)
            VirtualAddress(vip, findings);
        Peers(facts, findings);
        Sync(facts.Status, findings);
        Host(facts, findings);
        ForeignRouters(facts, findings);
        return new Examination
        {
            Findings = findings,
            Foreign = facts.Foreign,
            Free = [.. facts.Configuration.VirtualHosts.Select(h => h.Interface).Distinct().Select(name => Free(facts, name))],
        };
    }

    private static bool Matters(DiagnosisFacts facts, InterfaceConfiguration configured) =>
        facts.Configuration.VirtualHosts.Any(h => h.Interface == configured.Name)
        || facts.Configuration.Redoubt.SyncLinks.Contains(configured.Name);

    private static void Interface(DiagnosisFacts facts, InterfaceConfiguration configured, List<Finding> findings)
    {
        var check = $"interface {configured.Name}";
        var link = facts.Links.FirstOrDefault(l => l.Name == configured.Device);
        if (link.Index == 0)
        {
            findings.Add(
                new Finding(check, Verdict.Error, $"there is no device {configured.Device}: redoubt interfaces assign names another one")
            );
            return;
        }
        if (!link.IsRunning)
        {
            findings.Add(
                new Finding(check, Verdict.Error, $"{configured.Device} is {(link.IsUp ? "without carrier: look at the cable" : "down")}")
            );
            return;
        }
        var before = findings.Count;
        foreach (var own in new[] { configured.IPv4, configured.IPv6 }.OfType<AddressPrefix>())
        {
            var found = facts.Addresses.FirstOrDefault(a =>
                a.InterfaceIndex == link.Index && a.IsIPv6 == own.IsIPv6 && a.Address == own.Address
            );
            if (found.InterfaceIndex == 0)
                findings.Add(
                    new Finding(check, Verdict.Error, $"{configured.Device} has not the address {own} that the configuration says it has")
                );
            else if (found.PrefixLength != own.Length)
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Error,
                        Invariant(
                            $"{own.AddressText} is /{found.PrefixLength} on {configured.Device} and /{own.Length} in the configuration"
                        )
                    )
                );
        }
        foreach (var address in facts.Configuration.VirtualHosts.Where(h => h.Interface == configured.Name).SelectMany(h => h.Addresses))
        {
            if (
                (address.IsIPv6 ? configured.IPv6 : configured.IPv4) is { } own
                && own.Network.Contains(address.Host)
                && own.Length != address.Length
                && !address.IsHost
            )
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Warning,
                        Invariant($"the virtual address {address} has another mask than {own} in the same network")
                    )
                );
        }
        if (findings.Count == before)
            findings.Add(
                new Finding(check, Verdict.Ok, Invariant($"{configured.Device} runs, MTU {link.Mtu}, addresses and masks as configured"))
            );
    }

    private static void VirtualAddress(VipStatus vip, List<Finding> findings)
    {
        var check = Invariant($"vhid {vip.Vhid}@{vip.Interface}");
        findings.Add(
            vip.State switch
            {
                VipState.Master => new Finding(check, Verdict.Ok, "MASTER here"),
                VipState.Backup when vip.Master is { Length: > 0 } => new Finding(check, Verdict.Ok, $"BACKUP of {vip.Master}"),
                VipState.Backup => new Finding(check, Verdict.Error, "BACKUP, and no master is heard: do advertisements arrive?"),
                VipState.Disabled => new Finding(check, Verdict.Warning, "DISABLED: redoubt carp enable"),
                _ => new Finding(check, Verdict.Error, $"INIT: {vip.Reason}"),
            }
        );
    }

    private static void Peers(DiagnosisFacts facts, List<Finding> findings)
    {
        var settings = facts.Configuration.Redoubt;
        if (facts.Status.Cluster is not { } cluster)
        {
            findings.Add(
                new Finding(
                    "cluster",
                    Verdict.Warning,
                    settings.Peers.IsEmpty
                        ? "this node knows no other one: redoubt cluster init"
                        : "no heartbeats: CARP's timers decide, which takes seconds (no secret, or profile carp)"
                )
            );
            return;
        }
        // As the election names them: an interface with vhids by its name, a sync link by its place in the list.
        var paths = facts.Configuration.VirtualHosts.Select(h => h.Interface).Distinct().ToDictionary(name => name, name => name);
        for (var i = 0; i < settings.SyncLinks.Length; i++)
        {
            if (settings.Peers.Any(p => p.Addresses.Length > i))
                paths[Invariant($"sync{i + 1}")] = $"the sync link {settings.SyncLinks[i]}";
        }
        foreach (var peer in cluster.Peers)
        {
            var check = $"peer {peer.Name}";
            if (!peer.Alive)
            {
                findings.Add(new Finding(check, Verdict.Error, $"heard on no path; looked for it on {string.Join(", ", paths.Values)}"));
                continue;
            }
            if (!peer.HearsUs)
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Error,
                        "is heard and does not hear this node: one direction is broken, or its firewall drops UDP 7241"
                    )
                );
            var missing = paths.Where(p => !peer.Paths.Contains(p.Key)).Select(p => p.Value).ToList();
            if (missing.Count > 0)
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Warning,
                        $"not heard on {string.Join(", ", missing)}: does the switch pass multicast there, and is it the same network?"
                    )
                );
            if (peer.ClockOffsetMs is { } offset && Math.Abs(offset) > ClockTolerance)
                findings.Add(new Finding(check, Verdict.Warning, Invariant($"its clock is {offset} ms off ours: run NTP on both")));
            if (peer.Version is { } version && version != facts.Status.Version.Split('+')[0])
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Warning,
                        $"runs version {version}, this node {facts.Status.Version.Split('+')[0]}: update the older one"
                    )
                );
            if (peer.HearsUs && missing.Count == 0)
                findings.Add(
                    new Finding(
                        check,
                        Verdict.Ok,
                        Invariant($"heard on {string.Join(", ", peer.Paths)} and hears us; there and back {peer.RoundTripMs ?? 0:F1} ms")
                    )
                );
        }
    }

    private static void Sync(NodeStatus status, List<Finding> findings)
    {
        if (!status.StateSync.Enabled)
            findings.Add(new Finding("state sync", Verdict.Warning, "off: connections break at a failover (hasync/pfsyncenabled)"));
        foreach (var peer in status.StateSync.Peers)
            findings.Add(
                new Finding(
                    "state sync",
                    peer.InSync ? Verdict.Ok : Verdict.Error,
                    $"{peer.Address}: {(peer.InSync ? "in sync" : peer.Alive ? $"not in sync, bulk {peer.Bulk}" : "silent")}"
                )
            );
        foreach (var peer in status.ConfigSync.Peers)
            findings.Add(
                new Finding(
                    "config sync",
                    peer.InSync ? Verdict.Ok
                        : peer.Error is null ? Verdict.Warning
                        : Verdict.Error,
                    $"{peer.Address}: {(peer.InSync ? "the same configuration, read back" : peer.Error ?? "not read back yet")}"
                )
            );
    }

    private static void Host(DiagnosisFacts facts, List<Finding> findings)
    {
        foreach (var (path, wanted, found) in facts.Sysctls)
            findings.Add(
                found is { } value
                    ? new Finding("sysctl", Verdict.Error, Invariant($"{path} is {value}, needed is {wanted}: what sets it back?"))
                    : new Finding("sysctl", Verdict.Warning, Invariant($"{path} is not there, needed is {wanted}"))
            );
        if (facts.Sysctls.Count == 0)
            findings.Add(new Finding("sysctl", Verdict.Ok, "all as needed"));
        if (facts.GateIsOwned is { } owned)
            findings.Add(
                owned
                    ? new Finding("address gate", Verdict.Ok, "loaded, and this kernel protects it from others")
                    : new Finding(
                        "address gate",
                        Verdict.Warning,
                        "loaded; this kernel lets \"nft flush ruleset\" take it away for a moment (Linux 6.9 does not)"
                    )
            );
        if (facts.MaxEntries is not { } max)
            findings.Add(new Finding("connections", Verdict.Warning, "the limit of connection tracking cannot be read"));
        else if (facts.Entries * 100 >= max * FullPercent)
            findings.Add(
                new Finding(
                    "connections",
                    Verdict.Error,
                    Invariant($"{facts.Entries} of {max} entries: raise nf_conntrack_max on all nodes")
                )
            );
        else if (facts.Buckets is { } buckets && max > buckets * EntriesPerBucket)
            findings.Add(
                new Finding(
                    "connections",
                    Verdict.Warning,
                    Invariant($"{max} entries share {buckets} buckets: raise nf_conntrack_buckets to {max / EntriesPerBucket} or more")
                )
            );
        else
            findings.Add(
                new Finding("connections", Verdict.Ok, Invariant($"{facts.Entries} of {max} entries; the other nodes need the same limit"))
            );
    }

    private static void ForeignRouters(DiagnosisFacts facts, List<Finding> findings)
    {
        foreach (var foreign in facts.Foreign.Where(f => facts.Now - f.LastHeard < _recent))
        {
            var isOurs = facts.Configuration.VirtualHosts.Any(h => SharesMac(h, foreign));
            findings.Add(
                new Finding(
                    Invariant($"{foreign.Protocol} {foreign.Id}@{foreign.Interface}"),
                    isOurs ? Verdict.Error : Verdict.Ok,
                    isOurs
                        ? $"{foreign.Address} uses an id of ours, and so the same virtual MAC: change one of them"
                        : $"used by {foreign.Address}"
                )
            );
        }
    }

    // VRRP for IPv6 has virtual MACs of its own: the same id in the other family disturbs nobody.
    private static bool SharesMac(VirtualHostConfiguration host, ForeignRouter foreign) =>
        host.Interface == foreign.Interface
        && host.Vhid == foreign.Id
        && host.IsVrrp6 == (foreign.Protocol == "vrrp" && foreign.Address.Contains(':', StringComparison.Ordinal));

    private static FreeIds Free(DiagnosisFacts facts, string name)
    {
        var used = facts
            .Configuration.VirtualHosts.Where(h => h.Interface == name)
            .Select(h => (int)h.Vhid)
            .Concat(facts.Foreign.Where(f => f.Interface == name).Select(f => f.Id))
            .ToHashSet();
        return new FreeIds(name, [.. Enumerable.Range(1, 255).Where(i => !used.Contains(i)).Take(ProposedIds)]);
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
