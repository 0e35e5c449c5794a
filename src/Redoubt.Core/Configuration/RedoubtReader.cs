using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Heartbeat;
using Redoubt.Core.Vrrp;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>What redoubt/vip says about one vhid.</summary>
internal sealed record VipOptions(
    ConfigElement Element,
    VirtualRouterProtocol Protocol,
    bool UsesRealMac,
    ImmutableArray<AddressPrefix> Peers,
    int Priority,
    int Interval,
    VrrpChecksum Checksum,
    bool Accepts
);

/// <summary>Reads the section redoubt.</summary>
internal sealed class RedoubtReader(Problems problems, ConfigElement? section, ImmutableArray<InterfaceConfiguration> interfaces)
{
    private static readonly (string Under, string[] Names)[] Known =
    [
        ("", ["node", "cluster", "failover", "statesync", "firewall", "vip", "hooks", "configsync"]),
        ("node", ["id"]),
        ("configsync", ["when", "pin", "schedule", "received"]),
        ("cluster", ["secretfile", "synclink", "peer", "strict"]),
        ("failover", ["profile", "preempt", "preemptdelay", "drain", "group", "witness", "check", "service", "routeradvertisement"]),
        ("statesync", ["transport", "format", "defer", "accept", "ignore"]),
        ("firewall", ["reachpeer"]),
        ("vip", ["member", "protocol", "mac", "peer", "priority", "interval", "checksum", "accept"]),
    ];

    /// <summary>redoubt/vip by member ("lan@1"); whether the vhids exist is checked by <see cref="Read"/>.</summary>
    public IReadOnlyDictionary<string, VipOptions> ReadVipOptions()
    {
        var options = new Dictionary<string, VipOptions>();
        foreach (var entry in Bounded(section, "vip", ConfigurationLimits.VirtualAddresses))
        {
            var protocol = entry.Word(
                "protocol",
                problems,
                ("carp", VirtualRouterProtocol.Carp),
                ("vrrp3", VirtualRouterProtocol.Vrrp3),
                ("vrrp2", VirtualRouterProtocol.Vrrp2)
            );
            var real = entry.Word("mac", problems, ("virtual", false), ("real", true));
            var peers = Addresses(entry, "peer");
            var priority = entry.Number("priority", 1, VrrpHostOptions.OwnerPriority, 0, problems);
            var interval = entry.Number("interval", 1, VrrpHostOptions.IntervalLimit, 0, problems);
            var checksum = entry.Word(
                "checksum",
                problems,
                ("pseudo", VrrpChecksum.WithPseudoHeader),
                ("plain", VrrpChecksum.WithoutPseudoHeader)
            );
            var accepts = entry.Word("accept", problems, ("yes", true), ("no", false));
            CheckVrrp(entry, protocol);
            var members = entry.All("member").ToList();
            if (members.Count == 0)
                problems.Error(entry, "the member is missing", "interface@vhid in <member>");
            foreach (var member in members)
            {
                var chosen = new VipOptions(member, protocol, real, peers, priority, interval, checksum, accepts);
                if (!options.TryAdd(member.Value(problems), chosen))
                    problems.Error(member, $"{Quote(member.Value(problems))} occurs in more than one <vip>", "one");
            }
        }
        return options;
    }

    // What only VRRP knows would be silently without effect for CARP.
    private void CheckVrrp(ConfigElement entry, VirtualRouterProtocol protocol)
    {
        foreach (var name in new[] { "priority", "interval", "checksum", "accept" })
        {
            if (entry.First(name) is not { } element)
                continue;
            if (protocol == VirtualRouterProtocol.Carp)
                problems.Error(element, $"{name} is VRRP's", "protocol vrrp3 or vrrp2; CARP has advbase and advskew in virtualip/vip");
            else if (protocol == VirtualRouterProtocol.Vrrp2 && name is "interval" or "checksum")
                problems.Error(element, $"VRRP version 2 has no {name} to choose", "advbase in virtualip/vip, in seconds");
        }
    }

