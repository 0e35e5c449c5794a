using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>IP protocols in pfSense's words.</summary>
internal static class Protocols
{
    private static readonly Dictionary<string, ImmutableArray<byte>> Numbers = new()
    {
        ["any"] = [],
        ["tcp"] = [6],
        ["udp"] = [17],
        ["tcp/udp"] = [6, 17],
        ["icmp"] = [1],
        ["ipv6-icmp"] = [58],
        ["igmp"] = [2],
        ["ipv6"] = [41],
        ["gre"] = [47],
        ["esp"] = [50],
        ["ah"] = [51],
        ["ospf"] = [89],
        ["pim"] = [103],
        ["carp"] = [112],
        ["sctp"] = [132],
        ["pfsync"] = [240],
    };

    /// <summary>Numbers; empty for all; null after an error.</summary>
    public static ImmutableArray<byte>? Read(ConfigElement entry, Problems problems)
    {
        var element = entry.Single("protocol", problems);
        var text = element?.Value(problems).ToLowerInvariant() ?? "";
        if (text.Length == 0)
            return [];
        if (Numbers.TryGetValue(text, out var numbers))
            return numbers;
        if (byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != 0)
            return [number];
        problems.Error(element!, $"{Quote(text)} is no protocol", "tcp, udp, tcp/udp, icmp, esp, ah, gre, ... or a number from 1 to 255");
        return null;
    }
}
