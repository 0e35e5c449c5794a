using System.Net;
using System.Text.Json;
using Redoubt.Core;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Netlink;

namespace Redoubt.Lab.Tests.Links;

/// <summary>What we ask of the kernel, against what iproute2 then sees.</summary>
public sealed class RouteNetlinkTests : IDisposable
{
    private const byte Vhid = 42;
    private const uint Forever = uint.MaxValue;
    private static readonly IpAddressValue _vip4 = IpAddressValue.From(IPAddress.Parse("10.0.0.1"));
    private static readonly IpAddressValue _second4 = IpAddressValue.From(IPAddress.Parse("10.0.0.2"));
    private static readonly IpAddressValue _vip6 = IpAddressValue.From(IPAddress.Parse("fd00:1::1"));
    private readonly ConntrackNamespace _node = new();
    private readonly int _parent;

    public RouteNetlinkTests()
    {
        _node.Shell("ip", "link add lan0 type veth peer name eth0");
        _node.Shell("ip", "link set eth0 up");
        _node.Shell("ip", "link set lan0 up");
        _parent = Ask(route => route.Link("lan0")!.Value.Index);
    }

    public void Dispose() => _node.Dispose();

    [Fact]
    public void The_device_of_a_vhid_is_a_silent_macvlan_in_mode_bridge_with_the_virtual_mac()
    {
        var device = Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid));
        Assert.Equal(VirtualMacDevice.Name(_parent, Vhid), device.Name);
        Assert.Equal((_parent, MacAddress.Virtual(Vhid), "macvlan", false), (device.ParentIndex, device.Mac, device.Kind, device.IsUp));
        var seen = Link(device.Name);
        Assert.Equal("00:00:5e:00:01:2a", seen.GetProperty("address").GetString());
        Assert.Equal("lan0", seen.GetProperty("link").GetString());
        Assert.Equal("none", seen.GetProperty("inet6_addr_gen_mode").GetString());
        var info = seen.GetProperty("linkinfo");
        Assert.Equal("macvlan", info.GetProperty("info_kind").GetString());
        Assert.Equal("bridge", info.GetProperty("info_data").GetProperty("mode").GetString());
        _node.Run(() =>
        {
            Assert.Equal(0, LinkSysctl.Read(LinkSysctl.Path("ipv6", device.Name, "accept_ra")));
            Assert.Equal(1, LinkSysctl.Read(LinkSysctl.Path("ipv4", device.Name, "arp_ignore")));
            Assert.Equal(2, LinkSysctl.Read(LinkSysctl.Path("ipv4", device.Name, "arp_announce")));
        });
        Ask(route => route.SetUp(device.Index, true));
        Assert.Contains("UP", Flags(device.Name));
        // The twin: the parent made itself a link-local address when it came up, this one must not.
        Eventually.Until(
            () => Addresses("lan0").Any(a => a.Local.StartsWith("fe80", StringComparison.Ordinal)),
            "lan0's link-local address"
        );
        Assert.Empty(Addresses(device.Name));
        Ask(route => route.SetUp(device.Index, false));
        Assert.DoesNotContain("UP", Flags(device.Name));
        Assert.Equal(Errno.None, Ask(route => route.DeleteLink(device.Index)));
        Assert.Null(Ask(route => route.Link(device.Name)));
    }

    [Fact]
    public void A_device_that_a_killed_predecessor_left_is_taken_over_with_its_settings_repaired()
    {
        var left = Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid));
        Ask(route => route.SetUp(left.Index, true));
        _node.Run(() => Assert.True(LinkSysctl.Write(LinkSysctl.Path("ipv4", left.Name, "arp_ignore"), 0)));
        Assert.True(VirtualMacDevice.IsOurs(Ask(route => route.Link(left.Name)!.Value)));
        var adopted = Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid));
        Assert.Equal(left.Index, adopted.Index);
        Assert.True(adopted.IsUp);
        _node.Run(() => Assert.Equal(1, LinkSysctl.Read(LinkSysctl.Path("ipv4", left.Name, "arp_ignore"))));
    }

    [Fact]
    public void A_leftover_with_another_mac_is_made_anew()
    {
        var name = VirtualMacDevice.Name(_parent, Vhid);
        _node.Shell("ip", $"link add {name} link lan0 address 00:00:5e:00:01:07 type macvlan mode bridge");
        var was = Ask(route => route.Link(name)!.Value);
        var made = Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid));
        Assert.NotEqual(was.Index, made.Index);
        Assert.Equal(MacAddress.Virtual(Vhid), made.Mac);
    }

    [Fact]
    public void A_leftover_in_mode_private_is_made_anew_because_it_would_hide_the_peer()
    {
        var name = VirtualMacDevice.Name(_parent, Vhid);
        _node.Shell("ip", $"link add {name} link lan0 address 00:00:5e:00:01:2a type macvlan mode private");
        Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid));
        Assert.Equal("bridge", Link(name).GetProperty("linkinfo").GetProperty("info_data").GetProperty("mode").GetString());
    }

    [Fact]
    public void A_strangers_device_that_has_our_name_is_named_and_left_alone()
    {
        var name = VirtualMacDevice.Name(_parent, Vhid);
        _node.Shell("ip", $"link add {name} type veth peer name other");
        _node.Shell("ip", "link add mv0 link lan0 type macvlan mode bridge");
        var stranger = Ask(route => route.Link(name)!.Value);
        Assert.False(VirtualMacDevice.IsOurs(stranger));
        Assert.False(VirtualMacDevice.IsOurs(Ask(route => route.Link("mv0")!.Value)));
        var refusal = Assert.Throws<KernelException>(() => Ask(route => VirtualMacDevice.Ensure(route, _parent, Vhid)));
        Assert.Equal(Errno.Exists, refusal.Errno);
        Assert.Contains(name, refusal.Message, StringComparison.Ordinal);
        Assert.Equal(stranger.Index, Ask(route => route.Link(name)!.Value.Index));
    }

    [Fact]
    public void Refusals_carry_the_kernels_errno()
    {
        var mac = MacAddress.Virtual(1);
        Assert.Equal(Errno.None, Ask(route => route.CreateMacvlan("rd.x", _parent, mac)));
        Assert.Equal(Errno.Exists, Ask(route => route.CreateMacvlan("rd.x", _parent, mac)));
        Assert.Equal(Errno.NoDevice, Ask(route => route.CreateMacvlan("rd.y", 99_999, mac)));
        Assert.Null(Ask(route => route.Link("rd.y")));
        Assert.Equal(Errno.NoDevice, Ask(route => route.DeleteLink(99_999)));
        Assert.Equal(Errno.NoDevice, Ask(route => route.SetUp(99_999, true)));
        Assert.Equal(Errno.NoDevice, Ask(route => route.AddAddress(99_999, _vip4, false, 24, null)));
        Assert.Equal(Errno.AddressNotAvailable, Ask(route => route.RemoveAddress(_parent, _vip4, false, 24)));
        Assert.Equal(Errno.AddressNotAvailable, Ask(route => route.RemoveAddress(_parent, _vip6, true, 64)));
        var failure = Assert.Throws<KernelException>(() => Ask(route => VirtualMacDevice.Ensure(route, 99_999, Vhid)));
        Assert.Equal(Errno.NoDevice, failure.Errno);
        Assert.Contains("rd99999.42", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_address_has_its_lifetime_no_route_no_duplicate_detection_and_our_mark(bool ipv6)
    {
        var (vip, bits) = ipv6 ? (_vip6, 64) : (_vip4, 24);
        var device = Up();
        Assert.Equal(Errno.None, Ask(route => route.AddAddress(device.Index, vip, ipv6, bits, TimeSpan.FromSeconds(60))));
        var seen = Assert.Single(Addresses(device.Name));
        Assert.Equal((ipv6 ? "fd00:1::1" : "10.0.0.1", bits), (seen.Local, seen.Bits));
        Assert.InRange(seen.Valid, 58u, 60u);
        Assert.True(seen.NoPrefixRoute);
        Assert.False(seen.Tentative);
        if (ipv6)
            Assert.True(seen.NoDuplicateDetection);
        var read = Assert.Single(Ask(route => route.Addresses(device.Index)));
        Assert.Equal((vip, ipv6, bits, RouteMessage.Protocol), (read.Address, read.IsIPv6, read.PrefixLength, read.Protocol));
        Assert.False(read.IsTentative);
        Assert.DoesNotContain(device.Name, _node.Shell("ip", (ipv6 ? "-6" : "-4") + " route show table main"), StringComparison.Ordinal);

        Assert.Equal(Errno.None, Ask(route => route.AddAddress(device.Index, vip, ipv6, bits, TimeSpan.FromSeconds(600))));
        Assert.InRange(Assert.Single(Addresses(device.Name)).Valid, 598u, 600u);
        Assert.Equal(Errno.None, Ask(route => route.AddAddress(device.Index, vip, ipv6, bits, null)));
        Assert.Equal(Forever, Assert.Single(Addresses(device.Name)).Valid);

        Assert.Equal(Errno.None, Ask(route => route.RemoveAddress(device.Index, vip, ipv6, bits)));
        Assert.Empty(Addresses(device.Name));
    }

    [Fact]
    public void An_address_nobody_refreshes_is_removed_by_the_kernel()
    {
        var device = Up();
        Ask(route => route.AddAddress(device.Index, _vip4, false, 24, TimeSpan.FromSeconds(1)));
        Ask(route => route.AddAddress(device.Index, _vip6, true, 64, TimeSpan.FromSeconds(1)));
        Ask(route => route.AddAddress(device.Index, _second4, false, 24, null));
        Eventually.Until(() => Addresses(device.Name).Length == 1, "the two addresses gone");
        Assert.Equal("10.0.0.2", Assert.Single(Addresses(device.Name)).Local);
    }

    [Fact]
    public void Removing_the_first_address_of_a_network_leaves_the_others()
    {
        var device = Up();
        Ask(route => route.AddAddress(device.Index, _vip4, false, 24, null));
        Ask(route => route.AddAddress(device.Index, _second4, false, 24, null));
        Assert.Equal(Errno.None, Ask(route => route.RemoveAddress(device.Index, _vip4, false, 24)));
        Assert.Equal("10.0.0.2", Assert.Single(Addresses(device.Name)).Local);
    }

    [Fact]
    public void The_connected_route_comes_and_goes_on_request_with_our_mark()
    {
        var device = Up();
        Ask(route => route.AddAddress(device.Index, _vip4, false, 24, null));
        var network = IpAddressValue.From(IPAddress.Parse("10.0.0.0"));
        Assert.Equal(Errno.None, Ask(route => route.ChangeConnectedRoute(true, device.Index, network, false, 24)));
        var line = _node.Shell("ip", "-N route show 10.0.0.0/24");
        Assert.Contains($"dev {device.Name} proto 82 scope 253", line, StringComparison.Ordinal);
        Assert.Equal(Errno.None, Ask(route => route.ChangeConnectedRoute(false, device.Index, network, false, 24)));
        Assert.Equal(Errno.NoSuchProcess, Ask(route => route.ChangeConnectedRoute(false, device.Index, network, false, 24)));
        Assert.Equal("", _node.Shell("ip", "route show 10.0.0.0/24"));
    }

    [Fact]
    public void Hundreds_of_links_are_listed_whole()
    {
        Ask(route =>
        {
            for (var vhid = 1; vhid <= 200; vhid++)
                Assert.Equal(
                    Errno.None,
                    route.CreateMacvlan(VirtualMacDevice.Name(_parent, (byte)vhid), _parent, MacAddress.Virtual((byte)vhid))
                );
            Assert.Equal(200, route.Links().Count(l => VirtualMacDevice.IsOurs(l) && l.ParentIndex == _parent));
            return true;
        });
    }

    [Fact]
    public void The_error_of_an_earlier_request_is_not_taken_for_the_answer_to_a_later_one()
    {
        _node.Run(() =>
        {
            using var socket = new NetlinkSocket(NetlinkSocket.Route);
            // Two faults in one datagram: the first is answered, the second still waits in the socket.
            var sequence = socket.NextSequence();
            var batch = new NetlinkWriter(new byte[256]);
            for (var i = 0; i < 2; i++)
                Delete(ref batch, 99_999, sequence);
            Assert.Equal(Errno.NoDevice, socket.Request(batch.Finish(), sequence));
            sequence = socket.NextSequence();
            var up = new NetlinkWriter(new byte[256]);
            up.BeginMessage(RouteMessage.NewLink, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
            System.Runtime.InteropServices.MemoryMarshal.Write(up.Reserve(RouteMessage.LinkHeader)[4..], _parent);
            Assert.Equal(Errno.None, socket.Request(up.Finish(), sequence));
        });

        static void Delete(ref NetlinkWriter writer, int index, uint sequence)
        {
            writer.BeginMessage(RouteMessage.DeleteLink, NetlinkFlags.Request | NetlinkFlags.Ack, sequence);
            System.Runtime.InteropServices.MemoryMarshal.Write(writer.Reserve(RouteMessage.LinkHeader)[4..], index);
        }
    }

    private LinkInfo Up() =>
        Ask(route =>
        {
            var device = VirtualMacDevice.Ensure(route, _parent, Vhid);
            Assert.Equal(Errno.None, route.SetUp(device.Index, true));
            return device;
        });

    private T Ask<T>(Func<RouteNetlink, T> question)
    {
        T answer = default!;
        _node.Run(() =>
        {
            using var route = new RouteNetlink();
            answer = question(route);
        });
        return answer;
    }

    private JsonElement Link(string device)
    {
        using var document = JsonDocument.Parse(_node.Shell("ip", $"-d -j link show dev {device}"));
        return document.RootElement[0].Clone();
    }

    private string[] Flags(string device) => [.. Link(device).GetProperty("flags").EnumerateArray().Select(f => f.GetString()!)];

    private Seen[] Addresses(string device)
    {
        using var document = JsonDocument.Parse(_node.Shell("ip", $"-d -j addr show dev {device}"));
        return
        [
            .. document
                .RootElement[0]
                .GetProperty("addr_info")
                .EnumerateArray()
                .Select(a => new Seen(
                    a.GetProperty("local").GetString()!,
                    a.GetProperty("prefixlen").GetInt32(),
                    a.GetProperty("valid_life_time").GetUInt32(),
                    a.TryGetProperty("noprefixroute", out _),
                    a.TryGetProperty("nodad", out _),
                    a.TryGetProperty("tentative", out _)
                )),
        ];
    }

    private sealed record Seen(string Local, int Bits, uint Valid, bool NoPrefixRoute, bool NoDuplicateDetection, bool Tentative);
}
