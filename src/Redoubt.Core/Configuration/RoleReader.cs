using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads what follows a node's role: redoubt/hooks, redoubt/failover/service and redoubt/failover/routeradvertisement.</summary>
internal sealed class RoleReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    ImmutableArray<VirtualHostConfiguration> hosts
)
{
    private const int ArgumentLimit = 64;
    private const int TextLimit = 1024;
    private const int PrefixLimit = 16;
    private const int LongestLifetime = 9000; // AdvDefaultLifetime of RFC 4861
    private const int ShortestLifetime = 12; // three times the shortest interval that radvd takes
    private static readonly string[] _hookNames = ["directory", "timeout"];
    private static readonly string[] _serviceNames = ["name", "unit", "command", "group", "vip"];
    private static readonly string[] _advertisementNames = ["interface", "prefix", "lifetime", "rdnss"];

    /// <summary>redoubt/hooks.</summary>
    public HookSettings Hooks(ConfigElement? section)
    {
        if (section?.Single("hooks", problems) is not { } hooks)
            return HookSettings.Default;
        WarnUnknown(hooks, _hookNames);
        var element = hooks.Single("directory", problems);
        var directory = element?.Value(problems) ?? "";
        if (directory.Length == 0)
            directory = HookSettings.Default.Directory;
        if (directory.Length > 255 || directory.Any(char.IsControl) || directory.Split('/').Any(p => p is "." or ".."))
            problems.Error(
                element!,
                $"{Quote(directory)} is no directory of hooks",
                "a path without . or .., absolute or relative to this file"
            );
        var seconds = hooks.Number("timeout", 1, 300, (int)HookSettings.Default.Timeout.TotalSeconds, problems);
        return new HookSettings(directory, TimeSpan.FromSeconds(seconds));
    }

    /// <summary>redoubt/failover/service.</summary>
    public ImmutableArray<RoleService> Services(ConfigElement failover, ImmutableArray<FailoverGroup> groups)
    {
        var services = ImmutableArray.CreateBuilder<RoleService>();
        foreach (var entry in Bounded(failover, "service"))
        {
            WarnUnknown(entry, _serviceNames);
            var name = entry.UniqueName(problems, services.Select(s => s.Name));
            var unit = Unit(entry);
            var command = Command(entry);
            if (entry.First("unit") is null == entry.First("command") is null)
                problems.Error(entry, "what is to run?", "one <unit>, or one <command> with an <arg> for each word");
            var (group, vip) = Follows(entry, groups);
            if (name is not null && (unit is not null || command.Length > 0) && (group is not null || vip is not null))
                services.Add(new RoleService(name, unit, command, group, vip));
        }
        return services.ToImmutable();
    }

    /// <summary>redoubt/failover/routeradvertisement.</summary>
    public ImmutableArray<RouterAdvertisement> Advertisements(ConfigElement failover)
    {
        var all = ImmutableArray.CreateBuilder<RouterAdvertisement>();
        foreach (var entry in Bounded(failover, "routeradvertisement"))
        {
            WarnUnknown(entry, _advertisementNames);
            var element = entry.Single("interface", problems);
            var name = element?.Value(problems) ?? "";
            var lifetime = entry.Number("lifetime", ShortestLifetime, LongestLifetime, 1800, problems);
            var resolvers = Addresses(entry, "rdnss");
            var prefixes = Prefixes(entry);
            if (interfaces.FirstOrDefault(i => i.Name == name) is not { } configured)
                problems.Error(element ?? entry, $"there is no interface {Quote(name)}", "a name from <interfaces>");
            else if (all.Any(a => a.Interface == name))
                problems.Error(element!, $"{name} has its router advertisements already", "one entry for each interface");
            else if (Source(name) is not { } source)
                problems.Error(
                    element!,
                    $"{name} has no link-local virtual address, which hosts would know the router by",
                    "a virtual address in fe80::/64 on one of its vhids"
                );
            else
            {
                if (prefixes.IsEmpty)
                    prefixes = Detected(name);
                if (prefixes.IsEmpty)
                    problems.Warn(entry, $"{name} has no IPv6 virtual address of 64 bits: hosts learn a router and no prefix", "<prefix>");
                var host = source.Host;
                all.Add(
                    new RouterAdvertisement(
                        name,
                        host.Member,
                        host.Vhid,
                        host.IsVrrp6,
                        configured.Device,
                        source.Address,
                        prefixes,
                        lifetime,
                        resolvers
                    )
                    {
                        Line = entry.Line,
                        UsesRealMac = host.UsesRealMac,
                    }
                );
            }
        }
        return all.ToImmutable();
    }

    private (VirtualHostConfiguration Host, AddressPrefix Address)? Source(string name)
    {
        foreach (var host in hosts.Where(h => h.Interface == name))
        {
            foreach (var address in host.Addresses.Where(a => a.IsLinkLocal))
                return (host, address);
        }
        return null;
    }

    private ImmutableArray<AddressPrefix> Detected(string name) =>
        [
            .. hosts
                .Where(h => h.Interface == name)
                .SelectMany(h => h.Addresses)
                .Where(a => a is { IsIPv6: true, IsLinkLocal: false, Length: 64 })
                .Select(a => a.Network)
                .Distinct()
                .Take(PrefixLimit),
        ];

    private ImmutableArray<AddressPrefix> Prefixes(ConfigElement entry)
    {
        var prefixes = ImmutableArray.CreateBuilder<AddressPrefix>();
        foreach (var element in entry.All("prefix").Take(PrefixLimit + 1))
        {
            var text = element.Value(problems);
            if (prefixes.Count == PrefixLimit)
                problems.Error(element, "there are too many prefixes", FormattableString.Invariant($"at most {PrefixLimit}"));
            else if (
                !AddressPrefix.TryParse(text, out var prefix)
                || prefix is { IsIPv6: false } or { IsLinkLocal: true } or { IsHost: true }
                || prefix.Network != prefix
            )
                problems.Error(element, $"{Quote(text)} is no prefix", "an IPv6 network and its length, 2001:db8:1::/64");
            else if (prefixes.Contains(prefix))
                problems.Error(element, $"{text} occurs more than once", "one");
            else
                prefixes.Add(prefix);
        }
        return prefixes.ToImmutable();
    }

    private ImmutableArray<AddressPrefix> Addresses(ConfigElement entry, string name)
    {
        var addresses = ImmutableArray.CreateBuilder<AddressPrefix>();
        foreach (var element in entry.All(name).Take(PrefixLimit))
        {
            if (element.Address(problems) is not { } address)
                continue;
            if (address.IsIPv6)
                addresses.Add(address);
            else
                problems.Error(element, $"{address.AddressText} is no IPv6 address", "an IPv6 address");
        }
        return addresses.ToImmutable();
    }

    // The name goes to systemctl as one word: what could be an option or a path is none.
    private string? Unit(ConfigElement entry)
    {
        if (entry.Single("unit", problems) is not { } element)
            return null;
        var unit = element.Value(problems);
        var dot = unit.LastIndexOf('.');
        if (
            unit.Length <= 255
            && dot > 0
            && unit[(dot + 1)..] is "service" or "target" or "timer" or "socket"
            && char.IsAsciiLetterOrDigit(unit[0])
            && unit.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@' or ':')
        )
            return unit;
        problems.Error(element, $"{Quote(unit)} is no unit", "a name like dnsmasq.service; also .target, .timer, .socket");
        return null;
    }

    private ImmutableArray<string> Command(ConfigElement entry)
    {
        if (entry.Single("command", problems) is not { } element)
            return [];
        WarnUnknown(element, "arg");
        var words = element.All("arg").Take(ArgumentLimit + 1).Select(a => a.Value(problems)).ToList();
        if (words.Count > ArgumentLimit)
            problems.Error(element, "there are too many arguments", FormattableString.Invariant($"at most {ArgumentLimit}"));
        else if (words.Find(w => w.Length > TextLimit || w.Any(char.IsControl)) is { } bad)
            problems.Error(
                element,
                $"{Quote(bad)} is no argument",
                FormattableString.Invariant($"printable, at most {TextLimit} characters")
            );
        else if (words.Count == 0 || words[0].Length < 2 || words[0][0] != '/')
            problems.Error(element, "the program is missing", "its absolute path in the first <arg>; the other words in one each");
        else
            return [.. words];
        return [];
    }

    private (string? Group, string? Vip) Follows(ConfigElement entry, ImmutableArray<FailoverGroup> groups)
    {
        var (group, vip) = (entry.Single("group", problems), entry.Single("vip", problems));
        if (group is not null && vip is not null)
            problems.Error(vip, "a service follows one role", "<group> or <vip>");
        if (vip is not null)
        {
            var member = vip.Value(problems);
            if (hosts.Any(h => h.Member == member))
                return (null, member);
            problems.Error(vip, $"there is no CARP address {Quote(member)}", "interface@vhid of an entry in <virtualip>");
            return default;
        }
        var names = string.Join(", ", groups.Select(g => g.Name));
        if (group is not null)
        {
            var name = group.Value(problems);
            if (groups.Any(g => g.Name == name))
                return (name, null);
            problems.Error(group, $"there is no failover group {Quote(name)}", names.Length > 0 ? names : "a virtual address first");
            return default;
        }
        if (groups.Length == 1)
            return (groups[0].Name, null);
        problems.Error(
            entry,
            groups.IsEmpty
                ? "there is no virtual address whose role a service could follow"
                : "the group that the service follows is missing",
            groups.IsEmpty ? "an entry in <virtualip>" : $"<group>: one of {names}; or <vip>"
        );
        return default;
    }

    private List<ConfigElement> Bounded(ConfigElement parent, string name)
    {
        var elements = parent.All(name).ToList();
        if (elements.Count <= ConfigurationLimits.FailoverItems)
            return elements;
        problems.Error(
            elements[ConfigurationLimits.FailoverItems],
            $"there are too many <{name}>",
            FormattableString.Invariant($"at most {ConfigurationLimits.FailoverItems}")
        );
        return elements[..ConfigurationLimits.FailoverItems];
    }

    private void WarnUnknown(ConfigElement element, params IReadOnlyList<string> names)
    {
        foreach (var child in element.Children.Where(c => !names.Contains(c.Name)))
            problems.Warn(child, $"<{child.Name}> is not known here and has no effect", string.Join(", ", names));
    }
}
