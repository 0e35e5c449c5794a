using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads what all kinds of translation have in common.</summary>
internal sealed class NatFields(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces, AliasTable aliases)
{
    private readonly EndpointReader _endpoints = new(problems, interfaces, aliases);

    public EndpointReader Endpoints => _endpoints;

    /// <summary>The interface's logical name; null after a problem.</summary>
    public string? Interface(ConfigElement entry)
    {
        var name = entry.Value("interface", problems);
        if (interfaces.Any(i => i.Name == name))
            return name;
        if (name is "openvpn" or "enc0" or "l2tp" or "pptp" or "pppoe")
            problems.Warn(entry.First("interface")!, $"{name} is not served here, so the whole rule is kept, not applied");
        else
            problems.Error(entry.First("interface") ?? entry, $"there is no interface {Quote(name)}", "a name from <interfaces>");
        return null;
    }

    /// <summary>A side whose port stands beside it.</summary>
    public RuleEndpoint? Side(ConfigElement entry, string side, string portTag, ImmutableArray<byte>? protocols)
    {
        if (entry.Single(side, problems) is { } element)
            return _endpoints.Read(element, entry.Single(portTag, problems), '-', protocols);
        problems.Error(entry, $"the {side} is missing", "<any/>, <network> or <address>");
        return null;
    }

    /// <summary>The family; <paramref name="otherwise"/> where the file does not say.</summary>
    public bool IsIPv6(ConfigElement entry, bool otherwise) =>
        entry.Value("ipprotocol", problems).Length > 0
            ? entry.Word("ipprotocol", problems, ("inet", false), ("inet6", true), ("inet46", otherwise))
            : otherwise;

    /// <summary>Whether the sides can be of that family; else the problem has been reported.</summary>
    public bool FitFamily(ConfigElement entry, bool ipv6, params RuleEndpoint[] sides)
    {
        if (sides.All(s => _endpoints.CanBe(s, ipv6)))
            return true;
        problems.Error(entry, "the rule's addresses are not of its family", "an ipprotocol that fits the addresses");
        return false;
    }
}
