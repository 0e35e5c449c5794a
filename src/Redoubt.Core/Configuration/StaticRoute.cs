using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>One entry of <c>staticroutes/route</c> with its gateway looked up.</summary>
/// <param name="Network">The destination.</param>
/// <param name="Gateway">The next hop; null: packets for it are dropped (pfSense's Null4 and Null6).</param>
/// <param name="Device">Kernel's name of the device that the next hop is reached by; empty where there is none.</param>
public sealed record StaticRoute(AddressPrefix Network, AddressPrefix? Gateway, string Device)
{
    /// <summary>Only a virtual address leads to the next hop: on this node's link it is all the same, whoever holds that one.</summary>
    public bool IsOnLink { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        Gateway is { } hop ? $"{Network.Network} by {hop.AddressText} on {Device}" : $"{Network.Network} to nowhere";
}

/// <summary>Reads the section staticroutes.</summary>
public static class StaticRouteReader
{
    /// <summary>Most routes.</summary>
    public const int Limit = 10_000;

    private static readonly string[] _dynamic = ["_DHCP", "_DHCP6", "_PPPOE", "_PPP", "_SLAAC", "_6RD", "_6TO4", "_TUNNELV4", "_TUNNELV6"];

    /// <summary>The routes that can be set; what cannot is told: an error where the document contradicts itself, a warning where it names what this node does not know.</summary>
    public static ImmutableArray<StaticRoute> Read(
        ConfigDocument document,
        NodeConfiguration configuration,
        string file,
        out ImmutableArray<ConfigurationProblem> problems
    )
    {
        var routes = ImmutableArray.CreateBuilder<StaticRoute>();
        var found = ImmutableArray.CreateBuilder<ConfigurationProblem>();
        var taken = new HashSet<AddressPrefix>();
        var index = 0;
        foreach (var entry in document.Section("staticroutes")?.All("route") ?? [])
        {
            var at = string.Create(CultureInfo.InvariantCulture, $"staticroutes/route[{++index}]");
            void Tell(bool isError, string element, string message, string expected = "") =>
                found.Add(new ConfigurationProblem(isError, file, entry.Line, $"{at}/{element}", message, expected));
            if (index > Limit)
            {
                Tell(true, "network", "there are too many routes", string.Create(CultureInfo.InvariantCulture, $"at most {Limit}"));
                break;
            }
            var text = entry.Value("network");
            var name = entry.Value("gateway");
            if (entry.Has("disabled") || (text.Length == 0 && name.Length == 0))
                continue;
            if (!AddressPrefix.TryParse(text, out var network))
            {
                var isAlias = text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');
                Tell(
                    !isAlias,
                    "network",
                    isAlias
                        ? $"the alias {ElementReading.Quote(text)} is not resolved for routes; the route is kept, not applied"
                        : $"{ElementReading.Quote(text)} is no network",
                    "address/length"
                );
            }
            else if (!taken.Add(network.Network))
                Tell(true, "network", $"there are two routes to {network.Network}", "one");
            else if (name is "Null4" or "Null6")
                routes.Add(new StaticRoute(network.Network, null, ""));
            else if (configuration.Gateways.Items.FirstOrDefault(g => g.Name == name) is not { } gateway)
            {
                var isDynamic = Array.Exists(_dynamic, d => name.EndsWith(d, StringComparison.OrdinalIgnoreCase));
                Tell(
                    !isDynamic,
                    "gateway",
                    isDynamic
                        ? $"the gateway {ElementReading.Quote(name)} is learnt by others; the route is kept, not applied"
                        : $"there is no gateway {ElementReading.Quote(name)}",
                    "a name from <gateways>"
                );
            }
            else if (gateway.IsDisabled || gateway.Address is not { } hop)
                Tell(false, "gateway", $"the gateway {name} has no address or is switched off; the route is kept, not applied");
            else if (hop.IsIPv6 != network.IsIPv6)
                Tell(true, "gateway", $"the gateway {name} is of the other family", network.IsIPv6 ? "an IPv6 gateway" : "an IPv4 gateway");
            else
                routes.Add(
                    new StaticRoute(network.Network, hop, configuration.Interface(gateway.Interface)!.Device)
                    {
                        IsOnLink = IsOnLink(configuration, gateway.Interface, hop),
                    }
                );
        }
        problems = found.ToImmutable();
        return routes.ToImmutable();
    }

    private static bool IsOnLink(NodeConfiguration configuration, string name, AddressPrefix hop)
    {
        var configured = configuration.Interface(name)!;
        return (hop.IsIPv6 ? configured.IPv6 : configured.IPv4)?.Network.Contains(hop) != true
            && !StandingAddress.Of(configuration).Any(a => a.Interface == name && a.Prefix.Network.Contains(hop))
            && configuration.VirtualHosts.Any(h => h.Interface == name && h.Addresses.Any(a => a.Network.Contains(hop)));
    }
}
