using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads nat/outbound; port forwards, 1:1 and prefix translation are kept, not applied.</summary>
internal sealed class NatReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    ImmutableArray<VirtualAddress> virtualAddresses,
    AliasTable aliases
)
{
    private readonly EndpointReader _endpoints = new(problems, interfaces, aliases);

    public NatConfiguration Read(ConfigElement? section)
    {
        if (section is null)
            return new NatConfiguration();
        foreach (var (tag, what) in new[] { ("rule", "port forwards"), ("onetoone", "1:1 translations"), ("npt", "prefix translations") })
        {
            if (section.First(tag) is { Children.Count: > 0 } first)
                problems.Warn(first, $"{what} are kept, not applied");
        }
        if (section.Single("outbound", problems) is not { } outbound)
            return new NatConfiguration();
        var mode = outbound.Word(
            "mode",
            problems,
            ("automatic", OutboundNatMode.Automatic),
            ("hybrid", OutboundNatMode.Hybrid),
            ("advanced", OutboundNatMode.Advanced),
            ("disabled", OutboundNatMode.Disabled)
        );
        var entries = outbound.All("rule").ToList();
        if (entries.Count > ConfigurationLimits.Rules)
        {
            problems.Error(outbound, "there are too many outbound rules", "at most 50000");
            return new NatConfiguration { Mode = mode };
        }
        if (entries.Count > 0 && mode is OutboundNatMode.Automatic or OutboundNatMode.Disabled)
            problems.Warn(outbound, $"outbound rules have no effect in mode {outbound.Value("mode", problems)}", "hybrid or advanced");
        var rules = ImmutableArray.CreateBuilder<OutboundNatRule>();
        foreach (var entry in entries)
        {
            if (ReadOne(entry) is { } rule)
                rules.Add(rule);
        }
        return new NatConfiguration { Mode = mode, Outbound = rules.ToImmutable() };
    }

    private OutboundNatRule? ReadOne(ConfigElement entry)
    {
        var name = entry.Value("interface", problems);
        if (interfaces.All(i => i.Name != name))
        {
            problems.Error(entry.First("interface") ?? entry, $"there is no interface {Quote(name)}", "a name from <interfaces>");
            return null;
        }
        var protocols = Protocols.Read(entry, problems);
        var source = Side(entry, "source", "sourceport", protocols);
        var destination = Side(entry, "destination", "dstport", protocols);
        var noNat = entry.Flag("nonat", problems);
        if (source is null || destination is null || protocols is null || !TryTarget(entry, noNat, out var target))
            return null;
        var explicitFamily = entry.Value("ipprotocol", problems).Length > 0;
        var ipv6 = entry.Word("ipprotocol", problems, ("inet", false), ("inet6", true));
        if (!explicitFamily)
            ipv6 = target?.IsIPv6 ?? false;
        if (target is { } t && t.IsIPv6 != ipv6)
        {
            problems.Error(
                entry.First("target")!,
                $"{t.AddressText} is not of the rule's family",
                ipv6 ? "an IPv6 address" : "an IPv4 address"
            );
            return null;
        }
        if (new[] { source, destination }.Any(s => s.Kind == EndpointKind.Prefixes && s.Prefixes.All(p => p.IsIPv6 != ipv6)))
        {
            problems.Error(entry, "the rule's addresses are not of its family", "an ipprotocol that fits the addresses");
            return null;
        }
        if (entry.First("natport") is { Text.Length: > 0 } natPort)
            problems.Warn(natPort, "<natport> is kept, not applied; the rule works without it");
        return new OutboundNatRule
        {
            Interface = name,
            IsIPv6 = ipv6,
            Protocols = protocols.Value,
            Source = source,
            Destination = destination,
            Target = target,
            StaticPort = entry.Flag("staticnatport", problems),
            NoNat = noNat,
            Description = entry.Value("descr", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    private RuleEndpoint? Side(ConfigElement entry, string side, string portTag, ImmutableArray<byte>? protocols)
    {
        if (entry.Single(side, problems) is { } element)
            return _endpoints.Read(element, entry.Single(portTag, problems), '-', protocols);
        problems.Error(entry, $"the {side} is missing", "<any/>, <network> or <address>");
        return null;
    }

    private bool TryTarget(ConfigElement entry, bool noNat, out AddressPrefix? target)
    {
        target = null;
        var element = entry.Single("target", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || noNat)
            return true;
        if (text.StartsWith("_vip", StringComparison.Ordinal) && virtualAddresses.FirstOrDefault(v => v.UniqId == text[4..]) is { } vip)
        {
            target = vip.Prefix.Host;
            return true;
        }
        if (aliases.Knows(text) || text == "other-subnet")
        {
            var single = aliases.Knows(text) ? aliases.Prefixes(text, out _) : null;
            if (single is not { Length: 1 } one || !one[0].IsHost)
            {
                problems.Warn(element!, "a pool of addresses is not supported, so the whole rule is kept, not applied", "one address");
                return false;
            }
            target = one[0];
            return true;
        }
        target = element!.Address(problems);
        if (target is not { } address)
            return false;
        var known =
            virtualAddresses.Any(v => v.Prefix.Host == address) || interfaces.Any(i => i.IPv4?.Host == address || i.IPv6?.Host == address);
        if (!known)
            problems.Warn(
                element!,
                $"{address.AddressText} is neither a virtual address nor an interface's address; replies may not come back"
            );
        return true;
    }
}
