using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Compiles a configuration into table inet redoubt. Pure: time, devices and fetched tables come in with the context.</summary>
public static class RulesetCompiler
{
    /// <summary>Name of the table in family inet.</summary>
    public const string Table = "redoubt";

    /// <summary>Name of the counter of packets that fit no connection.</summary>
    public const string InvalidCounter = "invalid";

    /// <summary>Name of the counter of packets that no rule let through.</summary>
    public const string BlockedCounter = "blocked";

    /// <summary>Name of the counter of packets to addresses of virtual routers without accept mode.</summary>
    public const string UnacceptedCounter = "unaccepted";

    /// <summary>A transaction that removes the table, and does nothing when there is none.</summary>
    public const string RemoveTable = "add table inet redoubt\ndelete table inet redoubt\n";

    /// <summary>The text of one transaction that replaces the whole table.</summary>
    public static string Compile(NodeConfiguration configuration, RulesetContext context) => Build(configuration, context).ToString();

    /// <summary>
    /// The ruleset in parts. The order of rules is that of the file. Throws <see cref="ArgumentException"/> for a device name in
    /// the context that no kernel would give.
    /// </summary>
    public static Ruleset Build(NodeConfiguration configuration, RulesetContext context)
    {
        var builder = new RulesetBuilder();
        builder.Counter(InvalidCounter);
        builder.Counter(BlockedCounter);
        if (configuration.Interfaces.IsEmpty)
        {
            NatText.WriteEmptyChains(builder);
            return builder.Build([], null);
        }
        var network = new NetworkView(configuration, context);
        var sets = new AddressSets(configuration, context, builder);
        var rules = new RuleText(network, sets);
        network.WriteSets(builder);
        var filter = new FilterText(configuration, context, network, sets, rules, builder);
        new AutomaticText(configuration, context, network, builder).Write(filter.HasOverload, filter.Stateless);
        filter.Write();
        new NatText(configuration, network, sets, rules, builder).Write();
        return builder.Build(PolicyRoute.Of(configuration, filter.Gateways), filter.NextChange);
    }

    /// <summary>The transaction for a node without a configuration: nothing is filtered, the NAT hooks are there for states that come from peers.</summary>
    public static string Unconfigured() => Build(new NodeConfiguration(), new RulesetContext()).ToString();
}
