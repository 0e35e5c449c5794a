using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench;

/// <summary>One kind of cluster that is measured.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Programs">Programs of the host that it needs.</param>
/// <param name="Make">What each of its two nodes is made with.</param>
/// <param name="IsWhole">True when the first firewall is master of both addresses, the second backup and, where states are replicated, in sync.</param>
/// <param name="Version">What it calls itself.</param>
internal sealed record OutageKind(
    string Name,
    IReadOnlyList<string> Programs,
    Func<NodeOptions> Make,
    Func<LabCluster, bool> IsWhole,
    Func<LabCluster, string> Version
)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1);

    /// <summary>All of them; the first is what the others are compared with.</summary>
    public static IReadOnlyList<OutageKind> All { get; } =
    [
        new(
            "redoubt",
            [],
            () => new RedoubtOptions(),
            IsRedoubtWhole,
            lab => $"Redoubt {lab.Redoubt(1).Status().Version}, default profile, state sync"
        ),
        new(
            "redoubt-fast",
            [],
            () => new RedoubtOptions { RedoubtXml = "<failover><profile>fast</profile></failover>" },
            IsRedoubtWhole,
            lab => $"Redoubt {lab.Redoubt(1).Status().Version}, fast profile, state sync"
        ),
        new("ucarp", ["ucarp"], () => new UcarpOptions(), IsPairWhole, lab => $"{Line(lab, "ucarp 1", "ucarp", "--help")}, advbase 1"),
        new(
            "keepalived",
            ["keepalived", "conntrackd"],
            () => new KeepalivedOptions(),
            IsPairWhole,
            lab =>
                $"{Line(lab, "Keepalived v", "keepalived", "--version")}, VRRP 3, advert_int 1, with "
                + $"{Line(lab, "Connection tracking", "conntrackd", "-v")}, FTFW"
        ),
        new(
            "keepalived-10ms",
            ["keepalived", "conntrackd"],
            () => new KeepalivedOptions { AdvertInterval = 0.01 },
            IsPairWhole,
            lab => $"{Line(lab, "Keepalived v", "keepalived", "--version")}, VRRP 3, advert_int 0.01, with conntrackd"
        ),
    ];

    private static bool IsRedoubtWhole(LabCluster lab) => Is(lab.Redoubt(1), VipState.Master) && Is(lab.Redoubt(2), VipState.Backup);

    private static bool Is(RedoubtNode node, VipState state)
    {
        try
        {
            return node.Status(_patience) is { Carp: { Demotion: 0, Vips.Count: > 0 } carp, StateSync.Peers: { Count: > 0 } peers }
                && carp.Vips.All(v => v.State == state)
                && peers.All(p => p is { Alive: true, InSync: true });
        }
        catch (ControlException)
        {
            return false;
        }
    }

    private static bool IsPairWhole(LabCluster lab)
    {
        var (first, second) = (lab.Nodes[0], lab.Nodes[1]);
        return first.HasLanAddress && first.HasWanAddress && !second.HasLanAddress && !second.HasWanAddress;
    }

    private static string Line(LabCluster lab, string start, params IReadOnlyList<string> command)
    {
        var said = lab.Nodes[0].Place.TryExecute(command);
        var line = $"{said.Output}\n{said.Error}".Split('\n').FirstOrDefault(l => l.StartsWith(start, StringComparison.OrdinalIgnoreCase));
        var end = line?.IndexOfAny([',', '(', '-']) ?? -1;
        var words = (end > 0 ? line![..end] : line ?? $"{Tool.Find(command[0])} (no version)").Trim().TrimEnd('.').Split(". ")[0];
        return words.Replace("Connection tracking userspace daemon", "conntrackd", StringComparison.Ordinal);
    }
}
