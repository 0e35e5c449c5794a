using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.Configuration;

/// <summary>Reads gateways as far as rules need them. What is odd here is only a warning: the section is mostly somebody else's.</summary>
internal sealed class GatewayReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces)
{
    public GatewayTable Read(ConfigElement? section)
    {
        if (section is null)
            return GatewayTable.Empty;
        var items = ImmutableArray.CreateBuilder<Gateway>();
        foreach (var entry in section.All("gateway_item").Take(ConfigurationLimits.Gateways))
        {
            if (ReadItem(entry) is { } gateway && items.All(g => g.Name != gateway.Name))
                items.Add(gateway);
        }
        var groups = ImmutableArray.CreateBuilder<GatewayGroup>();
        foreach (var entry in section.All("gateway_group").Take(ConfigurationLimits.Gateways))
        {
            if (ReadGroup(entry, items) is { } group && groups.All(g => g.Name != group.Name))
                groups.Add(group);
        }
        return new GatewayTable(items.ToImmutable(), groups.ToImmutable());
    }

    private Gateway? ReadItem(ConfigElement entry)
    {
        var name = entry.Value("name", problems);
        var on = entry.Value("interface", problems);
        var text = entry.Value("gateway", problems);
        if (name.Length == 0)
            return null;
        if (interfaces.All(i => i.Name != on))
        {
            problems.Warn(
                entry.First("interface") ?? entry,
                $"there is no interface {ElementReading.Quote(on)}, so no rule can use the gateway"
            );
            return null;
        }
        AddressPrefix? address = null;
        if (AddressPrefix.TryParseAddress(text, out var value, out var ipv6))
            address = new AddressPrefix(value, ipv6, ipv6 ? 128 : 32);
        else
            ipv6 = entry.Value("ipprotocol", problems) == "inet6";
        _ = int.TryParse(entry.Value("weight", problems), NumberStyles.None, CultureInfo.InvariantCulture, out var weight);
        return new Gateway(name, on, address, ipv6, Math.Clamp(weight, 1, 30), entry.Flag("disabled", problems));
    }

    private GatewayGroup? ReadGroup(ConfigElement entry, IEnumerable<Gateway> items)
    {
        var name = entry.Value("name", problems);
        if (name.Length == 0)
            return null;
        var members = ImmutableArray.CreateBuilder<(int, string)>();
        foreach (var item in entry.All("item").Take(ConfigurationLimits.Gateways))
        {
            var parts = item.Value(problems).Split('|');
            if (
                parts.Length >= 2
                && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var tier)
                && tier is >= 1 and <= 5
                && items.Any(g => g.Name == parts[0])
            )
                members.Add((tier, parts[0]));
            else
                problems.Warn(item, $"{ElementReading.Quote(item.Text)} is no member", "a gateway's name|tier|address");
        }
        return new GatewayGroup(name, members.ToImmutable());
    }
}