    public RedoubtSettings Read(
        HaSync hasync,
        string hostname,
        ImmutableArray<VirtualHostConfiguration> hosts,
        IReadOnlyDictionary<string, VipOptions> options
    )
    {
        foreach (var (member, option) in options)
            RequireMember(option.Element, member, hosts);
        WarnUnknown();
        var cluster = section?.Single("cluster", problems);
        var failover = section?.Single("failover", problems);
        var stateSync = section?.Single("statesync", problems);
        var links = SyncLinks(cluster, hasync);
        var settings = ReadFailover(failover, hosts) with
        {
            SyncLinks = links,
            SecretFile = SecretFile(cluster),
            Strict = cluster?.Flag("strict", problems) ?? false,
            Hooks = new RoleReader(problems, interfaces, hosts).Hooks(section),
        };
        if (cluster is not null && hosts.Select(h => h.Interface).Distinct().Count() > HeartbeatLimits.Segments)
            problems.Error(
                cluster,
                "there are too many interfaces with virtual addresses for heartbeats",
                FormattableString.Invariant($"at most {HeartbeatLimits.Segments}")
            );
        settings = ReadStateSync(stateSync, settings);
        return Identify(cluster, settings, hasync, hostname);
    }

    private RedoubtSettings ReadFailover(ConfigElement? failover, ImmutableArray<VirtualHostConfiguration> hosts)
    {
        if (failover is null)
            return new RedoubtSettings { Groups = Everything(hosts) };
        var groups = Groups(failover, hosts);
        if (groups.IsEmpty)
            groups = Everything(hosts);
        var roles = new RoleReader(problems, interfaces, hosts);
        return new RedoubtSettings
        {
            Profile = failover.Word(
                "profile",
                problems,
                ("default", FailoverProfile.Default),
                ("carp", FailoverProfile.Carp),
                ("fast", FailoverProfile.Fast)
            ),
            Preempt = failover.Word(
                "preempt",
                problems,
                ("immediate", PreemptMode.Immediate),
                ("delayed", PreemptMode.Delayed),
                ("never", PreemptMode.Never)
            ),
            PreemptDelay = TimeSpan.FromSeconds(failover.Number("preemptdelay", 0, 86_400, 30, problems)),
            Drain = TimeSpan.FromMilliseconds(failover.Number("drain", 0, 60_000, 500, problems)),
            Groups = groups,
            Witnesses = Addresses(failover, "witness"),
            Checks = Checks(failover),
            Services = roles.Services(failover, groups),
            RouterAdvertisements = roles.Advertisements(failover),
        };
    }

    private RedoubtSettings ReadStateSync(ConfigElement? stateSync, RedoubtSettings settings)
    {
        if (stateSync is null)
            return settings;
        var transport = stateSync.Word(
            "transport",
            problems,
            ("redoubt", StateSyncTransport.Redoubt),
            ("pfsync", StateSyncTransport.Pfsync)
        );
        var given = stateSync.Value("format", problems).Length > 0;
        var format = stateSync.Word("format", problems, [("linux", StateSyncFormat.Linux), .. PeerReader.PlainFormats]);
        if (!given && transport == StateSyncTransport.Pfsync)
            format = StateSyncFormat.FreeBsd1400;
        if (given && transport == StateSyncTransport.Pfsync && format == StateSyncFormat.Linux)
            problems.Error(stateSync.First("format")!, "pfsync has no format linux", "1301, 1400, 1500, openbsd");
        return settings with
        {
            Transport = transport,
            Format = format,
            Defer = stateSync.Flag("defer", problems),
            Filters = StateFilterReader.Read(stateSync, problems),
        };
    }

    private ImmutableArray<string> SyncLinks(ConfigElement? cluster, HaSync hasync)
    {
        var links = new List<string>();
        foreach (var element in cluster?.All("synclink") ?? [])
        {
            var name = element.Value(problems);
            if (interfaces.All(i => i.Name != name))
                problems.Error(element, $"there is no interface {Quote(name)}", "a name from <interfaces>");
            else if (links.Contains(name))
                problems.Error(element, $"sync link {name} occurs more than once", "one or two different interfaces");
            else if (links.Count == 2)
            {
                problems.Error(element, "there are more than two sync links", "one or two interfaces");
                break;
            }
            else
                links.Add(name);
        }
        if (links.Count == 0 && hasync.PfsyncInterface is { } name2 and not "lo0")
            links.Add(name2);
        return [.. links];
    }

