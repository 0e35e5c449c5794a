using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Writes what an interface refuses by its source address: blockpriv and blockbogons.</summary>
internal static class SourceText
{
    private static readonly ImmutableArray<AddressPrefix> _private = Parse("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 127.0.0.0/8 fc00::/7");

    // IANA's special-purpose registries: what is not globally reachable, and what is not assigned to hosts. Private networks have their own switch.
    private static readonly ImmutableArray<AddressPrefix> _bogons = Parse(
        "0.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 "
            + "::/8 100::/64 2001::/23 2001:db8::/32 3fff::/20 fec0::/10 ff00::/8"
    );

    public static void Write(ChainText chain, InterfaceConfiguration on, RulesetContext context, NetworkView network, AddressSets sets)
    {
        foreach (var ipv6 in new[] { false, true })
        {
            if (on.BlockPrivate)
                Refuse(chain, on.Name, "private", _private, ipv6, network, sets, "private source address");
            if (!on.BlockBogons)
                continue;
            var table = ipv6 ? RulesetContext.BogonTableIPv6 : RulesetContext.BogonTable;
            var list = context.Tables.TryGetValue(table, out var file) ? file.Prefixes : _bogons;
            Refuse(chain, on.Name, "bogon", list, ipv6, network, sets, "source address that nobody can have");
        }
    }

    // What is set on the interface itself is there, whatever the list says.
    private static void Refuse(
        ChainText chain,
        string name,
        string set,
        ImmutableArray<AddressPrefix> list,
        bool ipv6,
        NetworkView network,
        AddressSets sets,
        string comment
    )
    {
        if (sets.Operand(set, list, ipv6) is not { } refused)
            return;
        var family = ipv6 ? "ip6" : "ip";
        var except = sets.Operand($"net_{name}", network.Networks(name), ipv6) is { } near ? $"{family} saddr != {near} " : "";
        chain.Rule($"{family} saddr {refused} {except}counter name \"{RulesetCompiler.BlockedCounter}\" drop", comment);
    }

    private static ImmutableArray<AddressPrefix> Parse(string list)
    {
        var prefixes = ImmutableArray.CreateBuilder<AddressPrefix>();
        foreach (var word in list.Split(' '))
            AliasFile.TryParseAddresses(word, prefixes);
        return prefixes.ToImmutable();
    }
}
