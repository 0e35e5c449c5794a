using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>
/// Reads what a virtualip/vip of mode proxyarp or other stands for: one address (<c>type</c> single), a network (<c>type</c> network: <c>subnet</c> and
/// <c>subnet_bits</c>), or, in files of older systems, <c>range</c> with <c>from</c> and <c>to</c>.
/// </summary>
internal sealed class AddressBlockReader(Problems problems)
{
    private enum Kind
    {
        ByLength,
        Single,
        Network,
        Range,
    }

    /// <summary>The addresses, and the prefix that names them; null where there is an error.</summary>
    public (AddressPrefix Prefix, AddressRange Range)? Read(ConfigElement entry)
    {
        var range = entry.Single("range", problems);
        var kind = entry.Word(
            "type",
            problems,
            ("", Kind.ByLength),
            ("single", Kind.Single),
            ("network", Kind.Network),
            ("range", Kind.Range)
        );
        if (kind == Kind.Range || (range is not null && entry.Value("subnet", problems).Length == 0))
            return ReadRange(entry, range);
        if (entry.Value("subnet", problems).Length == 0)
        {
            problems.Error(entry.First("subnet") ?? entry, "the address is missing", "an IPv4 or IPv6 address in <subnet>");
            return null;
        }
        if (entry.Address("subnet", problems) is not { } host)
            return null;
        // What one address has behind it does not count.
        var length = kind == Kind.Single ? host.MaxLength : entry.Number("subnet_bits", 1, host.MaxLength, 0, problems);
        if (length == 0)
        {
            if (entry.Value("subnet_bits", problems).Length == 0)
                problems.Error(
                    entry.First("subnet_bits") ?? entry,
                    "the prefix length is missing",
                    FormattableString.Invariant($"a number from 1 to {host.MaxLength}")
                );
            return null;
        }
        var prefix = host with { Length = length };
        return (prefix, AddressRange.Of(prefix));
    }

    private (AddressPrefix Prefix, AddressRange Range)? ReadRange(ConfigElement entry, ConfigElement? range)
    {
        var first = range?.Address("from", problems);
        var last = range?.Address("to", problems);
        if (range is null || range.Value("from", problems).Length == 0 || range.Value("to", problems).Length == 0)
            problems.Error(range ?? entry, "the range is missing", "<range> with <from> and <to>");
        if (first is not { } from || last is not { } to)
            return null;
        var addresses = new AddressRange(from.Address, to.Address, from.IsIPv6);
        if (from.IsIPv6 == to.IsIPv6 && addresses.First <= addresses.Last)
            return (from, addresses);
        problems.Error(
            range!.First("to")!,
            $"{to.AddressText} does not end a range that begins with {from.AddressText}",
            "a later address of the same family"
        );
        return null;
    }
}
