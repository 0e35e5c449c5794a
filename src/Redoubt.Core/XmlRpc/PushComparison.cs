using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.XmlRpc;

/// <summary>
/// What a push would change on a peer, or has not changed there: the pushed sections against what the peer gives out. Paths are named, values never: they may be secrets, and what
/// a peer hides (<see cref="Hidden"/>) counts as equal. What a receiver keeps of its own is no difference.
/// </summary>
public static class PushComparison
{
    /// <summary>What stands in a backup in place of a secret.</summary>
    public const string Hidden = "***";

    // Present in a push, these replace the receiver's section whole; all others are merged two levels deep.
    private static readonly HashSet<string> _whole =
    [
        .. (
            "aliases ca captiveportal cert crl dhcpd dhcrelay dhcrelay6 dnshaper dnsmasq filter ipsec kea kea6 nat openvpn schedules shaper unbound wol"
        ).Split(' '),
    ];

    // By what an item of a list is known, the first that it has.
    private static readonly string[] _keys = ["uniqid", "tracker", "refid", "name", "network", "vpnid", "ikeid", "number", "mac"];

    // The receiver keeps its own of these, by the section's name.
    private static readonly Dictionary<string, string[]> _kept = new()
    {
        ["kea"] = ["tls", "scertref", "mutualtls", "ccertref", "localname"],
        ["kea6"] = ["tls", "scertref", "mutualtls", "ccertref", "localname"],
        ["captiveportal"] = ["enablebackwardsync", "backwardsyncip", "backwardsyncuser", "backwardsyncpassword"],
        ["voucher"] = ["vouchersyncdbip", "vouchersyncusername", "vouchersyncpass", "roll"],
    };

    /// <summary>One line for each difference, "filter/rule[1760000001]: only here".</summary>
    public static IEnumerable<string> Differences(XmlRpcStruct pushed, XmlRpcStruct peer)
    {
        foreach (var (name, here) in pushed.Members)
        {
            var there = peer[name];
            if (_whole.Contains(name) || here is not XmlRpcStruct merged)
            {
                foreach (var line in Compare(name, name, here, there))
                    yield return line;
                continue;
            }
            foreach (var (second, value) in merged.Members)
            {
                foreach (var line in Compare(name, $"{name}/{second}", value, (there as XmlRpcStruct)?[second]))
                    yield return line;
            }
        }
    }

    // Pairs still to be looked at stand in a queue of ours: depth costs nothing.
    private static IEnumerable<string> Compare(string section, string path, XmlRpcValue here, XmlRpcValue? there)
    {
        var pairs = new Queue<(string Path, XmlRpcValue? Here, XmlRpcValue? There)>();
        pairs.Enqueue((path, here, there));
        while (pairs.TryDequeue(out var pair))
        {
            var (at, a, b) = pair;
            if (a is null || b is null)
            {
                if (!IsEmptySection(at, a ?? b!))
                    yield return $"{at}: {(a is null ? "only on the peer" : "only here")}";
                continue;
            }
            if (IsEmpty(a) && IsEmpty(b))
                continue;
            var (x, y) = (AsItems(a), AsItems(b));
            if (x is not null && y is not null)
            {
                foreach (var line in CompareLists(at, x.Value, y.Value, pairs))
                    yield return line;
            }
            else if (a is XmlRpcStruct p && b is XmlRpcStruct q)
            {
                foreach (var member in p.Members)
                    pairs.Enqueue(($"{at}/{member.Name}", member.Value, Kept(section, member.Name) ? member.Value : q[member.Name]));
                foreach (var member in q.Members.Where(m => p[m.Name] is null && !Kept(section, m.Name)))
                    pairs.Enqueue(($"{at}/{member.Name}", null, member.Value));
            }
            else if (Text(b) is not Hidden && (Text(a) is not { } text || text != Text(b)))
            {
                yield return $"{at}: differs";
            }
        }
    }

