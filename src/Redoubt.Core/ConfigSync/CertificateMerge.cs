using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Keeps certificates and authorities that this node's own settings name, though the primary does not have them.</summary>
internal static class CertificateMerge
{
    /// <summary>The root with what is still needed put back behind the primary's.</summary>
    /// <param name="root">The candidate.</param>
    /// <param name="local">The root before the push.</param>
    /// <param name="lists">Which of <c>cert</c>, <c>ca</c>, <c>crl</c> the push replaced.</param>
    /// <param name="problems">Takes what was kept.</param>
    public static ConfigNode Keep(ConfigNode root, ConfigNode local, IReadOnlyCollection<string> lists, SyncProblems problems)
    {
        var wanted = new HashSet<string>();
        foreach (var section in root.Children)
        {
            if (section.Name is not ("ca" or "cert" or "crl"))
                Collect(section, "", wanted);
        }
        foreach (var list in (ReadOnlySpan<string>)["cert", "ca", "crl"])
        {
            // What a certificate was issued by is needed with it.
            var here = root.All(list).ToList();
            foreach (var item in here)
                AddIssuer(item, wanted);
            if (!lists.Contains(list))
                continue;
            var present = here.Select(c => c.Value("refid")).ToHashSet();
            var kept = new List<ConfigNode>();
            for (var isGrowing = true; isGrowing; )
            {
                isGrowing = false;
                foreach (var item in local.All(list))
                {
                    var id = item.Value("refid");
                    if (id.Length == 0 || !wanted.Contains(id) || !present.Add(id))
                        continue;
                    kept.Add(item);
                    AddIssuer(item, wanted);
                    isGrowing = true;
                    problems.Note(list, $"{SyncProblems.Shown(id)} is not on the primary and stays: this node's own settings use it");
                }
            }
            if (kept.Count > 0)
                root = root.WithAll(list, [.. here, .. local.All(list).Where(kept.Contains)]);
        }
        return root;
    }

    private static void AddIssuer(ConfigNode item, HashSet<string> wanted)
    {
        if (item.Value("caref") is { Length: > 0 } issuer)
            wanted.Add(issuer);
    }

    // References end in "certref", "caref" or "crlref"; a user lists his as "cert".
    private static void Collect(ConfigNode node, string parent, HashSet<string> wanted)
    {
        foreach (var child in node.Children)
            Collect(child, node.Name, wanted);
        if (node.Children.IsEmpty && node.Text.Length is > 0 and <= 64 && IsReference(node.Name, parent))
            wanted.Add(node.Text.Trim());
    }

    private static bool IsReference(string name, string parent) =>
        name.EndsWith("certref", StringComparison.Ordinal)
        || name.EndsWith("caref", StringComparison.Ordinal)
        || name.EndsWith("crlref", StringComparison.Ordinal)
        || (name == "cert" && parent == "user");
}
