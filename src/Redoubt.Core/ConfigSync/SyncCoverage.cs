using System.Collections.Immutable;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Whether a part of the configuration reaches the peer.</summary>
public enum CoverageState : byte
{
    /// <summary>All of it.</summary>
    Synchronised,

    /// <summary>All but some items that belong to this node.</summary>
    Partly,

    /// <summary>It would, but its area is not ticked.</summary>
    NotTicked,

    /// <summary>Never: it belongs to the node.</summary>
    NodeLocal,
}

/// <summary>One part of the configuration.</summary>
/// <param name="Section">The section; within <c>system</c> with a slash.</param>
/// <param name="State">Whether it reaches the peer.</param>
/// <param name="Areas">Names of the areas that carry it.</param>
/// <param name="Reason">Why not, or what of it does not.</param>
public sealed record CoverageRow(string Section, CoverageState State, ImmutableArray<string> Areas, string Reason);

/// <summary>The answer to "what is not synchronised, and why", for a configuration as it stands.</summary>
public static class SyncCoverage
{
    private const string PerNode = "describes this node, not the cluster";

    private static readonly Dictionary<string, string> _reasons = new()
    {
        ["interfaces"] = "names of devices and the node's own addresses; what is synchronised refers to the logical names",
        ["vlans"] = "devices of this node",
        ["qinqs"] = "devices of this node",
        ["laggs"] = "devices of this node",
        ["bridges"] = "devices of this node",
        ["gifs"] = "devices of this node",
        ["gres"] = "devices of this node",
        ["vxlans"] = "devices of this node",
        ["ppps"] = "devices of this node",
        ["hasync"] = "peer addresses and ids differ on each node; only the box adminsync travels",
        ["redoubt"] = "node id, peers and pins differ on each node",
        ["system"] = "host name, web interface and advanced settings belong to the node",
        ["version"] = "must be equal before anything is pushed",
        ["revision"] = "each node has its own history",
        ["lastchange"] = "each node has its own history",
        ["virtualip_carp_maintenancemode"] = "maintenance concerns one node",
        ["syslog"] = "logging of this node",
        ["cron"] = "jobs of this node",
        ["installedpackages"] = "packages synchronise themselves, if they do",
    };

    /// <summary>Every section that the document has, and <c>system</c>'s parts that can travel.</summary>
    public static ImmutableArray<CoverageRow> Of(ConfigDocument document)
    {
        var ticked = SyncArea.Of(document);
        var rows = ImmutableArray.CreateBuilder<CoverageRow>();
        foreach (var name in document.Root.Children.Select(c => c.Name).Distinct())
        {
            if (name == "system")
            {
                foreach (var part in (ReadOnlySpan<string>)["system/user", "system/group", "system/authserver"])
                    rows.Add(Row(document, part, ticked));
            }
            rows.Add(Row(document, name, ticked));
        }
        return rows.ToImmutable();
    }

    private static CoverageRow Row(ConfigDocument document, string section, SyncAreas ticked)
    {
        var areas = SyncArea.All.Where(a => a.Sections.Contains(section)).ToList();
        var names = areas.Select(a => a.Name).ToImmutableArray();
        if (areas.Count == 0)
        {
            var known = ConfigSections.Of(section).Role == SectionRole.Unknown ? "not known here: kept, never sent" : PerNode;
            return new CoverageRow(section, CoverageState.NodeLocal, [], _reasons.GetValueOrDefault(section, known));
        }
        if (!areas.Exists(a => (ticked & a.Area) != 0))
            return new CoverageRow(section, CoverageState.NotTicked, names, $"the area {string.Join(" or ", names)} is not ticked");
        var kept = Kept(document, section);
        return new CoverageRow(section, kept.Length > 0 ? CoverageState.Partly : CoverageState.Synchronised, names, kept);
    }

    // What of a section that travels stays all the same.
    private static string Kept(ConfigDocument document, string section)
    {
        var reasons = new List<string>();
        var marked = SyncSections
            .Marked.Where(m => m.Section == section)
            .SelectMany(m => document.Root.Find(m.Container.Length == 0 ? section : $"{section}/{m.Container}")?.All(m.List) ?? [])
            .Count(i => i.Has("nosync"));
        var vips = section == "virtualip" ? document.Section(section)!.All("vip").ToList() : [];
        marked += vips.Count(v => v.Has("nosync"));
        if (marked > 0)
            reasons.Add(FormattableString.Invariant($"{marked} marked nosync"));
        if (vips.Count(PushRewrites.IsOfOneNode) is > 0 and var own)
            reasons.Add(FormattableString.Invariant($"{own} aliases or proxy ARP entries that are not on a CARP address"));
        if (section == "system/user" && (SyncArea.Of(document) & SyncAreas.AdminSync) == 0)
            reasons.Add("accounts with a uid below 2000: the peer keeps its own");
        foreach (var (_, container, names) in SyncSections.NodeLocal.Where(l => l.Section == section))
        {
            var places = container == "*" ? document.Section(section)!.Children : [.. document.Section(section)!.All(container)];
            var there = names.Where(n => places.Any(p => p.Has(n))).ToList();
            if (there.Count > 0)
                reasons.Add($"of each node's own: {string.Join(", ", there)}");
        }
        return string.Join("; ", reasons);
    }
}
