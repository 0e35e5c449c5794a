using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>Values of an alias that come from outside config.xml: a fetched table, the addresses of host names.</summary>
/// <param name="Prefixes">Hosts and networks.</param>
/// <param name="Ports">Ports.</param>
/// <param name="Refused">Entries that are neither.</param>
public sealed record AliasFile(ImmutableArray<AddressPrefix> Prefixes, ImmutableArray<PortRange> Ports, int Refused)
{
    /// <summary>
    /// Reads a list: one entry (address, network, range of addresses, port or range of ports) a line; '#' and ';' begin a comment; further words on a line are
    /// ignored. At most <see cref="ConfigurationLimits.AliasValues"/> entries are taken, the rest counts as refused.
    /// </summary>
    public static AliasFile Parse(string text)
    {
        var prefixes = ImmutableArray.CreateBuilder<AddressPrefix>();
        var ports = ImmutableArray.CreateBuilder<PortRange>();
        var refused = 0;
        foreach (var raw in text.AsSpan().EnumerateLines())
        {
            var comment = raw.IndexOfAny('#', ';');
            var line = (comment < 0 ? raw : raw[..comment]).Trim();
            var end = line.IndexOfAny(' ', '\t');
            var entry = end < 0 ? line : line[..end];
            if (entry.IsEmpty)
                continue;
            if (entry.Length > 128 || prefixes.Count + ports.Count >= ConfigurationLimits.AliasValues)
            {
                refused++;
                continue;
            }
            if (TryParseAddresses(entry, prefixes))
                continue;
            var word = entry.ToString();
            if (AliasTable.TryParsePorts(word, ':', out var range) || AliasTable.TryParsePorts(word, '-', out range))
                ports.Add(range);
            else
                refused++;
        }
        return new AliasFile(prefixes.ToImmutable(), ports.ToImmutable(), refused);
    }

    /// <summary>An address, a network, or a range "10.0.0.1-10.0.0.9", which is cut into networks.</summary>
    internal static bool TryParseAddresses(ReadOnlySpan<char> text, ImmutableArray<AddressPrefix>.Builder into)
    {
        if (AddressPrefix.TryParse(text, out var prefix))
        {
            into.Add(prefix.Network);
            return true;
        }
        var dash = text.IndexOf('-');
        if (dash <= 0)
            return false;
        if (
            !AddressPrefix.TryParseAddress(text[..dash], out var first, out var ipv6)
            || !AddressPrefix.TryParseAddress(text[(dash + 1)..], out var last, out var lastIPv6)
            || ipv6 != lastIPv6
        )
            return false;
        var range = new AddressRange(first, last, ipv6);
        if (range.First > range.Last)
            return false;
        into.AddRange(range.Prefixes());
        return true;
    }
}