    private string? SecretFile(ConfigElement? cluster)
    {
        var element = cluster?.Single("secretfile", problems);
        var path = element?.Value(problems) ?? "";
        if (path.Length == 0)
        {
            if (element is not null)
                problems.Error(element, "the file name is empty", "a path relative to this file");
            return null;
        }
        var parts = path.Split('/');
        if (
            path.Length <= 255
            && !path.Any(char.IsControl)
            && !path.Contains('\\', StringComparison.Ordinal)
            && parts.All(p => p is not ("" or "." or ".."))
        )
            return path;
        problems.Error(element!, $"{Quote(path)} is no path inside this file's folder", "a relative path without . or ..");
        return null;
    }

    private RedoubtSettings Identify(ConfigElement? cluster, RedoubtSettings settings, HaSync hasync, string hostname)
    {
        var node = section?.Single("node", problems);
        var id = node?.Number("id", 1, ConfigurationLimits.Nodes, 0, problems) ?? 0;
        if (cluster?.First("peer") is not null)
            return new PeerReader(problems, interfaces).Read(cluster, settings, hostname, id, node?.First("id"));
        if (hasync.PfsyncPeer is not { } peer)
            return settings with { NodeId = id == 0 ? 1 : id };

        // Two nodes that know only each other's address agree by comparing them: the lower one is node 1.
        var link = interfaces.FirstOrDefault(i => i.Name == settings.SyncLinks.FirstOrDefault());
        var own = peer.IsIPv6 ? link?.IPv6 : link?.IPv4;
        if (id == 0 && own is { } address)
            id = (address.Address.High, address.Address.Low).CompareTo((peer.Address.High, peer.Address.Low)) < 0 ? 1 : 2;
        var peerId = id switch
        {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        return settings with { NodeId = id, Peers = [new ClusterPeer(peerId, peer.AddressText, [peer])] };
    }

    private ImmutableArray<FailoverGroup> Groups(ConfigElement failover, ImmutableArray<VirtualHostConfiguration> hosts)
    {
        var groups = ImmutableArray.CreateBuilder<FailoverGroup>();
        var taken = new HashSet<string>();
        foreach (var entry in Bounded(failover, "group", ConfigurationLimits.FailoverItems))
        {
            var name = entry.UniqueName(problems, groups.Select(g => g.Name));
            var members = ImmutableArray.CreateBuilder<string>();
            foreach (var element in entry.All("member"))
            {
                var member = element.Value(problems);
                if (!RequireMember(element, member, hosts))
                    continue;
                if (taken.Add(member))
                    members.Add(member);
                else
                    problems.Error(element, $"{member} is a member already", "one group for each vhid");
            }
            if (entry.First("member") is null)
                problems.Error(entry, "the group has no member", "interface@vhid in <member>");
            if (name is not null)
                groups.Add(new FailoverGroup(name, members.ToImmutable()));
        }
        if (groups.Count == 0)
            return [];
        var alone = hosts.Select(h => h.Member).Where(m => !taken.Contains(m)).Distinct().ToList();
        foreach (var member in alone)
            problems.Warn(failover, $"{member} is in no group and moves alone");
        if (groups.Count + alone.Count > HeartbeatLimits.Groups)
            problems.Error(
                failover,
                FormattableString.Invariant($"there are {groups.Count + alone.Count} failover groups, those of a single vhid included"),
                FormattableString.Invariant($"at most {HeartbeatLimits.Groups}")
            );
        return groups.ToImmutable();
    }

    private ImmutableArray<HealthCheck> Checks(ConfigElement failover)
    {
        var checks = ImmutableArray.CreateBuilder<HealthCheck>();
        foreach (var entry in Bounded(failover, "check", ConfigurationLimits.FailoverItems))
        {
            var name = entry.UniqueName(problems, checks.Select(c => c.Name));
            var type = entry.Word(
                "type",
                problems,
                ("ping", HealthCheckType.Ping),
                ("tcp", HealthCheckType.Tcp),
                ("link", HealthCheckType.Link),
                ("http", HealthCheckType.Http),
                ("script", HealthCheckType.Script),
                ("process", HealthCheckType.Process),
                ("file", HealthCheckType.File)
            );
            var target = entry.Value("target", problems);
            var weight = entry.Number("weight", 1, 240, 100, problems);
            var (interval, timeout) = (entry.Number("interval", 1, 3600, 2, problems), entry.Number("timeout", 1, 60, 1, problems));
            var (rise, fall) = (entry.Number("rise", 1, 100, 2, problems), entry.Number("fall", 1, 100, 3, problems));
            if (!IsTarget(type, target))
            {
                var expected = type switch
                {
                    HealthCheckType.Ping => "an address",
                    HealthCheckType.Tcp => "address:port, an IPv6 address in brackets",
                    HealthCheckType.Http => "http://address[:port]/path, an IPv6 address in brackets",
                    HealthCheckType.Script => "the absolute path of a program, and its arguments",
                    HealthCheckType.Process => "a name of at most 15 characters, without a path",
                    HealthCheckType.File => "an absolute path",
                    _ => "a name from <interfaces>",
                };
                problems.Error(entry.First("target") ?? entry, $"{Quote(target)} is no target for this check", expected);
            }
            else if (name is not null)
                checks.Add(
                    new HealthCheck(name, type, target, weight)
                    {
                        Interval = TimeSpan.FromSeconds(interval),
                        Timeout = TimeSpan.FromSeconds(timeout),
                        Rise = rise,
                        Fall = fall,
                    }
                );
        }
        return checks.ToImmutable();
    }

    private const int TargetLimit = 1024;

    private bool IsTarget(HealthCheckType type, string target)
    {
        if (type == HealthCheckType.Link)
            return interfaces.Any(i => i.Name == target);
        if (target.Length is 0 or > TargetLimit || target.Any(char.IsControl))
            return false;
        switch (type)
        {
            case HealthCheckType.Ping:
                return AddressPrefix.TryParseAddress(target, out _, out _);
            case HealthCheckType.Http:
                return Uri.TryCreate(target, UriKind.Absolute, out var url)
                    && url is { Scheme: "http", UserInfo: "", Fragment: "" }
                    && AddressPrefix.TryParseAddress(url.DnsSafeHost, out _, out _);
            case HealthCheckType.Script or HealthCheckType.File:
                return target.StartsWith('/');
            case HealthCheckType.Process:
                return target.Length <= 15 && !target.Contains('/', StringComparison.Ordinal);
            default:
                break;
        }
        var colon = target.LastIndexOf(':');
        if (
            colon < 1
            || !ushort.TryParse(target.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0
        )
            return false;
        var host = target[..colon];
        var bracketed = host.StartsWith('[') && host.EndsWith(']') && host.Length > 2;
        return AddressPrefix.TryParseAddress(bracketed ? host[1..^1] : host, out _, out var ipv6) && ipv6 == bracketed;
    }

    private bool RequireMember(ConfigElement at, string member, ImmutableArray<VirtualHostConfiguration> hosts)
    {
        if (hosts.Any(h => h.Member == member))
            return true;
        problems.Error(at, $"there is no CARP address {Quote(member)}", "interface@vhid of an entry in <virtualip>");
        return false;
    }

    private ImmutableArray<AddressPrefix> Addresses(ConfigElement parent, string name)
    {
        var addresses = ImmutableArray.CreateBuilder<AddressPrefix>();
        foreach (var element in Bounded(parent, name, ConfigurationLimits.FailoverItems))
        {
            if (element.Address(problems) is not { } address)
                continue;
            if (addresses.Contains(address))
                problems.Error(element, $"{address.AddressText} occurs more than once", "one");
            else
                addresses.Add(address);
        }
        return addresses.ToImmutable();
    }

    private List<ConfigElement> Bounded(ConfigElement? parent, string name, int limit)
    {
        var elements = parent?.All(name).ToList() ?? [];
        if (elements.Count <= limit)
            return elements;
        problems.Error(elements[limit], $"there are too many <{name}>", FormattableString.Invariant($"at most {limit}"));
        return elements[..limit];
    }

    // A misspelt tag of our own would silently mean the default; pfSense's sections may hold what we do not know.
    private void WarnUnknown()
    {
        foreach (var (under, names) in Known)
        {
            var parents = under.Length == 0 ? (section is null ? [] : [section]) : section?.All(under) ?? [];
            foreach (var child in parents.SelectMany(p => p.Children).Where(c => !names.Contains(c.Name)))
                problems.Warn(child, $"<{child.Name}> is not known here and has no effect", string.Join(", ", names));
        }
    }

    private static ImmutableArray<FailoverGroup> Everything(ImmutableArray<VirtualHostConfiguration> hosts) =>
        hosts.IsEmpty ? [] : [new FailoverGroup("main", [.. hosts.Select(h => h.Member)])];
}
