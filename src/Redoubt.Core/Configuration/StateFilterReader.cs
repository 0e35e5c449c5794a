using System.Collections.Immutable;
using Redoubt.Core.StateSync;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads redoubt/statesync/accept and ignore: what is replicated, and what is not.</summary>
internal static class StateFilterReader
{
    private static readonly (string Name, byte Number)[] _protocols =
    [
        ("icmp", 1),
        ("tcp", 6),
        ("udp", 17),
        ("gre", 47),
        ("esp", 50),
        ("icmpv6", 58),
        ("sctp", 132),
    ];

    public static StateFilters Read(ConfigElement stateSync, Problems problems) =>
        new(Filters(stateSync, "accept", problems), Filters(stateSync, "ignore", problems));

    private static ImmutableArray<StateFilter> Filters(ConfigElement stateSync, string name, Problems problems)
    {
        var filters = ImmutableArray.CreateBuilder<StateFilter>();
        foreach (var element in stateSync.All(name))
        {
            if (filters.Count == StateFilter.MaxFilters)
            {
                problems.Error(element, $"there are too many <{name}>", FormattableString.Invariant($"at most {StateFilter.MaxFilters}"));
                break;
            }
            foreach (var child in element.Children)
            {
                if (child.Name is not ("protocol" or "address" or "port" or "zone"))
                    problems.Error(child, $"{Quote(child.Name)} is no condition", "protocol, address, port, zone");
            }
            if (element.Children.Count == 0)
                problems.Error(element, $"<{name}> names nothing", "protocol, address, port or zone");
            else
                filters.Add(Filter(element, problems));
        }
        return filters.ToImmutable();
    }

    private static StateFilter Filter(ConfigElement element, Problems problems)
    {
        var filter = new StateFilter
        {
            Protocol = element.First("protocol") is { } protocol ? Protocol(protocol, problems) : null,
            Zone = element.First("zone") is null ? null : (ushort)element.Number("zone", 0, ushort.MaxValue, 0, problems),
            Port = element.First("port") is null ? null : (ushort)element.Number("port", 0, ushort.MaxValue, 0, problems),
        };
        if (element.First("address") is not { } address)
            return filter;
        if (!AddressPrefix.TryParse(address.Value(problems), out var prefix))
        {
            problems.Error(address, $"{Quote(address.Value(problems))} is no address", "an address or a network, 192.0.2.0/24");
            return filter;
        }
        return filter with
        {
            Family = prefix.IsIPv6 ? (byte)10 : (byte)2,
            Network = prefix.Network.Address,
            PrefixLength = (byte)prefix.Length,
        };
    }

    private static byte? Protocol(ConfigElement element, Problems problems)
    {
        var text = element.Value(problems);
        foreach (var (name, number) in _protocols)
        {
            if (text == name)
                return number;
        }
        if (byte.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value))
            return value;
        problems.Error(element, $"{Quote(text)} is no protocol", "icmp, tcp, udp, gre, esp, icmpv6, sctp or a number");
        return null;
    }
}
