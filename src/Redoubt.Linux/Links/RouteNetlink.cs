using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Netlink;

namespace Redoubt.Linux.Links;

/// <summary>
/// Asks and changes links, addresses and routes (rtnetlink). Changes answer with the kernel's errno: callers know which of them
/// they expect. Not thread safe: one owner.
/// </summary>
public sealed partial class RouteNetlink : IDisposable
{
    private const uint NoDuplicateDetection = 0x02; // IFA_F_NODAD
    private const uint NoPrefixRoute = 0x200; // IFA_F_NOPREFIXROUTE
    private readonly NetlinkSocket _socket = new(NetlinkSocket.Route);
    private readonly byte[] _request = new byte[1024];
    private readonly byte[] _answer = new byte[32 * 1024];

    /// <summary>All links.</summary>
    public IReadOnlyList<LinkInfo> Links()
    {
        List<LinkInfo> links = [];
        Dump(
            RouteMessage.GetLink,
            RouteMessage.LinkHeader,
            links,
            static (in message, list) =>
            {
                if (message.Type == RouteMessage.NewLink && RouteMessage.TryReadLink(message, out var link))
                    list.Add(link);
            }
        );
        return links;
    }

    /// <summary>The link of a name; null where there is none.</summary>
    public LinkInfo? Link(string name)
    {
        foreach (var link in Links())
        {
            if (link.Name == name)
                return link;
        }
        return null;
    }

    /// <summary>Addresses of one device, or of all (0), of both families.</summary>
    public IReadOnlyList<AddressInfo> Addresses(int interfaceIndex = 0)
    {
        List<AddressInfo> addresses = [];
        Dump(
            RouteMessage.GetAddress,
            RouteMessage.AddressHeader,
            addresses,
            static (in message, list) =>
            {
                if (message.Type == RouteMessage.NewAddress && RouteMessage.TryReadAddress(message, out var address))
                    list.Add(address);
            }
        );
        if (interfaceIndex != 0)
            addresses.RemoveAll(a => a.InterfaceIndex != interfaceIndex);
        return addresses;
    }

