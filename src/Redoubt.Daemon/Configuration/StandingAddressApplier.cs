using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Events;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Aliases on interfaces and on the loopback device: the node has them whatever its role. Marked as ours (IFA_PROTO 0x53); an address that somebody else set is left to
/// him. A device that is not there is no reason to refuse a configuration: an alarm says so, and <see cref="Repair"/> sets the address as soon as it can be.
/// </summary>
internal sealed class StandingAddressApplier(AlarmBoard alarms) : IConfigApplier
{
    private const string MissingAlarm = "addresses";
    private static readonly Errno _noIPv6 = new(13); // EACCES: disable_ipv6 of the device
    private readonly Lock _gate = new();
    private IReadOnlyList<StandingAddress> _wanted = [];

    /// <inheritdoc/>
    public string Name => "addresses of the node";

    /// <inheritdoc/>
    public IReadOnlyList<string> Sections { get; } = ["virtualip"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate(ConfigSnapshot? current, ConfigSnapshot next, bool applies) => [];

    /// <inheritdoc/>
    public IReadOnlyList<string> Plan(ConfigSnapshot? current, ConfigSnapshot next)
    {
        var before = current is null ? [] : StandingAddress.Of(current.Configuration);
        var after = StandingAddress.Of(next.Configuration);
        return [.. before.Except(after).Select(a => $"address removed: {a}"), .. after.Except(before).Select(a => $"address added: {a}")];
    }

    /// <inheritdoc/>
    public string? Apply(ConfigSnapshot? current, ConfigSnapshot next)
    {
        lock (_gate)
        {
            var before = _wanted;
            _wanted = StandingAddress.Of(next.Configuration);
            if (Reconcile() is not { } error)
                return null;
            _wanted = before;
            Reconcile();
            return error;
        }
    }

    /// <summary>Sets what is missing, for instance after a device came back.</summary>
    public void Repair()
    {
        lock (_gate)
        {
            if (_wanted.Count > 0)
                Reconcile();
        }
    }

    /// <summary>Removes our addresses.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _wanted = [];
            Reconcile();
        }
    }

    // What the kernel has is compared with what is wanted: a killed predecessor's addresses are adopted or removed by this.
    private string? Reconcile()
    {
        try
        {
            using var netlink = new RouteNetlink();
            var links = netlink.Links().ToDictionary(l => l.Name);
            var wanted = _wanted.Select(a => (links.GetValueOrDefault(a.Device).Index, a.Prefix)).ToHashSet();
            foreach (var left in netlink.Addresses())
            {
                if (left.Protocol == RouteMessage.StandingProtocol && !wanted.Contains((left.InterfaceIndex, Prefix(left))))
                    Remove(netlink, left, links.Values.First(l => l.Index == left.InterfaceIndex).Name);
            }
            // Read again: with the first address of a network the kernel may have taken away others.
            var present = netlink.Addresses().ToLookup(a => (a.InterfaceIndex, Prefix(a)));
            List<string> missing = [];
            foreach (var address in _wanted)
            {
                if (!links.TryGetValue(address.Device, out var link))
                {
                    missing.Add($"{address}: no such device");
                    continue;
                }
                if (present[(link.Index, address.Prefix)].Cast<AddressInfo?>().FirstOrDefault() is { } there)
                {
                    if (there.IsDuplicate)
                        missing.Add($"{address}: another host has it");
                    continue;
                }
                var errno = netlink.AddStandingAddress(link.Index, address.Prefix.Address, address.Prefix.IsIPv6, address.Prefix.Length);
                if (errno.IsSuccess)
                    Announce(link, address.Prefix);
                else if (errno == Errno.NoDevice || errno == Errno.NetworkDown || errno == Errno.NoBufferSpace || errno == _noIPv6)
                    missing.Add($"{address}: {errno}");
                else if (errno == Errno.Exists)
                    missing.Add($"{address}: it is there with another length");
                else
                    return $"{address}: {errno}";
            }
            if (missing.Count == 0)
                alarms.Clear(MissingAlarm);
            else
                alarms.Raise(MissingAlarm, $"addresses that the node should have and has not: {string.Join("; ", missing.Take(5))}");
            return null;
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }

    private static AddressPrefix Prefix(in AddressInfo address) => new(address.Address, address.IsIPv6, address.PrefixLength);

    // The first address of a network takes the others with it, those that somebody else set as well, unless the device says otherwise.
    private static void Remove(RouteNetlink netlink, in AddressInfo address, string device)
    {
        var setting = LinkSysctl.Path("ipv4", device, "promote_secondaries");
        var before = address.IsIPv6 ? null : LinkSysctl.Read(setting);
        if (before == 0)
            LinkSysctl.Write(setting, 1);
        netlink.RemoveAddress(address.InterfaceIndex, address.Address, address.IsIPv6, address.PrefixLength);
        if (before == 0)
            LinkSysctl.Write(setting, 0);
    }

    // Neighbours may know it at another MAC. IPv6: duplicate address detection comes first, and who asks meanwhile is answered after it.
    private static void Announce(in LinkInfo link, AddressPrefix address)
    {
        if (address.IsIPv6 || link.Mac == default || !link.IsRunning)
            return;
        Span<byte> frame = stackalloc byte[Announcement.ArpLength];
        Announcement.WriteArp(frame, link.Mac, address.Address, reply: false);
        using var sender = new PacketSender(link.Index);
        sender.Send(frame, 0);
    }
}
