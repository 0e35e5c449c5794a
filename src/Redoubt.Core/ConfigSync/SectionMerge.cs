using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>How a push is taken.</summary>
public sealed record MergeOptions
{
    /// <summary>The account that pushes: it is not removed though the primary does not have it. Null where it is not one of this node's.</summary>
    public string? Caller { get; init; }

    /// <summary>As pfSense does: this node's own virtual addresses of mode <c>other</c> are lost.</summary>
    public bool DropsOtherAddresses { get; init; }
}

/// <summary>
/// What a node makes of a push: pfSense's rules, and on top of them that nothing of the node's own is lost. Pure: the candidate that comes out is validated and
/// applied elsewhere. A push that was taken before changes nothing.
/// </summary>
public static class SectionMerge
{
    /// <summary><c>restore_config_section</c>: sections replaced whole, or element by element.</summary>
    public static MergeOutcome Restore(ConfigDocument local, XmlRpcStruct received, MergeOptions? options = null) =>
        new RestoreMerge(local, options ?? new MergeOptions()).Take(received);

    /// <summary>
    /// <c>redoubt.restore_config_changes</c>: sections as <see cref="Restore"/> takes them, and changes of what this node holds. <see cref="MergeOutcome.IsOutdated"/>
    /// where it holds something else than the sender believes, or the same would not come out: then nothing is taken, and the whole is wanted.
    /// </summary>
    /// <param name="local">This node's configuration.</param>
    /// <param name="held">What it holds, by area.</param>
    /// <param name="received">What came.</param>
    /// <param name="options">How it is taken.</param>
    public static MergeOutcome RestoreChanges(
        ConfigDocument local,
        IReadOnlyDictionary<string, string> held,
        XmlRpcStruct received,
        MergeOptions? options = null
    )
    {
        var problems = new SyncProblems();
        if (PushChanges.Read(received) is not { } changes)
            problems.Add("", "the changes are not understood");
        else if (changes.Areas.FirstOrDefault(a => held.GetValueOrDefault(a.Area) != a.Base) is { } other)
            return Outdated(other.Area);
        else
        {
            var outcome = new RestoreMerge(local, options ?? new MergeOptions()).Take(
                changes.Whole,
                changes.Areas.SelectMany(a => a.Lists)
            );
            if (outcome.Candidate is not { } candidate)
                return outcome;
            var made = AreaDigests.Held(candidate);
            return changes.Areas.FirstOrDefault(a => made.GetValueOrDefault(a.Area) != a.Result) is { } wrong
                ? Outdated(wrong.Area)
                : outcome with
                {
                    Held = made,
                };
        }
        return new MergeOutcome(null, false, [], problems.Problems, problems.Notes);
    }

    private static MergeOutcome Outdated(string area) =>
        new(null, false, [], [new SyncProblem(SyncProblems.Shown(area), "this node holds something else than the changes are of")], [])
        {
            IsOutdated = true,
        };

    /// <summary><c>merge_config_section</c>: only what is there already gets another value, however deep; nothing is made.</summary>
    public static MergeOutcome MergeConfig(ConfigDocument local, XmlRpcStruct received) => new OverlayMerge(local).Take(received);

    /// <summary><c>merge_installedpackages_section</c>: the settings of the given packages replaced; those of others stay, and so do the lists of what is installed.</summary>
    public static MergeOutcome MergeInstalledPackages(ConfigDocument local, XmlRpcStruct received)
    {
        var problems = new SyncProblems();
        var root = WithPackages(local.Root, received, problems);
        return Finish(local, root, received.Members.Length > 0 ? ["installedpackages"] : [], problems);
    }

    internal static ConfigNode WithPackages(ConfigNode root, XmlRpcStruct received, SyncProblems problems)
    {
        var packages = root.First("installedpackages") ?? ConfigNode.Section("installedpackages");
        foreach (var (name, value) in received.Members)
        {
            var path = $"installedpackages/{SyncProblems.Shown(name)}";
            if (SyncSections.PackageLists.Contains(name.ToLowerInvariant()))
                problems.Note(path, "not taken: what is installed on this node is its own");
            else
                packages = packages.WithAll(name.ToLowerInvariant(), ConfigValues.ToNodes(name, value, problems, path));
        }
        return packages.IsEmpty && !root.Has("installedpackages") ? root : root.With(packages);
    }

    internal static MergeOutcome Finish(ConfigDocument local, ConfigNode root, IEnumerable<string> sections, SyncProblems problems)
    {
        if (problems.Any)
            return new MergeOutcome(null, false, [], problems.Problems, problems.Notes);
        if (SyncSize.Refusal(root) is { } tooLarge)
        {
            problems.Add("", tooLarge);
            return new MergeOutcome(null, false, [], problems.Problems, problems.Notes);
        }
        var kept = AsWritten.Keep(local.Root, root);
        var isChanged = !kept.Without("redoubt").HasContentOf(local.Root.Without("redoubt"));
        return new MergeOutcome(local.With(kept), isChanged, [.. sections], [], problems.Notes);
    }
}
