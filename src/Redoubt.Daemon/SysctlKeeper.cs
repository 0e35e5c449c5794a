using System.Globalization;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon;

/// <summary>
/// Kernel settings that the product relies on. What was there before is written to the state directory before the first change, so
/// that a clean stop restores it even when a predecessor was killed in between. Owned by one thread at a time.
/// </summary>
internal sealed class SysctlKeeper
{
    private const int FileLimit = 256 * 1024;
    private readonly string _file;
    private readonly Dictionary<string, int> _wanted = [];
    private readonly Dictionary<string, int> _before = [];

    public SysctlKeeper(string stateDirectory)
    {
        _file = Path.Combine(stateDirectory, "sysctls");
        foreach (var line in ReadLines())
        {
            var space = line.LastIndexOf(' ');
            if (
                space > 0
                && int.TryParse(line.AsSpan(space + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            )
                _before[line[..space]] = value;
        }
    }

    /// <summary>Wants forwarding, and what a node with virtual addresses needs of the whole stack.</summary>
    public void WantHost()
    {
        Want(LinkSysctl.Path("ipv4", "ip_forward"), 1);
        Want(LinkSysctl.Path("ipv6", "all", "forwarding"), 1);
        Want(LinkSysctl.Path("ipv4", "ip_nonlocal_bind"), 1);
        Want(LinkSysctl.Path("ipv6", "ip_nonlocal_bind"), 1);
    }

    /// <summary>Wants what tracking needs: every entry told of, and none taken up in mid-flow that the peer does not know.</summary>
    public void WantTracking()
    {
        Want("/proc/sys/net/netfilter/nf_conntrack_events", 1);
        Want("/proc/sys/net/netfilter/nf_conntrack_tcp_loose", 0);
    }

    /// <summary>
    /// Wants what keeps the device below a macvlan from answering for the virtual address with its own MAC. The stricter of
    /// "all" and the device counts for ARP; for rp_filter the larger number counts, and strict (1) must not.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="holds">Virtual addresses stand on the device itself.</param>
    public void WantParent(string device, bool holds)
    {
        // Else the kernel removes all addresses of a network together with the first of them.
        if (holds)
            Want(LinkSysctl.Path("ipv4", device, "promote_secondaries"), 1);
        Want(LinkSysctl.Path("ipv4", device, "arp_ignore"), 1);
        Want(LinkSysctl.Path("ipv4", device, "arp_announce"), 2);
        var all = LinkSysctl.Read(LinkSysctl.Path("ipv4", "all", "rp_filter"));
        if (all == 1 || LinkSysctl.Read(LinkSysctl.Path("ipv4", device, "rp_filter")) == 1)
            Want(LinkSysctl.Path("ipv4", device, "rp_filter"), 2);
        // A router ignores router advertisements at 1; who used them before goes on using them.
        if (LinkSysctl.Read(LinkSysctl.Path("ipv6", device, "accept_ra")) == 1)
            Want(LinkSysctl.Path("ipv6", device, "accept_ra"), 2);
    }

    /// <summary>Makes the former values durable, then sets the wanted ones. Returns the settings that could not be set.</summary>
    public IReadOnlyList<string> Apply()
    {
        foreach (var path in _wanted.Keys)
        {
            if (!_before.ContainsKey(path) && LinkSysctl.Read(path) is { } value)
                _before[path] = value;
        }
        StateFile.Write(_file, string.Join('\n', _before.Select(b => $"{b.Key} {b.Value.ToString(CultureInfo.InvariantCulture)}")));
        List<string> failed = [];
        foreach (var (path, value) in _wanted)
        {
            var now = LinkSysctl.Read(path);
            if (now is not null && now != value && !LinkSysctl.Write(path, value))
                failed.Add(path);
        }
        return failed;
    }

    /// <summary>Sets again what others changed; returns those settings.</summary>
    public IReadOnlyList<string> Repair()
    {
        List<string> repaired = [];
        foreach (var (path, value) in _wanted)
        {
            var now = LinkSysctl.Read(path);
            if (now is not null && now != value && LinkSysctl.Write(path, value))
                repaired.Add(path);
        }
        return repaired;
    }

    /// <summary>Settings that are not as wanted now, with what they are. From any thread, once everything is wanted.</summary>
    public IReadOnlyList<(string Path, int Wanted, int? Found)> Deviations() =>
        [.. _wanted.Select(w => (w.Key, w.Value, LinkSysctl.Read(w.Key))).Where(w => w.Item3 != w.Value)];

    /// <summary>Puts the former values back and forgets them.</summary>
    public void Restore()
    {
        foreach (var (path, value) in _before)
            LinkSysctl.Write(path, value);
        StateFile.Delete(_file);
    }

    private void Want(string path, int value) => _wanted[path] = value;

    private IEnumerable<string> ReadLines()
    {
        try
        {
            return new FileInfo(_file) is { Exists: true, Length: < FileLimit } ? File.ReadAllLines(_file) : [];
        }
        catch (IOException)
        {
            return [];
        }
    }
}