    private static List<string> CompareLists(
        string path,
        ImmutableArray<XmlRpcValue> here,
        ImmutableArray<XmlRpcValue> there,
        Queue<(string Path, XmlRpcValue? Here, XmlRpcValue? There)> pairs
    )
    {
        var lines = new List<string>();
        var (a, b) = (Keyed(here), Keyed(there));
        foreach (var (key, value) in a)
        {
            if (!b.TryGetValue(key, out var other))
                lines.Add($"{path}[{key}]: only here");
            else if (!IsBuiltIn(path, value))
                pairs.Enqueue(($"{path}[{key}]", value, other));
        }
        lines.AddRange(b.Where(i => !a.ContainsKey(i.Key) && !IsOwn(path, i.Value)).Select(i => $"{path}[{i.Key}]: only on the peer"));
        var (orderHere, orderThere) = (a.Keys.Where(b.ContainsKey), b.Keys.Where(a.ContainsKey));
        // Accounts are sorted by name where they arrive.
        if (path is not ("system/user" or "system/group") && !orderHere.SequenceEqual(orderThere))
            lines.Add($"{path}: in another order");
        return lines;
    }

    // Keeps the order. What has no key is known by its place; items of one key get a number.
    private static OrderedDictionary<string, XmlRpcValue> Keyed(ImmutableArray<XmlRpcValue> items)
    {
        var keyed = new OrderedDictionary<string, XmlRpcValue>();
        for (var i = 0; i < items.Length; i++)
        {
            var item = items[i];
            var key =
                item is XmlRpcStruct named
                && _keys.Select(k => Text(named[k])).FirstOrDefault(t => t is { Length: > 0 and <= 128 }) is { } found
                    ? found
                    : string.Create(CultureInfo.InvariantCulture, $"#{i}");
            for (var again = 2; !keyed.TryAdd(key, item); again++)
                key = string.Create(CultureInfo.InvariantCulture, $"{key}#{again}");
        }
        return keyed;
    }

    // Plain aliases and proxy ARP addresses are a node's own, as are accounts of the system.
    private static bool IsOwn(string path, XmlRpcValue item)
    {
        if (item is not XmlRpcStruct own)
            return false;
        return path switch
        {
            "virtualip/vip" => Text(own["mode"]) switch
            {
                "proxyarp" or "other" => true,
                "ipalias" => Text(own["interface"]) is not { } parent
                    || (!parent.Contains("_vip", StringComparison.Ordinal) && !parent.Contains("lo0", StringComparison.Ordinal)),
                _ => false,
            },
            "system/user" or "system/group" => IsBuiltIn(path, own),
            _ => false,
        };
    }

    private static bool IsBuiltIn(string path, XmlRpcValue item) =>
        path is "system/user" or "system/group"
        && item is XmlRpcStruct account
        && int.TryParse(Text(account["uid"]) ?? Text(account["gid"]), CultureInfo.InvariantCulture, out var id)
        && id is < 1999 or > 65000;

    private static bool Kept(string section, string name) => _kept.TryGetValue(section, out var names) && names.Contains(name);

    // A section without content and one that is not there are the same; below that, an empty element is a flag.
    private static bool IsEmptySection(string path, XmlRpcValue value) => !path.Contains('/', StringComparison.Ordinal) && IsEmpty(value);

    private static bool IsEmpty(XmlRpcValue value) =>
        value switch
        {
            XmlRpcString text => text.Value.Length == 0,
            XmlRpcArray items => items.Values.IsEmpty,
            XmlRpcStruct members => members.Members.IsEmpty,
            XmlRpcNil => true,
            _ => false,
        };

    // Null for what is no list. A list with one item that a peer gives out as the item alone is not one either: pfSense never does.
    private static ImmutableArray<XmlRpcValue>? AsItems(XmlRpcValue value) =>
        value is not (XmlRpcNil or XmlRpcString { Value: not "" })
        && XmlRpcShapes.TryReadList(value, out var items)
        && value is not XmlRpcStruct { Members.IsEmpty: true }
            ? items
            : null;

    private static string? Text(XmlRpcValue? value) =>
        value switch
        {
            XmlRpcString text => text.Value,
            XmlRpcInt number => number.Value.ToString(CultureInfo.InvariantCulture),
            XmlRpcBoolean boolean => boolean.Value ? "1" : "",
            _ => null,
        };
}
