using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>
/// Whether a peer holds a push, told from its sections as <c>backup_config_section</c> gives them: it does where taking the push would change nothing. So this
/// holds for pfSense too, and the peer's own items are no difference. Secrets that came masked cannot be compared and count as equal.
/// </summary>
public static class PeerCheck
{
    /// <summary>
    /// What taking a push would still change at the peer, a line each: "filter/rule[3]: only here". Places are named, values never: they may be secrets.
    /// </summary>
    /// <param name="peerSections">What the peer tells.</param>
    /// <param name="pushed">What is pushed.</param>
    /// <param name="limit">The most lines.</param>
    /// <param name="caller">The account that pushes, where the peer keeps it although it is not on this node; null where it does not, as pfSense.</param>
    public static ImmutableArray<string> Differences(XmlRpcStruct peerSections, XmlRpcStruct pushed, int limit, string? caller = null) =>
        [.. Missing(peerSections, pushed, limit, caller).Changes.Where(c => !IsSorted(c)).Select(c => $"{c.Path}: {Text(c)}")];

    // Accounts are sorted by name where they arrive.
    private static bool IsSorted(ConfigChange change) =>
        change.Kind == ConfigChangeKind.Moved
        && (
            change.Path.StartsWith("system/user", StringComparison.Ordinal)
            || change.Path.StartsWith("system/group", StringComparison.Ordinal)
        );

    /// <summary>What taking the push would still change at the peer.</summary>
    public static ConfigDiff Missing(
        XmlRpcStruct peerSections,
        XmlRpcStruct pushed,
        int limit = ConfigDiff.UsualLimit,
        string? caller = null
    )
    {
        var problems = new SyncProblems();
        var root = ConfigNode.Section("pfsense");
        foreach (var (name, value) in peerSections.Members)
        {
            if (SectionBackup.IsTold(name))
                root = root.WithAll(name, ConfigValues.ToNodes(name, value, problems, name));
        }
        var peer = new ConfigDocument(root);
        var outcome = SectionMerge.Restore(peer, pushed, new MergeOptions { Caller = caller });
        if (outcome.Candidate is not { } wanted)
            return new ConfigDiff([new ConfigChange("", ConfigChangeKind.Changed, "", outcome.Refusal)], 1);
        // Nothing and an empty section mean the same here.
        var after = WithoutEmpty(WithOwnCertificates(wanted.Root.Without("redoubt"), root));
        return ConfigDiff.Between(WithoutEmpty(root), Masked(after, WithoutEmpty(root)), limit);
    }

    private static string Text(ConfigChange change) =>
        change.Kind switch
        {
            ConfigChangeKind.Added => "only here",
            ConfigChangeKind.Removed => "only on the peer",
            ConfigChangeKind.Moved => "in another order",
            _ => change.Path.Length > 0 ? "differs" : $"cannot be compared: {change.New}",
        };

    // Which of its certificates the peer keeps for settings that it does not tell, only the peer knows.
    private static ConfigNode WithOwnCertificates(ConfigNode wanted, ConfigNode peer)
    {
        foreach (var list in (ReadOnlySpan<string>)["cert", "ca", "crl"])
        {
            var there = wanted.All(list).Select(c => c.Value("refid")).ToHashSet();
            wanted = wanted.WithAll(list, [.. wanted.All(list), .. peer.All(list).Where(c => !there.Contains(c.Value("refid")))]);
        }
        return wanted;
    }

    private static ConfigNode WithoutEmpty(ConfigNode root) =>
        root.WithChildren([.. root.Children.Where(c => c.Text.Length > 0 || ConfigDigest.Meaning(c).Length > 0)]);

    // Masks where the peer did, so that the rest can be compared.
    private static ConfigNode Masked(ConfigNode wanted, ConfigNode peer) => HoldsMask(peer) ? SectionBackup.Redacted(wanted) : wanted;

    private static bool HoldsMask(ConfigNode node) => node.Text == ConfigTags.Masked || node.Children.Any(HoldsMask);
}
