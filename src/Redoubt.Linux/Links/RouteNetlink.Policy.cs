using System.Runtime.InteropServices;
using Redoubt.Core.Firewall;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Links;

/// <summary>A routing rule of ours in the kernel: packets with a mark look into a table.</summary>
/// <param name="Mark">fwmark, under <see cref="FlowMark.RoutingMask"/>.</param>
/// <param name="Table">The table; also the rule's priority.</param>
/// <param name="IsIPv6">The family.</param>
public readonly record struct PolicyRule(uint Mark, int Table, bool IsIPv6);

/// <summary>A default route of ours in a table of <see cref="PolicyRoute"/>.</summary>
/// <param name="Table">The table.</param>
/// <param name="Tier">Its metric.</param>
/// <param name="IsIPv6">The family.</param>
public readonly record struct PolicyDefault(int Table, int Tier, bool IsIPv6);

public sealed partial class RouteNetlink
{
    // fib_rule_hdr = family u8 | dst_len u8 | src_len u8 | tos u8 | table u8 | res1 u8 | res2 u8 | action u8 | flags u32
    // rtmsg        = family u8 | dst_len u8 | src_len u8 | tos u8 | table u8 | protocol u8 | scope u8 | type u8 | flags u32
    private const int RuleHeader = 12;
    private const byte LookUpTable = 1; // FR_ACT_TO_TBL
    private const byte Unspecified = 0; // RT_TABLE_UNSPEC: the attribute says which
    private const byte Unicast = 1; // RTN_UNICAST

    /// <summary>Our routing rules.</summary>
    public IReadOnlyList<PolicyRule> PolicyRules()
    {
        List<PolicyRule> rules = [];
        Dump(
            RouteMessage.GetRule,
            RuleHeader,
            rules,
            static (in message, list) =>
            {
                if (message.Type != RouteMessage.NewRule || message.Body.Length < RuleHeader)
                    return;
                var (mark, table, ours) = (0u, 0u, false);
                foreach (var attribute in message.Attributes(RuleHeader))
                {
                    if (attribute.Type == 10) // FRA_FWMARK
                        mark = attribute.UInt32;
                    else if (attribute.Type == 15) // FRA_TABLE
                        table = attribute.UInt32;
                    else if (attribute.Type == 21) // FRA_PROTOCOL
                        ours = attribute.Byte == RouteMessage.Protocol;
                }
                if (ours && table >> 8 == PolicyRoute.FirstTable >> 8)
                    list.Add(new PolicyRule(mark, (int)table, message.Body[0] == LibC.AF_INET6));
            }
        );
        return rules;
    }

    /// <summary>Our default routes in tables of policy routes.</summary>
    public IReadOnlyList<PolicyDefault> PolicyDefaults()
    {
        List<PolicyDefault> routes = [];
        Dump(
            RouteMessage.GetRoute,
            RuleHeader,
            routes,
            static (in message, list) =>
            {
                if (message.Type != RouteMessage.NewRoute || message.Body.Length < RuleHeader || message.Body[5] != RouteMessage.Protocol)
                    return;
                var (table, tier) = (0u, 0u);
                foreach (var attribute in message.Attributes(RuleHeader))
                {
                    if (attribute.Type == 15) // RTA_TABLE
                        table = attribute.UInt32;
                    else if (attribute.Type == 6) // RTA_PRIORITY
                        tier = attribute.UInt32;
                }
                if (table >> 8 == PolicyRoute.FirstTable >> 8)
                    list.Add(new PolicyDefault((int)table, (int)tier, message.Body[0] == LibC.AF_INET6));
            }
        );
        return routes;
    }

    /// <summary>Adds or removes a routing rule; one that is there is no fault of the kernel's, but <see cref="Errno.Exists"/>.</summary>
    public Errno ChangePolicyRule(bool add, PolicyRule rule)
    {
        var flags = add ? NetlinkFlags.Create | NetlinkFlags.Exclusive : NetlinkFlags.None;
        var writer = Begin(add ? RouteMessage.NewRule : RouteMessage.DeleteRule, flags, out var sequence);
        var header = writer.Reserve(RuleHeader);
        header[0] = Family(rule.IsIPv6);
        header[4] = Unspecified;
        header[7] = LookUpTable;
        writer.PutUInt32(6, (uint)rule.Table); // FRA_PRIORITY
        writer.PutUInt32(10, rule.Mark); // FRA_FWMARK
        writer.PutUInt32(15, (uint)rule.Table); // FRA_TABLE
        writer.PutUInt32(16, FlowMark.RoutingMask); // FRA_FWMASK
        writer.PutByte(21, RouteMessage.Protocol); // FRA_PROTOCOL
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>Sets the default route of one tier; several hops share it by weight.</summary>
    /// <param name="route">Table, metric and family.</param>
    /// <param name="hops">Next hops of that tier with the index of their device.</param>
    public Errno SetPolicyDefault(PolicyDefault route, IReadOnlyList<(PolicyHop Hop, int Index)> hops)
    {
        var writer = Begin(RouteMessage.NewRoute, NetlinkFlags.Create | NetlinkFlags.Replace, out var sequence);
        WriteDefault(ref writer, route);
        var size = route.IsIPv6 ? 16 : 4;
        if (hops.Count == 1)
        {
            hops[0].Hop.Gateway.Address.Write(writer.PutSpace(5, size)); // RTA_GATEWAY
            writer.PutUInt32(4, (uint)hops[0].Index); // RTA_OIF
            return _socket.Request(writer.Finish(), sequence);
        }
        // RTA_MULTIPATH: rtnexthop = length u16 | flags u8 | weight - 1 u8 | index i32, then its RTA_GATEWAY
        var each = 8 + 4 + size;
        var space = writer.PutSpace(9, each * hops.Count);
        foreach (var (hop, index) in hops)
        {
            MemoryMarshal.Write(space, (ushort)each);
            space[3] = (byte)(hop.Weight - 1);
            MemoryMarshal.Write(space[4..], index);
            MemoryMarshal.Write(space[8..], (ushort)(4 + size));
            MemoryMarshal.Write(space[10..], (ushort)5);
            hop.Gateway.Address.Write(space.Slice(12, size));
            space = space[each..];
        }
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>Removes the default route of one tier.</summary>
    public Errno RemovePolicyDefault(PolicyDefault route)
    {
        var writer = Begin(RouteMessage.DeleteRoute, NetlinkFlags.None, out var sequence);
        WriteDefault(ref writer, route);
        return _socket.Request(writer.Finish(), sequence);
    }

    private static void WriteDefault(ref NetlinkWriter writer, PolicyDefault route)
    {
        var header = writer.Reserve(RuleHeader);
        header[0] = Family(route.IsIPv6);
        header[4] = Unspecified;
        header[5] = RouteMessage.Protocol;
        header[7] = Unicast;
        writer.PutUInt32(15, (uint)route.Table); // RTA_TABLE
        writer.PutUInt32(6, (uint)route.Tier); // RTA_PRIORITY
    }

    private static byte Family(bool ipv6) => (byte)(ipv6 ? LibC.AF_INET6 : LibC.AF_INET);
}
