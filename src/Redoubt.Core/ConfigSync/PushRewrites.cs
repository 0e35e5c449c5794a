using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>What the sender changes on the way: values that are right here and would be wrong on the peer.</summary>
internal static class PushRewrites
{
    // The peer keeps its own of these.
    private static readonly string[] _keaLocal = ["localname", "tls", "mutualtls", "scertref", "ccertref"];

    private static readonly (string From, string To)[] _keaSwapped =
    [
        ("localip", "remoteip"),
        ("remoteip", "localip"),
        ("localport", "remoteport"),
        ("remoteport", "localport"),
    ];

    /// <summary>Whether a virtual address belongs to one node: a plain alias or a proxy ARP entry, not one on a CARP address or on the loopback.</summary>
    public static bool IsOfOneNode(ConfigNode vip)
    {
        var on = vip.Value("interface");
        return vip.Value("mode") is "proxyarp" or "ipalias"
            && !on.Contains("_vip", StringComparison.Ordinal)
            && !on.Contains("lo0", StringComparison.Ordinal);
    }

    /// <summary>The virtual addresses that travel, each hop 100 worse than the one before it.</summary>
    public static XmlRpcValue VirtualIps(ConfigDocument document, SyncProblems problems, out int local)
    {
        var sent = ImmutableArray.CreateBuilder<XmlRpcValue>();
        local = 0;
        var capped = 0;
        foreach (var vip in document.Section("virtualip")?.All("vip") ?? [])
        {
            if (vip.IsEmpty || IsOfOneNode(vip))
                continue;
            if (vip.Has("nosync"))
            {
                local++;
                continue;
            }
            if (Number(vip, "advskew") is > SyncLimits.LargestSkew - SyncLimits.SkewPerHop)
                capped++;
            sent.Add(ConfigValues.Of(vip) is XmlRpcStruct value ? Worse(value, vip) : ConfigValues.Of(vip));
        }
        if (capped > 0)
            problems.Note(
                "virtualip",
                FormattableString.Invariant($"{capped} with an advskew above 154 reach 254 on the peer: nodes with 254 are equal")
            );
        return new XmlRpcArray(sent.DrainToImmutable());
    }

    private static XmlRpcStruct Worse(XmlRpcStruct value, ConfigNode vip) =>
        new([
            .. value.Members.Select(member =>
                (member.Name, Number(vip, member.Name)) switch
                {
                    ("advskew", { } skew) => new XmlRpcMember(
                        "advskew",
                        new XmlRpcInt(Math.Min(skew + SyncLimits.SkewPerHop, SyncLimits.LargestSkew))
                    ),
                    ("advbase", { } seconds) => new XmlRpcMember("advbase", new XmlRpcInt(Math.Min(seconds, SyncLimits.LargestSkew))),
                    _ => member,
                }
            ),
        ]);

    private static int? Number(ConfigNode vip, string name) =>
        name is "advskew" or "advbase" && int.TryParse(vip.Value(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? Math.Min(number, 100_000)
            : null;

    /// <summary>The DHCP server: the peer's failover partner is this node.</summary>
    public static ConfigNode Dhcp(
        ConfigNode section,
        ConfigDocument document,
        IReadOnlyDictionary<string, string> addresses,
        SyncProblems problems
    )
    {
        var children = section.Children.ToBuilder();
        for (var i = 0; i < children.Count; i++)
        {
            if (children[i].Value("failover_peerip").Length == 0)
                continue;
            var name = children[i].Name;
            var own = document.Root.Find($"interfaces/{name}")?.Value("ipaddr") ?? "";
            if (!IsIPv4(own))
                own = addresses.GetValueOrDefault(name, "");
            if (IsIPv4(own))
                children[i] = children[i].With(ConfigNode.Leaf("failover_peerip", own));
            else
                problems.Note($"dhcpd/{name}", "the failover partner is sent as it is: this node has no address there that is known");
        }
        return section.WithChildren(children.DrainToImmutable());
    }

    /// <summary>Kea's high availability, seen from the other side.</summary>
    public static ConfigNode Kea(ConfigNode section, ConfigDocument document)
    {
        var own = section.First("ha") ?? ConfigNode.Section("ha");
        var ha = own;
        foreach (var (from, to) in _keaSwapped)
        {
            if (own.First(from) is { Text.Length: > 0 } value)
                ha = ha.With(ConfigNode.Leaf(to, value.Text));
        }
        var name = own.Value("localname");
        if (name.Length == 0)
            name = document.Root.Find("system/hostname")?.Text.Trim() ?? "";
        ha = ha.With(ConfigNode.Leaf("remotename", name.Length > 0 ? name : "pfSense"));
        ha = ha.With(ConfigNode.Leaf("role", own.Value("role") == "standby" ? "primary" : "standby"));
        foreach (var local in _keaLocal)
            ha = ha.Without(local);
        return section.With(ha);
    }

    private static bool IsIPv4(string text) =>
        IPAddress.TryParse(text, out var address) && address.AddressFamily == AddressFamily.InterNetwork;
}
