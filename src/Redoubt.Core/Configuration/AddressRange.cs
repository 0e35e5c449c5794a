namespace Redoubt.Core.Configuration;

/// <summary>Addresses from <paramref name="First"/> to <paramref name="Last"/>, both included, as numbers.</summary>
/// <param name="First">The lowest one.</param>
/// <param name="Last">Not below <paramref name="First"/>.</param>
/// <param name="IsIPv6">The family.</param>
public readonly record struct AddressRange(UInt128 First, UInt128 Last, bool IsIPv6)
{
    /// <summary>The range between two addresses.</summary>
    public AddressRange(IpAddressValue first, IpAddressValue last, bool ipv6)
        : this(Number(first), Number(last), ipv6) { }

    /// <summary>All addresses of a network.</summary>
    public static AddressRange Of(AddressPrefix prefix)
    {
        var first = Number(prefix.Network.Address);
        return new AddressRange(first, first | HostBits(prefix.MaxLength - prefix.Length), prefix.IsIPv6);
    }

    /// <summary>Whether an address is one of them.</summary>
    public bool Contains(IpAddressValue address, bool ipv6) => IsIPv6 == ipv6 && Number(address) is var n && n >= First && n <= Last;

    /// <summary>Sorted, overlapping and touching ranges joined.</summary>
    public static List<AddressRange> Joined(IEnumerable<AddressPrefix> prefixes)
    {
        var sorted = prefixes.Select(Of).ToArray();
        Array.Sort(sorted, static (a, b) => a.First.CompareTo(b.First));
        var joined = new List<AddressRange>(sorted.Length);
        foreach (var range in sorted)
        {
            if (joined.Count > 0 && (range.First <= joined[^1].Last || range.First == joined[^1].Last + 1))
            {
                if (range.Last > joined[^1].Last)
                    joined[^1] = joined[^1] with { Last = range.Last };
            }
            else
                joined.Add(range);
        }
        return joined;
    }

    /// <summary>The fewest networks that are exactly this range.</summary>
    public IEnumerable<AddressPrefix> Prefixes()
    {
        var bits = IsIPv6 ? 128 : 32;
        var from = First;
        while (true)
        {
            var host = from == 0 ? bits : Math.Min(bits, (int)UInt128.TrailingZeroCount(from));
            while (host > 0 && (from | HostBits(host)) > Last)
                host--;
            yield return new AddressPrefix(Address(from), IsIPv6, bits - host);
            var end = from | HostBits(host);
            if (end >= Last)
                yield break;
            from = end + 1;
        }
    }

    /// <summary>How many addresses, at most <paramref name="limit"/> + 1.</summary>
    public int Count(int limit) => Last - First >= (UInt128)limit ? limit + 1 : (int)(Last - First) + 1;

    /// <summary>The address so far behind the first one.</summary>
    public AddressPrefix At(int offset) => new(Address(First + (UInt128)offset), IsIPv6, IsIPv6 ? 128 : 32);

    /// <summary>The range as one network where it is one, else null.</summary>
    public AddressPrefix? AsPrefix()
    {
        var size = First ^ Last;
        if ((size & (size + 1)) != 0 || (First & size) != 0)
            return null;
        var host = size == UInt128.MaxValue ? 128 : (int)UInt128.TrailingZeroCount(size + 1);
        return new AddressPrefix(Address(First), IsIPv6, (IsIPv6 ? 128 : 32) - host);
    }

    /// <inheritdoc />
    public override string ToString()
    {
        var bits = IsIPv6 ? 128 : 32;
        if (AsPrefix() is { } prefix)
            return prefix.Length == bits ? prefix.AddressText : prefix.ToString();
        return $"{new AddressPrefix(Address(First), IsIPv6, bits).AddressText}-{new AddressPrefix(Address(Last), IsIPv6, bits).AddressText}";
    }

    private static UInt128 Number(IpAddressValue address) => new(address.High, address.Low);

    private static IpAddressValue Address(UInt128 number) => new((ulong)(number >> 64), (ulong)number);

    private static UInt128 HostBits(int bits) => bits >= 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
}
