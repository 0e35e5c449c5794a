using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.Vectors;

/// <summary>
/// The one list of what Redoubt does otherwise than pfSense when it pushes and takes a push. docs/config-sync.md tells them to users; each has its own test in
/// DifferenceTests.
/// </summary>
internal static class SyncDifferences
{
    private static readonly string[] _onlyWhereFull =
    [
        "dhcpd",
        "dhcpdv6",
        "kea",
        "kea6",
        "dhcrelay",
        "dhcrelay6",
        "dnsmasq",
        "unbound",
        "voucher",
    ];

    /// <summary>A section that is there and empty is sent as an empty one; pfSense does not send these.</summary>
    public static XmlRpcStruct WithoutExtraSections(XmlRpcStruct ours, XmlRpcStruct theirs) =>
        new([
            .. ours.Members.Where(m =>
                !(_onlyWhereFull.Contains(m.Name) && m.Value is XmlRpcArray { Values.IsEmpty: true } && theirs[m.Name] is null)
            ),
        ]);

    public static void AssertOnlyDocumented(ConfigDocument before, ConfigDocument expected, ConfigDocument ours)
    {
        var diff = ConfigDiff.Between(
            Comparable(expected.Root, expected.Root, before.Root),
            Comparable(ours.Root, expected.Root, before.Root)
        );
        Assert.True(diff.IsEmpty, string.Join('\n', diff.Changes));
    }

    private static ConfigNode Comparable(ConfigNode root, ConfigNode expected, ConfigNode before)
    {
        // 1. What came from the peer is remembered in redoubt/configsync/received. The history's entry is written by the store.
        root = root.Without("redoubt").Without("revision");
        // 2. This node's own addresses of mode "other" stay, and its own addresses keep their order.
        if (root.First("virtualip") is { } virtualIps)
            root = root.With(virtualIps.WithAll("vip", VirtualIps(virtualIps, expected, before)));
        // 3. Certificates and authorities that this node's own settings use stay.
        foreach (var list in (string[])["cert", "ca", "crl"])
            root = root.WithAll(list, root.All(list).Where(c => Has(expected, list, c) || !Has(before, list, c)));
        return root;
    }

    private static ImmutableArray<ConfigNode> VirtualIps(ConfigNode section, ConfigNode expected, ConfigNode before)
    {
        var own = before.First("virtualip")?.All("vip").ToList() ?? [];
        var there = expected.First("virtualip")?.All("vip").ToList() ?? [];
        var vips = section
            .All("vip")
            .Where(v => v.Value("mode") != "other" || there.Exists(v.HasContentOf) || !own.Exists(v.HasContentOf))
            .ToList();
        var leading = vips.TakeWhile(v => own.Exists(v.HasContentOf) && v.Value("mode") is "ipalias" or "proxyarp").ToList();
        return [.. leading.OrderBy(v => ConfigDigest.Of(v), StringComparer.Ordinal), .. vips.Skip(leading.Count)];
    }

    private static bool Has(ConfigNode root, string list, ConfigNode item) => root.All(list).Any(item.HasContentOf);
}
