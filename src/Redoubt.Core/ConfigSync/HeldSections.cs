using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>What of a node's sections came from the peer: without what is its own there, so that a change of the latter is no drift.</summary>
internal static class HeldSections
{
    /// <summary>The digest of what is held of a section; of one element of <c>system</c> where the key has a dot.</summary>
    public static string DigestOf(ConfigNode root, string key, ReceivedRecord record)
    {
        var dot = key.IndexOf('.', StringComparison.Ordinal);
        if (dot >= 0)
            return ConfigDigest.Of(InSystem(root, key[(dot + 1)..]));
        if (key is "ca" or "cert" or "crl")
        {
            var came = record.NamesOf(key).ToHashSet();
            return ConfigDigest.Of(root.All(key).Where(c => came.Contains(c.Value("refid"))));
        }
        if (root.First(key) is not { } section)
            return ConfigDigest.Empty;
        section = SyncSections.WithNodeLocal(key, section, null);
        section = WithoutMarked(section);
        if (key == "virtualip")
        {
            var came = record.NamesOf(key);
            section = section.WithAll(
                "vip",
                section.All("vip").Where(v => !VirtualIpMerge.IsOwn(v, came)).Select(v => v.Without("carp_peer"))
            );
        }
        else if (SyncSections.Owned.Contains(key))
        {
            var came = record.NamesOf(key);
            section = section.WithChildren([.. section.Children.Where(c => came.Contains(c.Name))]);
        }
        return ConfigDigest.Of(section);
    }

    private static IEnumerable<ConfigNode> InSystem(ConfigNode root, string name)
    {
        var items = root.First("system")?.All(name) ?? [];
        var isAdmin = root.Find("hasync/adminsync")?.Text == "on";
        return name is "user" or "group" ? items.Where(a => (isAdmin && name == "user") || !AccountMerge.IsBuiltIn(a)) : items;
    }

    /// <summary>A section without the items that are marked as one node's own.</summary>
    internal static ConfigNode WithoutMarked(ConfigNode section)
    {
        foreach (var (where, container, list) in SyncSections.Marked)
        {
            if (where != section.Name)
                continue;
            section =
                container.Length == 0 ? WithoutMarked(section, list)
                : section.First(container) is { } inner ? section.With(WithoutMarked(inner, list))
                : section;
        }
        return section;
    }

    private static ConfigNode WithoutMarked(ConfigNode section, string list) =>
        section.WithAll(list, section.All(list).Where(i => !i.Has("nosync")));
}
