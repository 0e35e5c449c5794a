using System.Collections.Immutable;
using Redoubt.Core.Vrrp;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads virtualip/vip and joins the entries of one vhid.</summary>
internal sealed class VirtualAddressReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    IReadOnlyDictionary<string, VipOptions> options
)
{
    private readonly List<(ConfigElement Element, VirtualAddress Address)> _read = [];
    private readonly AddressBlockReader _blocks = new(problems);

    public ImmutableArray<VirtualAddress> Addresses => [.. _read.Select(r => r.Address)];

    public ImmutableArray<VirtualHostConfiguration> Hosts { get; private set; } = [];

    public void Read(ConfigElement? section)
    {
        var entries = section?.All("vip").ToList() ?? [];
        if (entries.Count > ConfigurationLimits.VirtualAddresses)
        {
            problems.Error(section!, "there are too many virtual addresses", "at most 2000");
            return;
        }
        var uniqIds = new HashSet<string>();
        foreach (var entry in entries)
        {
            if (ReadOne(entry) is not { } address)
                continue;
            if (address.UniqId.Length > 0 && !uniqIds.Add(address.UniqId))
                problems.Error(
                    entry.First("uniqid")!,
                    $"uniqid {Quote(address.UniqId)} occurs more than once",
                    "one of its own for each entry"
                );
            _read.Add((entry, address));
        }
        ResolveStacked();
        CheckDuplicates();
        Hosts = Join();
        _blocks.CheckHosts(_read, Hosts);
    }

    private VirtualAddress? ReadOne(ConfigElement entry)
    {
        if (entry.Value("mode", problems).Length == 0)
            problems.Error(entry.First("mode") ?? entry, "the mode is missing", "carp, ipalias, proxyarp, other");
        var mode = entry.Word(
            "mode",
            problems,
            ("carp", VirtualAddressMode.Carp),
            ("ipalias", VirtualAddressMode.IpAlias),
            ("proxyarp", VirtualAddressMode.ProxyArp),
            ("other", VirtualAddressMode.Other)
        );
        var where = Interface(entry, mode);
        var block =
            mode is VirtualAddressMode.ProxyArp or VirtualAddressMode.Other ? _blocks.Read(entry)
            : Prefix(entry) is { } one ? (one, AddressRange.Of(one.Host))
            : null;
        var address = new VirtualAddress
        {
            Mode = mode,
            Interface = where ?? "",
            Prefix = block?.Prefix ?? default,
            Range = block?.Range ?? default,
            Description = entry.Value("descr", problems),
            UniqId = UniqId(entry),
            Line = entry.Line,
        };
        if (mode == VirtualAddressMode.Carp)
            address = ReadElection(entry, address);
        if (where is null || block is null)
            return null;
        if (mode == VirtualAddressMode.ProxyArp)
            _blocks.CheckProxied(entry, address);
        if (mode == VirtualAddressMode.Carp)
            CheckSubnet(entry, address);
        return address;
    }

    private VirtualAddress ReadElection(ConfigElement entry, VirtualAddress address)
    {
        var vhid = entry.Number("vhid", 1, 255, 0, problems);
        if (vhid == 0 && entry.Value("vhid", problems).Length == 0)
            problems.Error(entry.First("vhid") ?? entry, "the vhid is missing", "a number from 1 to 255");
        var chosen = options.GetValueOrDefault(FormattableString.Invariant($"{address.Interface}@{vhid}"));
        var password = new Secret(entry.Single("password", problems)?.Text ?? "");
        if (password.IsEmpty && (chosen?.Protocol ?? VirtualRouterProtocol.Carp) == VirtualRouterProtocol.Carp)
            problems.Error(entry.First("password") ?? entry, "the password is missing", "the same text on every node");
        if (System.Text.Encoding.UTF8.GetByteCount(password.Text ?? "") > 19)
            problems.Warn(entry.First("password")!, "BSD peers use only the first 19 bytes of a password", "at most 19 bytes");
        if (chosen?.Protocol == VirtualRouterProtocol.Vrrp2 && address.IsIPv6)
            problems.Error(entry, "VRRP version 2 has no IPv6", "protocol carp or vrrp3");
        return address with
        {
            Vhid = (byte)vhid,
            AdvBase = (byte)entry.Number("advbase", 1, 255, 1, problems),
            AdvSkew = (byte)entry.Number("advskew", 0, 254, 0, problems),
            Password = password,
            Protocol = chosen?.Protocol ?? VirtualRouterProtocol.Carp,
            UsesRealMac = chosen?.UsesRealMac ?? false,
            UnicastPeers = chosen?.Peers ?? [],
        };
    }

    private string? Interface(ConfigElement entry, VirtualAddressMode mode)
    {
        var element = entry.Single("interface", problems);
        var name = element?.Value(problems) ?? "";
        if (name.Length == 0)
        {
            problems.Error(element ?? entry, "the interface is missing", "a name from <interfaces>");
            return null;
        }
        if (mode == VirtualAddressMode.IpAlias && name.StartsWith("_vip", StringComparison.Ordinal))
            return name;
        if (mode is VirtualAddressMode.IpAlias or VirtualAddressMode.Other && name == StandingAddress.Loopback)
            return name;
        if (interfaces.Any(i => i.Name == name))
            return name;
        problems.Error(element!, $"there is no interface {Quote(name)}", "a name from <interfaces>");
        return null;
    }

    private AddressPrefix? Prefix(ConfigElement entry)
    {
        if (entry.Value("subnet", problems).Length == 0)
        {
            problems.Error(entry.First("subnet") ?? entry, "the address is missing", "an IPv4 or IPv6 address in <subnet>");
            return null;
        }
        if (entry.Address("subnet", problems) is not { } host)
            return null;
        var at = entry.First("subnet")!;
        var length = entry.Number("subnet_bits", 1, host.MaxLength, -1, problems);
        if (length < 0)
        {
            if (entry.Value("subnet_bits", problems).Length == 0)
                problems.Error(
                    entry.First("subnet_bits") ?? entry,
                    "the prefix length is missing",
                    FormattableString.Invariant($"a number from 1 to {host.MaxLength}")
                );
            return null;
        }
        var prefix = host with { Length = length };
        if (!IsUsable(host))
            problems.Error(at, $"{host.AddressText} is not an address a node can have", "a unicast address");
        else if (length < host.MaxLength - 1 && !host.IsIPv6 && (prefix.Network.Address == host.Address || IsBroadcast(prefix)))
            problems.Error(at, $"{host.AddressText} is the network or broadcast address of {prefix.Network}", "a host's address");
        return prefix;
    }

    private string UniqId(ConfigElement entry)
    {
        var element = entry.Single("uniqid", problems);
        var id = element?.Value(problems) ?? "";
        if (id.Length <= 32 && id.All(char.IsAsciiLetterOrDigit))
            return id;
        problems.Error(element!, $"{Quote(id)} is no uniqid", "up to 32 letters and digits");
        return "";
    }

    // An address outside the interface's network is unreachable for everybody on the link; an alias with that network makes it reachable.
    private void CheckSubnet(ConfigElement entry, VirtualAddress vip)
    {
        var own = interfaces.First(i => i.Name == vip.Interface);
        if ((vip.IsIPv6 ? own.IPv6 : own.IPv4) is not { } network || vip.Prefix.IsLinkLocal)
            return;
        if (network.Network.Contains(vip.Prefix.Host))
        {
            if (vip.PrefixLength != network.Length && !vip.Prefix.IsHost)
                problems.Error(
                    entry.First("subnet_bits")!,
                    FormattableString.Invariant($"the prefix length {vip.PrefixLength} differs from {own.Name}'s"),
                    FormattableString.Invariant($"{network.Length} or {network.MaxLength}")
                );
        }
        else if (!IsCoveredByAlias(entry, vip))
            problems.Error(
                entry.First("subnet")!,
                $"{vip.Prefix.AddressText} is not in {own.Name}'s network",
                $"an address in {network.Network}, or an ipalias with its network on {own.Name}"
            );
    }

    private static bool IsCoveredByAlias(ConfigElement entry, VirtualAddress vip) =>
        entry
            .Parent!.All("vip")
            .Any(other =>
                other.First("mode")?.Text == "ipalias"
                && other.First("interface")?.Text == vip.Interface
                && AddressPrefix.TryParse($"{other.First("subnet")?.Text}/{other.First("subnet_bits")?.Text}", out var alias)
                && alias.Network.Contains(vip.Prefix.Host)
            );

    private void ResolveStacked()
    {
        var carp = _read
            .Where(r => r.Address.Mode == VirtualAddressMode.Carp && r.Address.UniqId.Length > 0)
            .ToLookup(r => r.Address.UniqId, r => r.Address);
        for (var i = 0; i < _read.Count; i++)
        {
            var (element, alias) = _read[i];
            if (!alias.Interface.StartsWith("_vip", StringComparison.Ordinal))
                continue;
            var uniqId = alias.Interface[4..];
            if (carp[uniqId].FirstOrDefault() is not { } parent)
            {
                problems.Error(
                    element.First("interface")!,
                    $"there is no CARP address with uniqid {Quote(uniqId)}",
                    "_vip and the uniqid of a CARP address"
                );
                continue;
            }
            if (
                !_read.Any(r =>
                    r.Address.Mode == VirtualAddressMode.Carp && Member(r.Address) == Member(parent) && r.Address.IsIPv6 == alias.IsIPv6
                )
            )
                problems.Error(
                    element.First("subnet")!,
                    "the alias and its CARP address are of different families",
                    "an address of the parent's family"
                );
            _read[i] = (
                element,
                alias with
                {
                    Interface = parent.Interface,
                    ParentUniqId = uniqId,
                    Vhid = parent.Vhid,
                    AdvBase = parent.AdvBase,
                    AdvSkew = parent.AdvSkew,
                    Protocol = parent.Protocol,
                    UsesRealMac = parent.UsesRealMac,
                    UnicastPeers = parent.UnicastPeers,
                }
            );
        }
    }

    private void CheckDuplicates()
    {
        var seen = new Dictionary<(AddressPrefix, string), string>();
        foreach (var own in interfaces)
        {
            foreach (var prefix in new[] { own.IPv4, own.IPv6 })
            {
                if (prefix is { } p)
                    seen[(p.Host, Scope(p, own.Name))] = own.Name;
            }
        }
        foreach (var (element, vip) in _read)
        {
            // A network may hold the node's own addresses: these are its own all the same.
            if (vip.Mode == VirtualAddressMode.Other || (vip.Mode == VirtualAddressMode.ProxyArp && vip.Range.Count(1) > 1))
                continue;
            var key = (vip.Prefix.Host, Scope(vip.Prefix, vip.Interface));
            if (seen.TryGetValue(key, out var owner))
                problems.Error(
                    element.First("subnet")!,
                    $"address {vip.Prefix.AddressText} is in use already ({owner})",
                    "another address"
                );
            else
                seen[key] = $"virtual address in line {vip.Line}";
        }
    }

    private ImmutableArray<VirtualHostConfiguration> Join()
    {
        var hosts = ImmutableArray.CreateBuilder<VirtualHostConfiguration>();
        var groups = _read
            .Where(r => r.Address.Vhid > 0 && interfaces.Any(i => i.Name == r.Address.Interface))
            // VRRP elects each family by itself.
            .GroupBy(r => (Member(r.Address), r.Address.Protocol != VirtualRouterProtocol.Carp && r.Address.IsIPv6));
        foreach (var group in groups)
        {
            var entries = group.Where(r => r.Address.Mode == VirtualAddressMode.Carp).ToList();
            if (entries.Count == 0)
                continue; // an alias of the other family, which was told of
            var (_, first) = entries[0];
            foreach (var (element, other) in entries.Skip(1))
                CheckSameHost(element, first, other, entries);
            var chosen = options.GetValueOrDefault(Member(first));
            var host = new VirtualHostConfiguration
            {
                Interface = first.Interface,
                Device = interfaces.First(i => i.Name == first.Interface).Device,
                Vhid = first.Vhid,
                AdvBase = first.AdvBase,
                AdvSkew = first.AdvSkew,
                Password = first.Password,
                Addresses = [.. group.Select(r => r.Address.Prefix)],
                Protocol = first.Protocol,
                UsesRealMac = first.UsesRealMac,
                UnicastPeers = first.UnicastPeers,
                Priority = (byte)(
                    chosen is { Priority: > 0 } ? chosen.Priority : Math.Max(VrrpHostOptions.PriorityLimit - first.AdvSkew, 1)
                ),
                Interval = chosen is { Interval: > 0 }
                    ? TimeSpan.FromMilliseconds(10 * chosen.Interval)
                    : TimeSpan.FromSeconds(first.AdvBase),
                Checksum = chosen?.Checksum ?? VrrpChecksum.WithPseudoHeader,
                Accepts = chosen is not { Accepts: false, Priority: not VrrpHostOptions.OwnerPriority },
            };
            if (host.Protocol != VirtualRouterProtocol.Carp)
                CheckRouter(entries[0].Element, host);
            hosts.Add(host);
        }
        return hosts.ToImmutable();
    }

    private void CheckRouter(ConfigElement element, VirtualHostConfiguration host)
    {
        foreach (var wrong in host.VrrpOptions().Validate())
            problems.Error(element, $"{host.Member}: {wrong}", "what VRRP can carry");
        if (host.Protocol == VirtualRouterProtocol.Vrrp3 && !host.Password.IsEmpty)
            problems.Warn(element.First("password")!, "VRRP version 3 has no password: it is kept, not used", "no password");
        if (host.Addresses[0].IsIPv6 && !host.Addresses.Any(a => a.IsLinkLocal))
            problems.Warn(
                element,
                $"{host.Member}: VRRP asks for a link-local address as the first IPv6 address",
                "an address in fe80::/64"
            );
    }

    private void CheckSameHost(
        ConfigElement element,
        VirtualAddress first,
        VirtualAddress other,
        List<(ConfigElement, VirtualAddress Address)> entries
    )
    {
        var vhid = FormattableString.Invariant($"vhid {first.Vhid} on {first.Interface}");
        var twin = entries.First(e => e.Address.IsIPv6 == other.IsIPv6).Address;
        if (!ReferenceEquals(twin, other))
            problems.Error(
                element.First("vhid")!,
                FormattableString.Invariant($"{vhid} is used already in line {twin.Line}"),
                "another vhid, or mode ipalias on that address; one vhid takes one IPv4 and one IPv6 CARP address"
            );
        if (first.AdvBase != other.AdvBase)
            problems.Error(
                element.First("advbase") ?? element,
                $"advbase differs within {vhid}",
                FormattableString.Invariant($"{first.AdvBase}")
            );
        if (first.AdvSkew != other.AdvSkew)
            problems.Error(
                element.First("advskew") ?? element,
                $"advskew differs within {vhid}",
                FormattableString.Invariant($"{first.AdvSkew}")
            );
        if (first.Password != other.Password)
            problems.Error(element.First("password") ?? element, $"the password differs within {vhid}", "the same password");
    }

    private static string Member(VirtualAddress vip) => FormattableString.Invariant($"{vip.Interface}@{vip.Vhid}");

    private static string Scope(AddressPrefix prefix, string name) => prefix.IsLinkLocal ? name : "";

    private static bool IsBroadcast(AddressPrefix prefix) =>
        (prefix.Address.Low | (0xffff_ffffUL << (32 - prefix.Length) & 0xffff_ffffUL)) == 0xffff_ffffUL;

    internal static bool IsUsable(AddressPrefix host) =>
        host.IsIPv6
            ? host.Address.High >> 56 != 0xff && !(host.Address.High == 0 && host.Address.Low <= 1)
            : host.Address.Low >> 28 is not (0xe or 0xf) && host.Address.Low >> 24 is not (0 or 127);
}
