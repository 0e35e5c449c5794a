using System.Globalization;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux.Links;

/// <summary>
/// The macvlan that carries the virtual MAC of one vhid on one interface. Mode bridge, not private: in mode private the kernel
/// takes every frame with our own virtual MAC as source away from the raw socket, so the peer's advertisements vanish and
/// both nodes become master. It stays up for ever: BACKUP means no address, not link down.
/// </summary>
public static class VirtualMacDevice
{
    /// <summary>How the names of all our devices begin.</summary>
    public const string Prefix = "rd";

    /// <summary>
    /// The device of a vhid: "rd" parent index "." vhid, of a VRID of IPv6, which has another MAC, "rd" parent index "-" vrid. Stable while the parent
    /// lives, and within 15 characters.
    /// </summary>
    public static string Name(int parentIndex, byte vhid, bool vrrp6 = false) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{parentIndex}{(vrrp6 ? '-' : '.')}{vhid}");

    /// <summary>Whether a link is one of ours, or of a predecessor that was killed.</summary>
    public static bool IsOurs(in LinkInfo link) => link.Kind == "macvlan" && IsOurName(link.Name);

    /// <summary>Whether a name has the form of <see cref="Name"/>.</summary>
    public static bool IsOurName(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var rest = name.AsSpan(Prefix.Length);
        var dot = rest.IndexOfAny('.', '-');
        return dot > 0
            && int.TryParse(rest[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out var parentIndex)
            && byte.TryParse(rest[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var vhid)
            && vhid != 0
            && name == Name(parentIndex, vhid, rest[dot] == '-');
    }

    /// <summary>
    /// Creates the device, down, with the settings it needs before it may come up; one that is there already and fits is
    /// taken over. The caller loads the gates and then calls <see cref="RouteNetlink.SetUp"/>. A device of another kind that has
    /// the name is somebody else's: it stays, and <see cref="Errno.Exists"/> is thrown.
    /// </summary>
    public static LinkInfo Ensure(RouteNetlink route, int parentIndex, byte vhid, bool vrrp6 = false)
    {
        var name = Name(parentIndex, vhid, vrrp6);
        var mac = vrrp6 ? MacAddress.VirtualVrrp6(vhid) : MacAddress.Virtual(vhid);
        if (route.Link(name) is { } found)
        {
            if (!IsOurs(found))
                throw new KernelException($"create {name}", Errno.Exists, $"a device of kind '{found.Kind}' has the name");
            if (found.ParentIndex == parentIndex && found.Mac == mac && found.MacvlanMode == RouteMessage.MacvlanBridge)
            {
                Configure(name);
                return found;
            }
            Check(route.DeleteLink(found.Index), $"delete {name}");
        }
        Check(route.CreateMacvlan(name, parentIndex, mac), $"create {name}");
        Configure(name);
        return route.Link(name) ?? throw new KernelException($"create {name}", Errno.NoDevice);
    }

    /// <summary>
    /// The settings that keep a vhid's device from talking with an address or a MAC that is not its own. Written again and
    /// again, because a reload of sysctls by others resets them; missing files (no IPv6) are no fault.
    /// </summary>
    public static void Configure(string device)
    {
        LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "addr_gen_mode"), 1);
        LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "accept_ra"), 0);
        LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "accept_dad"), 0);
        LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "router_solicitations"), 0);
        LinkSysctl.Write(LinkSysctl.Path("ipv4", device, "arp_ignore"), 1);
        LinkSysctl.Write(LinkSysctl.Path("ipv4", device, "arp_announce"), 2);
        LinkSysctl.Write(LinkSysctl.Path("ipv4", device, "rp_filter"), 2);
        // Else the kernel removes all addresses of a network together with the first of them.
        LinkSysctl.Write(LinkSysctl.Path("ipv4", device, "promote_secondaries"), 1);
    }

    private static void Check(Errno errno, string what)
    {
        if (!errno.IsSuccess)
            throw new KernelException(what, errno);
    }
}
