using static Redoubt.Core.Configuration.ElementReading;
using static Redoubt.Core.Configuration.VirtualAddressReader;

namespace Redoubt.Core.Configuration;

/// <summary>
/// Reads what a virtualip/vip of mode proxyarp or other stands for: one address (<c>type</c> single), a network (<c>type</c> network: <c>subnet</c> and
/// <c>subnet_bits</c>), or, in files of older systems, <c>range</c> with <c>from</c> and <c>to</c>.
/// </summary>
internal sealed class AddressBlockReader(Problems problems)
{
    private readonly Dictionary<string, int> _proxied = [];

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

    /// <summary>Whether an entry of mode proxyarp says what can be answered for; to be called for each in turn.</summary>
    public void CheckProxied(ConfigElement entry, VirtualAddress vip)
    {
        var at = entry.First("range") ?? entry.First("subnet") ?? entry;
        if (!IsUsable(vip.Range.At(0)) || !IsUsable((vip.Range with { First = vip.Range.Last }).At(0)))
            problems.Error(at, $"nobody can have {vip.Range}", "unicast addresses");
        var count = _proxied.GetValueOrDefault(vip.Interface);
        if (count > ConfigurationLimits.ProxiedAddresses)
            return; // told of
        _proxied[vip.Interface] = count += vip.Range.Count(ConfigurationLimits.ProxiedAddresses);
        if (count > ConfigurationLimits.ProxiedAddresses)
            problems.Error(
                at,
                $"with {vip.Range} too many addresses are to be answered for on {vip.Interface}",
                FormattableString.Invariant(
                    $"at most {ConfigurationLimits.ProxiedAddresses} on an interface; mode other for what is routed here"
                )
            );
    }

    /// <summary>Only a virtual MAC's device has a gate for addresses that nobody has.</summary>
    public void CheckHosts(
        IEnumerable<(ConfigElement Element, VirtualAddress Address)> entries,
        IReadOnlyList<VirtualHostConfiguration> hosts
    )
    {
        foreach (var (element, vip) in entries)
        {
            var near = hosts.Where(h => h.Interface == vip.Interface).ToList();
            if (vip.Mode == VirtualAddressMode.ProxyArp && near.Count > 0 && near.TrueForAll(h => h.UsesRealMac))
                problems.Error(
                    element.First("interface")!,
                    $"every vhid on {vip.Interface} uses the real MAC: nothing would keep two nodes from answering for {vip.Range}",
                    "a vhid with <mac>virtual</mac> there, or none"
                );
        }
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
