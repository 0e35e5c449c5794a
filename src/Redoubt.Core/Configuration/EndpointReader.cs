using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads source and destination of a rule. Null means that the rule can not be applied; the problem has been reported.</summary>
internal sealed class EndpointReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces, AliasTable aliases)
{
    // Networks of pfSense's own servers and tunnels.
    private static readonly string[] OtherNetworks = ["pppoe", "l2tp", "pptp", "openvpn", "enc0", "IPsec", "wireguard"];

    /// <summary>The side of a filter rule, with its port inside.</summary>
    public RuleEndpoint? Read(ConfigElement rule, string side, ImmutableArray<byte>? protocols)
    {
        var element = rule.Single(side, problems);
        if (element is null)
        {
            problems.Error(rule, $"the {side} is missing", "<any/>, <network> or <address>");
            return null;
        }
        return Read(element, element.Single("port", problems), '-', protocols);
    }

    /// <summary>The side of an outbound rule, whose port stands beside it.</summary>
    public RuleEndpoint? Read(ConfigElement element, ConfigElement? port, char separator, ImmutableArray<byte>? protocols)
    {
        var addresses = ReadAddresses(element);
        var ports = ReadPorts(port, separator, protocols);
        if (addresses is null || ports is null)
            return null;
        var not = element.Flag("not", problems);
        if (not && addresses.Kind == EndpointKind.Any)
        {
            problems.Error(element, "not any would match nothing", "an address or network with <not/>");
            return null;
        }
        if (!not && ports.Value is { Ports.IsEmpty: true, Alias.Length: 0 })
            return addresses;
        return addresses with { Not = not, Ports = ports.Value.Ports, PortAlias = ports.Value.Alias };
    }

    private RuleEndpoint? ReadAddresses(ConfigElement element)
    {
        var any = element.Single("any", problems) is not null;
        var network = element.Single("network", problems);
        var address = element.Single("address", problems);
        var given = network ?? address;
        var text = given?.Value(problems) ?? "";
        if (any && text.Length > 0 || network is { Text.Length: > 0 } && address is { Text.Length: > 0 })
        {
            problems.Error(element, "there is more than one of any, network and address", "one");
            return null;
        }
        if (any)
            return new RuleEndpoint();
        if (text.Length == 0)
        {
            problems.Error(given ?? element, "the address is missing", "<any/>, <network> or <address>");
            return null;
        }
        if (text == "any")
            return new RuleEndpoint();
        if (network is not null && ReadKeyword(given!, text) is { } keyword)
            return keyword;
        if (AddressPrefix.TryParse(text, out var prefix))
            return new RuleEndpoint { Kind = EndpointKind.Prefixes, Prefixes = [prefix.Network] };
        return ReadAlias(given!, text);
    }

    private RuleEndpoint? ReadKeyword(ConfigElement element, string text)
    {
        if (text == "(self)")
            return new RuleEndpoint { Kind = EndpointKind.Self };
        if (Named(text) is { } whole)
            return OnInterface(element, whole, EndpointKind.InterfaceNetwork);
        if (text.EndsWith("ip", StringComparison.Ordinal) && Named(text[..^2]) is { } own)
            return OnInterface(element, own, EndpointKind.InterfaceAddress);
        return null;
    }

    private InterfaceConfiguration? Named(string name) => interfaces.FirstOrDefault(i => i.Name == name);

    private RuleEndpoint OnInterface(ConfigElement element, InterfaceConfiguration which, EndpointKind kind)
    {
        if (which.IPv4 is null && which.IPv6 is null)
            problems.Warn(element, $"{which.Name} has no address in this file; the rule follows the addresses found when it is applied");
        return new RuleEndpoint { Kind = kind, Interface = which.Name };
    }

    /// <summary>Whether the side can name an address of that family.</summary>
    public bool CanBe(RuleEndpoint side, bool ipv6) =>
        side.Kind switch
        {
            EndpointKind.Prefixes => side.Prefixes.Any(p => p.IsIPv6 == ipv6),
            EndpointKind.Alias => aliases.Addresses(side.Alias, out _) is { } a
                && (!a.Tables.IsEmpty || a.Prefixes.Any(p => p.IsIPv6 == ipv6)),
            _ => true,
        };

    private RuleEndpoint? ReadAlias(ConfigElement element, string text)
    {
        if (!aliases.Knows(text))
        {
            if (element.Name == "network" && OtherNetworks.Contains(text))
                problems.Warn(element, $"{text} is not served here, so the whole rule is kept, not applied");
            else
                problems.Error(
                    element,
                    $"{Quote(text)} is no address",
                    "an address, address/length, alias, or in <network> an interface name or (self)"
                );
            return null;
        }
        if (aliases.Addresses(text, out var reason) is not { } content)
        {
            problems.Warn(element, $"{reason}, so the whole rule is kept, not applied");
            return null;
        }
        if (!content.Prefixes.IsEmpty || !content.Tables.IsEmpty)
            return new RuleEndpoint { Kind = EndpointKind.Alias, Alias = text };
        problems.Warn(element, $"alias {text} is empty, so the whole rule is kept, not applied");
        return null;
    }

    private (ImmutableArray<PortRange> Ports, string Alias)? ReadPorts(
        ConfigElement? element,
        char separator,
        ImmutableArray<byte>? protocols
    )
    {
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || text == "any")
            return ([], "");
        if (protocols is { } p && (p.IsEmpty || p.Any(n => n is not (6 or 17 or 132))))
        {
            problems.Error(element!, "a port needs a protocol with ports", "protocol tcp, udp or tcp/udp");
            return null;
        }
        if (AliasTable.TryParsePorts(text, separator, out var range) || AliasTable.TryParsePorts(text, ':', out range))
            return ([range], "");
        if (!aliases.Knows(text))
        {
            problems.Error(element!, $"{Quote(text)} is no port", "a number from 1 to 65535, a range such as 8000-8080, or a port alias");
            return null;
        }
        if (aliases.Ports(text, out var reason) is { } content && (!content.Ports.IsEmpty || !content.Tables.IsEmpty))
            return ([], text);
        problems.Warn(element!, $"{(reason.Length > 0 ? reason : $"alias {text} is empty")}, so the whole rule is kept, not applied");
        return null;
    }
}
