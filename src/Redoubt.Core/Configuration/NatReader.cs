using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads the section nat. What can not be applied exactly is left out with a warning.</summary>
internal sealed class NatReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    ImmutableArray<VirtualAddress> virtualAddresses,
    FirewallSettings settings,
    AliasTable aliases
)
{
    private readonly NatFields _fields = new(problems, interfaces, aliases);

    public NatConfiguration Read(ConfigElement? section)
    {
        if (section is null)
            return new NatConfiguration();
        var forwards = new PortForwardReader(problems, interfaces, settings, aliases, _fields);
        var prefixes = new PrefixTranslationReader(problems, interfaces, virtualAddresses, settings, _fields);
        var nat = new NatConfiguration
        {
            PortForwards = All(section, "rule", forwards.Read),
            OneToOne = All(section, "onetoone", prefixes.ReadOneToOne),
            Prefixes = All(section, "npt", prefixes.ReadPrefix),
        };
        if (section.Single("outbound", problems) is not { } outbound)
            return nat;
        var mode = outbound.Word(
            "mode",
            problems,
            ("automatic", OutboundNatMode.Automatic),
            ("hybrid", OutboundNatMode.Hybrid),
            ("advanced", OutboundNatMode.Advanced),
            ("disabled", OutboundNatMode.Disabled)
        );
        var rules = All(outbound, "rule", ReadOutbound);
        if (outbound.First("rule") is not null && mode is OutboundNatMode.Automatic or OutboundNatMode.Disabled)
            problems.Warn(outbound, $"outbound rules have no effect in mode {outbound.Value("mode", problems)}", "hybrid or advanced");
        return nat with { Mode = mode, Outbound = rules };
    }

    private ImmutableArray<T> All<T>(ConfigElement section, string tag, Func<ConfigElement, T?> read)
        where T : class
    {
        var entries = section.All(tag).ToList();
        if (entries.Count > ConfigurationLimits.Rules)
        {
            problems.Error(section, $"there are too many entries <{tag}>", "at most 50000");
            return [];
        }
        // pfSense writes an empty element for an empty list.
        return [.. entries.Where(e => e.Children.Count > 0).Select(read).OfType<T>()];
    }

    private OutboundNatRule? ReadOutbound(ConfigElement entry)
    {
        var name = _fields.Interface(entry);
        var protocols = Protocols.Read(entry, problems);
        var source = _fields.Side(entry, "source", "sourceport", protocols);
        var destination = _fields.Side(entry, "destination", "dstport", protocols);
        var noNat = entry.Flag("nonat", problems);
        if (
            name is null
            || source is null
            || destination is null
            || protocols is null
            || !TryTarget(entry, noNat, source, out var target)
            || !TryPort(entry, protocols.Value, out var port)
        )
            return null;
        var ipv6 = _fields.IsIPv6(entry, target?.IsIPv6 ?? false);
        if (target is { } t && t.IsIPv6 != ipv6)
        {
            problems.Error(
                entry.First("target")!,
                $"{Quote(entry.First("target")!.Text)} is not of the rule's family",
                ipv6 ? "an IPv6 address" : "an IPv4 address"
            );
            return null;
        }
        if (!_fields.FitFamily(entry, ipv6, source, destination))
            return null;
        if (port is not null && target is { Single: null })
        {
            problems.Warn(entry.First("natport")!, "a pool of addresses has no port of its own, so the whole rule is kept, not applied");
            return null;
        }
        return new OutboundNatRule
        {
            Interface = name,
            IsIPv6 = ipv6,
            Protocols = protocols.Value,
            Source = source,
            Destination = destination,
            Target = target,
            Port = port,
            StaticPort = entry.Flag("staticnatport", problems),
            NoNat = noNat,
            Description = entry.Value("descr", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    private bool TryPort(ConfigElement entry, ImmutableArray<byte> protocols, out PortRange? port)
    {
        port = null;
        var element = entry.Single("natport", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0)
            return true;
        if (protocols.IsEmpty || protocols.Any(p => p is not (6 or 17)))
            problems.Error(element!, "a port needs a protocol with ports", "protocol tcp, udp or tcp/udp");
        else if (AliasTable.TryParsePorts(text, ':', out var range) || AliasTable.TryParsePorts(text, '-', out range))
            port = range;
        else
            problems.Error(element!, $"{Quote(text)} is no port", "a number from 1 to 65535, or a range such as 1024:65535");
        return port is not null;
    }

    private bool TryTarget(ConfigElement entry, bool noNat, RuleEndpoint source, out NatPool? target)
    {
        target = null;
        var element = entry.Single("target", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || noNat)
            return true;
        if (text.StartsWith("_vip", StringComparison.Ordinal) && virtualAddresses.FirstOrDefault(v => v.UniqId == text[4..]) is { } vip)
        {
            target = NatPool.Of(vip.Prefix.Host);
            return true;
        }
        if (aliases.Knows(text) || text == "other-subnet")
            return TryPool(entry, element!, text, source, out target);
        if (element!.Address(problems) is not { } address)
            return false;
        target = NatPool.Of(address);
        var known =
            virtualAddresses.Any(v => v.Range.Contains(address.Address, address.IsIPv6))
            || interfaces.Any(i => i.IPv4?.Host == address || i.IPv6?.Host == address);
        if (!known)
            problems.Warn(
                element!,
                $"{address.AddressText} is neither a virtual address nor an interface's address; replies may not come back"
            );
        return true;
    }

    // "other-subnet": the pool is target_ip/target_subnet in newer files, target_subnet alone in older ones.
    private bool TryPool(ConfigElement entry, ConfigElement element, string text, RuleEndpoint source, out NatPool? pool)
    {
        pool = null;
        var words = entry.Value("poolopts", problems).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var choice = words.FirstOrDefault() switch
        {
            "random" => PoolChoice.Random,
            "source-hash" => PoolChoice.SourceHash,
            "bitmask" => PoolChoice.Bitmask,
            _ => PoolChoice.RoundRobin,
        };
        if (words.Contains("sticky-address"))
            choice = PoolChoice.SourceHash;
        if (text == "other-subnet")
        {
            var given = $"{entry.Value("targetip", problems)}/{entry.Value("targetip_subnet", problems)}";
            if (AddressPrefix.TryParse(given, out var subnet))
                pool = new NatPool(subnet.Network, [], choice);
        }
        else if (aliases.Addresses(text, out _) is { Tables.IsEmpty: true, Prefixes: [var first, ..] prefixes })
        {
            if (prefixes.Length == 1 && !first.IsHost)
                pool = new NatPool(first, [], choice);
            else if (prefixes.Length <= ConfigurationLimits.PoolSize && prefixes.All(p => p.IsHost && p.IsIPv6 == first.IsIPv6))
                pool = new NatPool(null, prefixes, choice);
        }
        if (pool is null)
            problems.Warn(element, $"{Quote(text)} is no pool of addresses of one family, so the whole rule is kept, not applied");
        else if (choice == PoolChoice.Bitmask && !CanKeepHostBits(pool, source))
        {
            problems.Warn(
                entry.First("poolopts")!,
                "bitmask needs one network of the pool's size as source, so the whole rule is kept, not applied"
            );
            pool = null;
        }
        return pool is not null;
    }

    private static bool CanKeepHostBits(NatPool pool, RuleEndpoint source) =>
        pool.Range is { } range
        && source is { Kind: EndpointKind.Prefixes, Not: false, Prefixes: [var only] }
        && only.Length == range.Length;
}
