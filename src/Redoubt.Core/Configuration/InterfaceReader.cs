using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>Reads the section interfaces.</summary>
internal sealed class InterfaceReader(Problems problems)
{
    public ImmutableArray<InterfaceConfiguration> Read(ConfigElement? section)
    {
        if (section is null)
            return [];
        if (section.Children.Count > ConfigurationLimits.Interfaces)
        {
            problems.Error(section, "there are too many interfaces", "at most 256");
            return [];
        }
        var interfaces = ImmutableArray.CreateBuilder<InterfaceConfiguration>();
        var devices = new Dictionary<string, string>();
        var addresses = new Dictionary<AddressPrefix, string>();
        foreach (var entry in section.Children)
        {
            if (ReadOne(entry) is not { } read)
                continue;
            if (interfaces.Any(i => i.Name == read.Name))
                problems.Error(entry, $"interface {read.Name} occurs more than once", "one");
            else if (!devices.TryAdd(read.Device, read.Name))
                problems.Error(entry.First("if")!, $"device {read.Device} belongs to {devices[read.Device]} already", "another device");
            else
                interfaces.Add(read);
            foreach (var (tag, address) in new[] { ("ipaddr", read.IPv4), ("ipaddrv6", read.IPv6) })
            {
                if (address is { IsLinkLocal: false } a && !addresses.TryAdd(a.Host, read.Name))
                    problems.Error(entry.First(tag)!, $"address {a.AddressText} belongs to {addresses[a.Host]} already", "another address");
            }
        }
        return interfaces.ToImmutable();
    }

    private InterfaceConfiguration? ReadOne(ConfigElement entry)
    {
        if (!ElementReading.IsName(entry.Name))
        {
            problems.Error(entry, $"{ElementReading.Quote(entry.Name)} is no interface name", "lan, wan, opt1, ...");
            return null;
        }
        var deviceElement = entry.Single("if", problems);
        var device = deviceElement?.Value(problems) ?? "";
        var descr = entry.Value("descr", problems);
        var ipv4 = Static(entry, "ipaddr", "subnet", false);
        var ipv6 = Static(entry, "ipaddrv6", "subnetv6", true);
        var dynamic = entry.Value("ipaddr", problems) is "dhcp" or "pppoe" or "pptp" or "l2tp" or "ppp";
        var gateway = entry.Value("gateway", problems).Length > 0 || entry.Value("gatewayv6", problems).Length > 0;
        if (device.Length == 0)
        {
            problems.Error(deviceElement ?? entry, "the interface has no device", "the device's name in <if>");
            return null;
        }
        if (!DeviceName.IsValid(device))
        {
            problems.Error(deviceElement!, $"{ElementReading.Quote(device)} is no device name", "at most 15 letters, digits and . _ - @ +");
            return null;
        }
        return new InterfaceConfiguration
        {
            Name = entry.Name,
            Device = device,
            Description = descr.Length > 0 ? descr : entry.Name.ToUpperInvariant(),
            IPv4 = ipv4,
            IPv6 = ipv6,
            IsWan = entry.Name == "wan" || gateway || dynamic,
            BlockPrivate = entry.Flag("blockpriv", problems),
            BlockBogons = entry.Flag("blockbogons", problems),
            Line = entry.Line,
        };
    }

    private AddressPrefix? Static(ConfigElement entry, string tag, string lengthTag, bool ipv6)
    {
        var element = entry.Single(tag, problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0 || IsMethod(text))
            return null;
        if (!AddressPrefix.TryParseAddress(text, out var address, out var isIPv6) || isIPv6 != ipv6)
        {
            problems.Error(
                element!,
                $"{ElementReading.Quote(text)} is not an address",
                ipv6 ? "an IPv6 address, or dhcp6" : "an IPv4 address, or dhcp"
            );
            return null;
        }
        var length = entry.Number(lengthTag, 1, ipv6 ? 128 : 32, -1, problems);
        if (length >= 0)
            return new AddressPrefix(address, ipv6, length);
        if (entry.Value(lengthTag, problems).Length == 0)
            problems.Error(element!, "the address has no prefix length", $"a number of bits in <{lengthTag}>");
        return null;
    }

    private static bool IsMethod(string text) =>
        text is "dhcp" or "pppoe" or "pptp" or "l2tp" or "ppp" or "none" or "dhcp6" or "slaac" or "6rd" or "6to4" or "track6";
}