    /// <summary>Creates a macvlan in mode bridge, down.</summary>
    public Errno CreateMacvlan(string name, int parentIndex, MacAddress mac)
    {
        var writer = Begin(RouteMessage.NewLink, NetlinkFlags.Create | NetlinkFlags.Exclusive, out var sequence);
        writer.Reserve(RouteMessage.LinkHeader);
        writer.PutString(3, name); // IFLA_IFNAME
        writer.PutUInt32(5, (uint)parentIndex); // IFLA_LINK
        mac.Write(writer.PutSpace(1, MacAddress.Length)); // IFLA_ADDRESS
        var info = writer.BeginNest(18); // IFLA_LINKINFO
        writer.PutString(1, "macvlan"); // IFLA_INFO_KIND
        var data = writer.BeginNest(2); // IFLA_INFO_DATA
        writer.PutUInt32(RouteMessage.MacvlanMode, RouteMessage.MacvlanBridge);
        writer.EndNest(data);
        writer.EndNest(info);
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>Switches a link on or off.</summary>
    public Errno SetUp(int index, bool up)
    {
        var writer = Begin(RouteMessage.NewLink, NetlinkFlags.None, out var sequence);
        var header = writer.Reserve(RouteMessage.LinkHeader);
        MemoryMarshal.Write(header[4..], index);
        MemoryMarshal.Write(header[8..], up ? RouteMessage.FlagUp : 0u);
        MemoryMarshal.Write(header[12..], RouteMessage.FlagUp);
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>Deletes a link that can be deleted (a macvlan, not hardware).</summary>
    public Errno DeleteLink(int index)
    {
        var writer = Begin(RouteMessage.DeleteLink, NetlinkFlags.None, out var sequence);
        MemoryMarshal.Write(writer.Reserve(RouteMessage.LinkHeader)[4..], index);
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>
    /// Adds an address, or refreshes its lifetime. No connected route, no duplicate address detection; marked as ours
    /// (IFA_PROTO 0x52) where the kernel knows the mark (5.18).
    /// </summary>
    /// <param name="interfaceIndex">Device.</param>
    /// <param name="address">Address.</param>
    /// <param name="ipv6">Its family.</param>
    /// <param name="prefixLength">Bits of the network.</param>
    /// <param name="validLifetime">After this the kernel removes it by itself, in whole seconds; null: never.</param>
    /// <param name="preferred">False: new connections of the node come from another address where there is one (IPv6).</param>
    public Errno AddAddress(
        int interfaceIndex,
        IpAddressValue address,
        bool ipv6,
        int prefixLength,
        TimeSpan? validLifetime,
        bool preferred = true
    )
    {
        var writer = Begin(RouteMessage.NewAddress, NetlinkFlags.Create | NetlinkFlags.Replace, out var sequence);
        WriteAddress(ref writer, interfaceIndex, address, ipv6, prefixLength);
        writer.PutUInt32(8, NoPrefixRoute | NoDuplicateDetection); // IFA_FLAGS
        writer.PutByte(11, RouteMessage.Protocol); // IFA_PROTO
        // IFA_CACHEINFO: ifa_cacheinfo = preferred u32 | valid u32 | created u32 | updated u32, in seconds
        var cache = writer.PutSpace(6, 16);
        var seconds = validLifetime is { } lifetime ? (uint)Math.Clamp(lifetime.TotalSeconds, 1, uint.MaxValue - 1) : uint.MaxValue;
        MemoryMarshal.Write(cache, preferred ? seconds : 0);
        MemoryMarshal.Write(cache[4..], seconds);
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>
    /// Adds an address for good, as an administrator would: with the network's route and with duplicate address detection, marked as a standing one
    /// (IFA_PROTO 0x53). <see cref="Errno.Exists"/> where it is there already, whoever set it.
    /// </summary>
    public Errno AddStandingAddress(int interfaceIndex, IpAddressValue address, bool ipv6, int prefixLength)
    {
        var writer = Begin(RouteMessage.NewAddress, NetlinkFlags.Create | NetlinkFlags.Exclusive, out var sequence);
        WriteAddress(ref writer, interfaceIndex, address, ipv6, prefixLength);
        writer.PutByte(11, RouteMessage.StandingProtocol); // IFA_PROTO
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>Removes an address; <see cref="Errno.AddressNotAvailable"/> where it is not there.</summary>
    public Errno RemoveAddress(int interfaceIndex, IpAddressValue address, bool ipv6, int prefixLength)
    {
        var writer = Begin(RouteMessage.DeleteAddress, NetlinkFlags.None, out var sequence);
        WriteAddress(ref writer, interfaceIndex, address, ipv6, prefixLength);
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <summary>
    /// Adds or removes the connected route of a network on a device, marked as ours (rtm_protocol 0x52). <see cref="Errno.Exists"/> where there is one already, whoever set it.
    /// </summary>
    public Errno ChangeConnectedRoute(bool add, int interfaceIndex, IpAddressValue network, bool ipv6, int prefixLength)
    {
        var flags = add ? NetlinkFlags.Create | NetlinkFlags.Exclusive : NetlinkFlags.None;
        var writer = Begin(add ? RouteMessage.NewRoute : RouteMessage.DeleteRoute, flags, out var sequence);
        var header = writer.Reserve(12); // rtmsg
        header[0] = (byte)(ipv6 ? LibC.AF_INET6 : LibC.AF_INET);
        header[1] = (byte)prefixLength;
        header[4] = 254; // RT_TABLE_MAIN
        header[5] = RouteMessage.Protocol;
        header[6] = ipv6 ? (byte)0 : (byte)253; // RT_SCOPE_UNIVERSE, RT_SCOPE_LINK
        header[7] = 1; // RTN_UNICAST
        network.Write(writer.PutSpace(1, ipv6 ? 16 : 4)); // RTA_DST
        writer.PutUInt32(4, (uint)interfaceIndex); // RTA_OIF
        return _socket.Request(writer.Finish(), sequence);
    }

    /// <inheritdoc />
    public void Dispose() => _socket.Dispose();

    private static void WriteAddress(ref NetlinkWriter writer, int interfaceIndex, IpAddressValue address, bool ipv6, int prefixLength)
    {
        var header = writer.Reserve(RouteMessage.AddressHeader);
        header[0] = (byte)(ipv6 ? LibC.AF_INET6 : LibC.AF_INET);
        header[1] = (byte)prefixLength;
        MemoryMarshal.Write(header[4..], interfaceIndex);
        address.Write(writer.PutSpace(2, ipv6 ? 16 : 4)); // IFA_LOCAL
        address.Write(writer.PutSpace(1, ipv6 ? 16 : 4)); // IFA_ADDRESS
    }

    private NetlinkWriter Begin(ushort type, NetlinkFlags flags, out uint sequence)
    {
        sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        writer.BeginMessage(type, NetlinkFlags.Request | NetlinkFlags.Ack | flags, sequence);
        return writer;
    }

    private delegate void Visitor<in T>(in NetlinkMessage message, T state);

    private void Dump<T>(ushort type, int header, T state, Visitor<T> visit)
    {
        var sequence = _socket.NextSequence();
        var writer = new NetlinkWriter(_request);
        writer.BeginMessage(type, NetlinkFlags.Request | NetlinkFlags.Dump, sequence);
        writer.Reserve(header);
        var errno = _socket.Send(writer.Finish());
        while (errno.IsSuccess)
        {
            errno = _socket.Receive(_answer, out var length, wait: true);
            if (!errno.IsSuccess)
                break;
            foreach (var message in new NetlinkMessages(_answer.AsSpan(0, length)))
            {
                if (message.Sequence != sequence)
                    continue;
                if (message.Type is NetlinkMessage.DoneType)
                    return;
                if (message.Type is NetlinkMessage.ErrorType)
                    throw new KernelException($"rtnetlink dump {type}", new Errno(message.Error));
                visit(message, state);
            }
        }
        throw new KernelException($"rtnetlink dump {type}", errno);
    }
}
