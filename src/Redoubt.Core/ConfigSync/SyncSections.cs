using System.Collections.Frozen;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Which sections a peer may change, and how.</summary>
internal static class SyncSections
{
    /// <summary>Replaced whole, also by nothing.</summary>
    public static FrozenSet<string> Copied { get; } =
        FrozenSet.Create(
            StringComparer.Ordinal,
            "aliases",
            "ca",
            "captiveportal",
            "cert",
            "crl",
            "dhcpd",
            "dhcrelay",
            "dhcrelay6",
            "dnshaper",
            "dnsmasq",
            "filter",
            "ipsec",
            "kea",
            "kea6",
            "nat",
            "openvpn",
            "schedules",
            "shaper",
            "unbound",
            "wol"
        );

    /// <summary>Replaced element by element: what was not sent stays.</summary>
    public static FrozenSet<string> Merged { get; } =
        FrozenSet.Create(StringComparer.Ordinal, "dhcpdv6", "gateways", "hasync", "staticroutes", "system", "virtualip", "voucher");

    /// <summary>Of a merged section, the elements that have an owner: those that came from the peer go when it sends them no more.</summary>
    public static FrozenSet<string> Owned { get; } = FrozenSet.Create(StringComparer.Ordinal, "dhcpdv6", "gateways", "voucher");

    /// <summary>Lists in which an item marked <c>nosync</c> belongs to one node.</summary>
    public static (string Section, string Container, string List)[] Marked { get; } =
    [
        ("filter", "", "rule"),
        ("nat", "", "rule"),
        ("nat", "outbound", "rule"),
        ("aliases", "", "alias"),
        ("dnsmasq", "", "hosts"),
        ("ipsec", "", "tunnel"),
    ];

    private static readonly string[] _system = ["user", "group", "nextuid", "nextgid", "authserver"];

    // Not accounts: only a push that carries both lists may change those.
    private static readonly string[] _overlaidSystem = ["timezone", "timeservers", "language", "authserver"];

    /// <summary>What <c>installedpackages</c> holds beside packages: what is installed on this node.</summary>
    public static string[] PackageLists { get; } = ["package", "menu", "service", "tab"];

    /// <summary>Elements of each node's own, by section; "*" is any element in between.</summary>
    public static (string Section, string Container, string[] Names)[] NodeLocal { get; } =
    [
        ("kea", "ha", ["localname", "tls", "scertref", "mutualtls", "ccertref"]),
        ("kea6", "ha", ["localname", "tls", "scertref", "mutualtls", "ccertref"]),
        ("captiveportal", "*", ["enablebackwardsync", "backwardsyncip", "backwardsyncuser", "backwardsyncpassword"]),
        ("voucher", "*", ["vouchersyncdbip", "vouchersyncport", "vouchersyncusername", "vouchersyncuser", "vouchersyncpass"]),
    ];

    /// <summary>Whether a push may change an element of a merged section.</summary>
    public static bool IsAllowed(string section, string element) =>
        section switch
        {
            "system" => _system.Contains(element),
            "hasync" => element == "adminsync",
            _ => true,
        };

    /// <summary>Whether <c>merge_config_section</c> may change an element of a section.</summary>
    public static bool IsOverlaid(string section, string element) =>
        section switch
        {
            "system" => _overlaidSystem.Contains(element),
            "hasync" => element == "adminsync",
            _ => Copied.Contains(section) || Merged.Contains(section),
        };

    /// <summary>Whether an element inside <paramref name="container"/> of a section belongs to this node.</summary>
    public static bool IsNodeLocal(string section, string container, string name) =>
        NodeLocal.Any(l => l.Section == section && (l.Container == "*" || l.Container == container) && l.Names.Contains(name));

    /// <summary>The received section with this node's own values in place of those that came along.</summary>
    public static ConfigNode WithNodeLocal(string section, ConfigNode received, ConfigNode? local)
    {
        foreach (var (where, container, names) in NodeLocal)
        {
            if (where != section)
                continue;
            var children = received.Children.ToBuilder();
            for (var i = 0; i < children.Count; i++)
            {
                if (container != "*" && children[i].Name != container)
                    continue;
                var own = local?.First(children[i].Name);
                foreach (var name in names)
                    children[i] = own?.First(name) is { } value ? children[i].With(value) : children[i].Without(name);
            }
            received = received.WithChildren(children.DrainToImmutable());
        }
        return received;
    }
}
