using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads nat/rule.</summary>
internal sealed class PortForwardReader(
    Problems problems,
    ImmutableArray<InterfaceConfiguration> interfaces,
    FirewallSettings settings,
    AliasTable aliases,
    NatFields fields
)
{
    public PortForward? Read(ConfigElement entry)
    {
        var name = fields.Interface(entry);
        var protocols = Protocols.Read(entry, problems);
        var source = fields.Endpoints.Read(entry, "source", protocols);
        var destination = fields.Endpoints.Read(entry, "destination", protocols);
        if (name is null || protocols is null || source is null || destination is null)
            return null;
        var noRedirect = entry.Flag("nordr", problems);
        ushort? port = null;
        if ((noRedirect ? [] : Targets(entry)) is not { } targets || (!noRedirect && !TryPort(entry, destination, out port)))
            return null;
        if (destination.Ports is [var asked] && asked.First != asked.Last && port is not null && targets is not [{ IsLoopback: false }])
            return Out(entry.First("local-port")!, "a range that moves to other ports needs one server");
        var ipv6 = fields.IsIPv6(entry, !targets.IsEmpty && targets[0].IsIPv6);
        if (!targets.IsEmpty && targets[0].IsIPv6 != ipv6)
        {
            problems.Error(entry.First("target")!, "the target is not of the rule's family", ipv6 ? "an IPv6 address" : "an IPv4 address");
            return null;
        }
        if (!fields.FitFamily(entry, ipv6, source, destination))
            return null;
        return new PortForward
        {
            Interface = name,
            IsIPv6 = ipv6,
            Protocols = protocols.Value,
            Source = source,
            Destination = destination,
            Targets = targets,
            LocalPort = port,
            Reflection = Reflection(entry, destination),
            NoRedirect = noRedirect,
            Passes = entry.Value("associated-rule-id", problems) == "pass",
            Description = entry.Value("descr", problems),
            IsDisabled = entry.Flag("disabled", problems),
            Line = entry.Line,
        };
    }

    private NatReflection Reflection(ConfigElement entry, RuleEndpoint destination)
    {
        var wanted = entry.Word(
            "natreflection",
            problems,
            ("default", settings.Reflection),
            ("enable", NatReflection.Translated),
            ("purenat", NatReflection.Pure),
            ("disable", NatReflection.Disabled)
        );
        if (wanted == NatReflection.Disabled || (destination.Kind != EndpointKind.Any && !destination.Not))
            return wanted;
        // Else every connection of the inside to that port, wherever it goes, would end here.
        if (entry.First("natreflection") is { Text.Length: > 0 } element)
            problems.Warn(element, "reflection needs one destination; the forward works without it");
        return NatReflection.Disabled;
    }

    private ImmutableArray<AddressPrefix>? Targets(ConfigElement entry)
    {
        var element = entry.Single("target", problems);
        var text = element?.Value(problems) ?? "";
        if (interfaces.FirstOrDefault(i => $"{i.Name}ip" == text) is { } own)
            return own.IPv4 is { } address ? [address.Host] : LeaveOut(element!, $"{own.Name} has no address in this file");
        if (!aliases.Knows(text))
            return (element ?? entry).Address(problems) is { } host ? [host] : null;
        if (aliases.Addresses(text, out var reason) is not { } content)
            return LeaveOut(element!, reason);
        if (
            content.Prefixes.IsEmpty
            || !content.Tables.IsEmpty
            || content.Prefixes.Length > ConfigurationLimits.PoolSize
            || content.Prefixes.Any(p => !p.IsHost || p.IsIPv6 != content.Prefixes[0].IsIPv6)
        )
            return LeaveOut(element!, $"alias {text} is no list of hosts of one family");
        return content.Prefixes;
    }

    private bool TryPort(ConfigElement entry, RuleEndpoint destination, out ushort? port)
    {
        port = null;
        var element = entry.Single("local-port", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || text == destination.PortAlias)
            return true;
        if (!destination.HasPorts)
        {
            problems.Error(element!, "a local port needs ports of the destination", "a port in <destination>");
            return false;
        }
        if (aliases.Knows(text))
        {
            problems.Warn(element!, "ports of different aliases can not be told apart, so the whole rule is kept, not applied");
            return false;
        }
        if (!AliasTable.TryParsePorts(text, '-', out var range) && !AliasTable.TryParsePorts(text, ':', out range))
        {
            problems.Error(element!, $"{Quote(text)} is no port", "a number from 1 to 65535, or the destination's alias");
            return false;
        }
        if (destination.Ports is not [var asked] || asked.First == asked.Last)
        {
            port = range.First;
            return true;
        }
        if (asked.First == range.First)
            return true;
        if (asked.Last - asked.First >= ConfigurationLimits.PoolSize || range.First + (asked.Last - asked.First) > 65535)
        {
            problems.Warn(element!, "a range of more than 256 ports keeps its numbers, so the whole rule is kept, not applied");
            return false;
        }
        port = range.First;
        return true;
    }

    private PortForward? Out(ConfigElement at, string why)
    {
        LeaveOut(at, why);
        return null;
    }

    private ImmutableArray<AddressPrefix>? LeaveOut(ConfigElement at, string why)
    {
        problems.Warn(at, $"{why}, so the whole rule is kept, not applied");
        return null;
    }
}
