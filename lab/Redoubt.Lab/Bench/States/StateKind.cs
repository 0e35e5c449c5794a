using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Bench.States;

/// <summary>A pair that replicates states, as the benchmark handles it.</summary>
internal sealed record StateKind(OutageKind Cluster, string Daemon)
{
    public static IReadOnlyList<StateKind> All { get; } =
    [
        new(OutageKind.All.Single(k => k.Name == "redoubt"), "redoubtd"),
        new(OutageKind.All.Single(k => k.Name == "keepalived"), "conntrackd"),
    ];

    /// <summary>What each of its nodes is made with; the translation is the same in both kinds.</summary>
    public NodeOptions Make() => Cluster.Make() is RedoubtOptions redoubt ? redoubt with { StaticPort = true } : Cluster.Make();

    /// <summary>On the command line and in the table.</summary>
    public string Name => Daemon == "redoubtd" ? "redoubt" : "conntrackd";

    /// <summary>The process that replicates on this node.</summary>
    public int Process(FirewallNode node) => node.Processes.Single(p => p.Name.EndsWith(Daemon, StringComparison.Ordinal)).Id;

    /// <summary>Has the second node, which was just started, filled by the first.</summary>
    public static void AskForBulk(FirewallNode node)
    {
        if (node is KeepalivedNode keepalived)
            node.Place.TryExecute("conntrackd", "-C", keepalived.ConntrackdConfig, "-n");
    }
}
