using System.Net;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Lab.Tests.Links;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Packets;

/// <summary>
/// Two nodes on a cable, each with the device of the same vhid up, so that both have the same virtual MAC. What the election's
/// port does, by hand: receive on the parent, send whole frames from the parent with the virtual MAC as source.
/// </summary>
internal sealed class SegmentPair : IDisposable
{
    public const byte Vhid = 42;
    public static readonly MacAddress VirtualMac = MacAddress.Virtual(Vhid);
    private static readonly IpAddressValue _vip4 = Address("10.0.0.1");
    private static readonly IpAddressValue _vip6 = Address("fd00:1::1");

    /// <param name="mode">The macvlans' mode; "bridge" is made by our own code, others by iproute2.</param>
    public SegmentPair(string mode = "bridge")
    {
        A.Place.Shell("ip", "link add lan0 type veth peer name eth0");
        A.Place.Give("eth0", B.Place);
        B.Place.Shell("ip", "link set eth0 name lan0");
        foreach (var node in Nodes)
            node.Start(mode);
        foreach (var node in Nodes)
            node.FindLinkLocal();
    }

    public Node A { get; } = new("10.0.0.11");

    public Node B { get; } = new("10.0.0.12");

    private Node[] Nodes => [A, B];

    public static IpAddressValue Address(string text) => IpAddressValue.From(IPAddress.Parse(text));

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    /// <summary>One node's end.</summary>
    internal sealed class Node(string address) : IDisposable
    {
        private readonly List<IDisposable> _opened = [];
        private readonly CarpVirtualHost _host = new(
            new CarpHostOptions
            {
                Vhid = Vhid,
                Password = "x",
                IPv4Addresses = [_vip4],
                IPv6Addresses = [_vip6],
            },
            () => 1
        );

        public ConntrackNamespace Place { get; } = new();

        public int Parent { get; private set; }

        public IpAddressValue IPv4 { get; } = Address(address);

        public IpAddressValue IPv6 { get; private set; }

        public void Start(string mode)
        {
            Place.Run(() =>
            {
                LinkSysctl.Write(LinkSysctl.Path("ipv6", "lan0", "accept_dad"), 0);
                using var route = new RouteNetlink();
                Parent = route.Link("lan0")!.Value.Index;
                if (mode == "bridge")
                    VirtualMacDevice.Ensure(route, Parent, Vhid);
            });
            var device = VirtualMacDevice.Name(Parent, Vhid);
            if (mode != "bridge")
                Place.Shell("ip", $"link add {device} link lan0 address {VirtualMac} type macvlan mode {mode}");
            Place.Shell("ip", $"addr add {address}/24 dev lan0");
            Place.Shell("ip", "link set lan0 up");
            Place.Shell("ip", $"link set {device} up");
        }

        public void FindLinkLocal() =>
            Place.Run(() =>
            {
                using var route = new RouteNetlink();
                AddressInfo? found = null;
                Eventually.Until(
                    () =>
                        (found = route.Addresses(Parent).Where(a => a.IsLinkLocal && !a.IsTentative).Cast<AddressInfo?>().FirstOrDefault())
                            is not null,
                    "a link-local address"
                );
                IPv6 = found!.Value.Address;
            });

        public RawSocket Listen(bool ipv6) => Open(() => new RawSocket(Parent, "lan0", ipv6));

        public PacketTap Tap() => Open(() => new PacketTap(Parent));

        public PacketSender Sender() => Open(() => new PacketSender(Parent));

        public T Open<T>(Func<T> open)
            where T : IDisposable
        {
            T opened = default!;
            Place.Run(() => opened = open());
            _opened.Add(opened);
            return opened;
        }

        public void SetLink(bool up) => Place.Shell("ip", $"link set lan0 {(up ? "up" : "down")}");

        /// <summary>The node's next advertisement as a frame.</summary>
        public byte[] Frame(bool ipv6)
        {
            var frame = new byte[CarpFrame.MaxLength];
            var length = ipv6
                ? CarpFrame.Write(frame, _host, true, VirtualMac, IPv6, CarpFrame.GroupIPv6, CarpFrame.GroupMacIPv6, 1, 0, 0)
                : CarpFrame.Write(frame, _host, false, VirtualMac, IPv4, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, 1, 0, 0);
            return frame[..length];
        }

        public void Dispose()
        {
            foreach (var opened in _opened)
                opened.Dispose();
            Place.Dispose();
        }
    }
}

/// <summary>Waits for what sockets bring.</summary>
internal static class Hearing
{
    /// <summary>The next packet and its payload; null when none came in time.</summary>
    public static (ReceivedPacket Packet, byte[] Payload)? Next(RawSocket socket, TimeSpan within)
    {
        var end = BootClock.Now + within;
        using var poller = new Poller();
        poller.Add(socket.Handle);
        var buffer = new byte[256];
        while (true)
        {
            if (socket.TryReceive(buffer, out var packet))
                return (packet, buffer.AsSpan(packet.Offset, packet.Length).ToArray());
            if (BootClock.Now >= end)
                return null;
            poller.Wait(end);
        }
    }

    public static (ReceivedPacket Packet, byte[] Payload) Next(RawSocket socket)
    {
        var heard = Next(socket, Eventually.Usual);
        Assert.NotNull(heard);
        return heard.Value;
    }

    /// <summary>The next incoming frame that fits; null when none came in time.</summary>
    public static byte[]? Frame(PacketTap tap, Func<byte[], bool> fits, TimeSpan within)
    {
        var end = BootClock.Now + within;
        using var poller = new Poller();
        poller.Add(tap.Handle);
        var buffer = new byte[2048];
        while (true)
        {
            while (tap.TryReceive(buffer, out var length, out var outgoing))
            {
                if (!outgoing && fits(buffer[..length]))
                    return buffer[..length];
            }
            if (BootClock.Now >= end)
                return null;
            poller.Wait(end);
        }
    }
}
