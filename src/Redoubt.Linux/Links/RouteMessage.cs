using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Links;

/// <summary>Numbers and readers of rtnetlink messages about links and addresses (linux/rtnetlink.h, if_link.h, if_addr.h).</summary>
internal static class RouteMessage
{
    public const ushort NewLink = 16;
    public const ushort DeleteLink = 17;
    public const ushort GetLink = 18;
    public const ushort NewAddress = 20;
    public const ushort DeleteAddress = 21;
    public const ushort GetAddress = 22;
    public const ushort NewRoute = 24;
    public const ushort DeleteRoute = 25;
    public const ushort GetRoute = 26;
    public const ushort NewRule = 32;
    public const ushort DeleteRule = 33;
    public const ushort GetRule = 34;

    /// <summary>The mark on what we put into the kernel's tables (IFA_PROTO, rtm_protocol).</summary>
    public const byte Protocol = 0x52;

    /// <summary>The mark on addresses that the node has whatever its role (IFA_PROTO).</summary>
    public const byte StandingProtocol = 0x53;

    public const uint FlagUp = 1; // IFF_UP
    public const uint FlagRunning = 0x40; // IFF_RUNNING

    public const ushort MacvlanMode = 1; // IFLA_MACVLAN_MODE
    public const uint MacvlanBridge = 4; // MACVLAN_MODE_BRIDGE

    public const int LinkHeader = 16; // ifinfomsg
    public const int AddressHeader = 8; // ifaddrmsg
    public const int RouteHeader = 12; // rtmsg
    public const byte MainTable = 254; // RT_TABLE_MAIN
    public const byte Unicast = 1; // RTN_UNICAST
    public const byte Blackhole = 6; // RTN_BLACKHOLE

    // ifinfomsg = family u8 | pad u8 | type u16 | index i32 | flags u32 | change u32
    public static bool TryReadLink(in NetlinkMessage message, out LinkInfo link)
    {
        link = default;
        if (message.Body.Length < LinkHeader)
            return false;
        var flags = MemoryMarshal.Read<uint>(message.Body[8..]);
        var (name, kind, parent, mtu, mac, mode) = ("", "", 0, 0, default(MacAddress), 0u);
        foreach (var attribute in message.Attributes(LinkHeader))
        {
            switch (attribute.Type)
            {
                case 1 when attribute.Value.Length == 6: // IFLA_ADDRESS
                    mac = MacAddress.Read(attribute.Value);
                    break;
                case 3: // IFLA_IFNAME
                    name = attribute.Text;
                    break;
                case 4: // IFLA_MTU
                    mtu = (int)attribute.UInt32;
                    break;
                case 5: // IFLA_LINK
                    parent = (int)attribute.UInt32;
                    break;
                case 18: // IFLA_LINKINFO
                    foreach (var inner in attribute.Nested)
                    {
                        if (inner.Type == 1) // IFLA_INFO_KIND, always before the data
                            kind = inner.Text;
                        else if (inner.Type == 2 && kind == "macvlan") // IFLA_INFO_DATA
                            mode = ReadMacvlanMode(inner.Nested);
                    }
                    break;
                default:
                    break;
            }
        }
        link = new LinkInfo
        {
            Index = MemoryMarshal.Read<int>(message.Body[4..]),
            Name = name,
            ParentIndex = parent,
            IsUp = (flags & FlagUp) != 0,
            IsRunning = (flags & FlagUp) != 0 && (flags & FlagRunning) != 0,
            Mtu = mtu,
            Mac = mac,
            Kind = kind,
            MacvlanMode = mode,
        };
        return true;
    }

    private static uint ReadMacvlanMode(NetlinkAttributes data)
    {
        foreach (var attribute in data)
        {
            if (attribute.Type == MacvlanMode)
                return attribute.UInt32;
        }
        return 0;
    }

    // ifaddrmsg = family u8 | prefix length u8 | flags u8 | scope u8 | index u32
    public static bool TryReadAddress(in NetlinkMessage message, out AddressInfo address)
    {
        address = default;
        if (message.Body.Length < AddressHeader || message.Body[0] is not (2 or 10))
            return false;
        var ipv6 = message.Body[0] == 10;
        uint flags = message.Body[2];
        IpAddressValue? any = null;
        IpAddressValue? local = null;
        byte protocol = 0;
        foreach (var attribute in message.Attributes(AddressHeader))
        {
            var fits = attribute.Value.Length == (ipv6 ? 16 : 4);
            if (attribute.Type == 1 && fits) // IFA_ADDRESS: the peer's on a point-to-point link
                any = IpAddressValue.Read(attribute.Value);
            else if (attribute.Type == 2 && fits) // IFA_LOCAL
                local = IpAddressValue.Read(attribute.Value);
            else if (attribute.Type == 8) // IFA_FLAGS
                flags = attribute.UInt32;
            else if (attribute.Type == 11) // IFA_PROTO
                protocol = attribute.Byte;
        }
        if ((local ?? any) is not { } value)
            return false;
        address = new AddressInfo
        {
            InterfaceIndex = MemoryMarshal.Read<int>(message.Body[4..]),
            Address = value,
            IsIPv6 = ipv6,
            PrefixLength = message.Body[1],
            Scope = message.Body[3],
            Protocol = protocol,
            Flags = flags,
        };
        return true;
    }

    // rtmsg = family u8 | dst_len u8 | src_len u8 | tos u8 | table u8 | protocol u8 | scope u8 | type u8 | flags u32
    public static bool TryReadRoute(in NetlinkMessage message, out RouteInfo route)
    {
        route = default;
        if (message.Body.Length < RouteHeader || message.Body[0] is not (2 or 10))
            return false;
        var ipv6 = message.Body[0] == 10;
        IpAddressValue network = default;
        IpAddressValue? gateway = null;
        var device = 0;
        uint table = message.Body[4];
        foreach (var attribute in message.Attributes(RouteHeader))
        {
            var fits = attribute.Value.Length == (ipv6 ? 16 : 4);
            if (attribute.Type == 1 && fits) // RTA_DST
                network = IpAddressValue.Read(attribute.Value);
            else if (attribute.Type == 5 && fits) // RTA_GATEWAY
                gateway = IpAddressValue.Read(attribute.Value);
            else if (attribute.Type == 4) // RTA_OIF
                device = (int)attribute.UInt32;
            else if (attribute.Type == 15) // RTA_TABLE
                table = attribute.UInt32;
        }
        route = new RouteInfo
        {
            Network = network,
            IsIPv6 = ipv6,
            PrefixLength = message.Body[1],
            Gateway = gateway,
            InterfaceIndex = device,
            Protocol = message.Body[5],
            IsBlackhole = message.Body[7] == Blackhole,
            Table = table,
        };
        return true;
    }
}
