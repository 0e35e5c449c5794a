using System.Net;
using Redoubt.Core;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Netlink;

namespace Redoubt.Lab.Tests.Links;

/// <summary>News of links and addresses, when the cable is pulled at the other end or an operator interferes.</summary>
public sealed class LinkMonitorTests : IDisposable
{
    private static readonly IpAddressValue _vip = IpAddressValue.From(IPAddress.Parse("10.0.0.1"));
    private readonly ConntrackNamespace _node = new();
    private readonly ConntrackNamespace _switch = new();
    private readonly LinkMonitor _monitor;
    private readonly LinkInfo _lan;

    public LinkMonitorTests()
    {
        _node.Shell("ip", "link add lan0 type veth peer name eth0");
        _node.Give("eth0", _switch);
        _switch.Shell("ip", "link set eth0 up");
        _node.Shell("ip", "link set lan0 up");
        LinkMonitor? monitor = null;
        LinkInfo? lan = null;
        _node.Run(() =>
        {
            using var route = new RouteNetlink();
            Eventually.Until(() => (lan = route.Link("lan0")) is { IsRunning: true }, "carrier on lan0");
            monitor = new LinkMonitor();
        });
        (_monitor, _lan) = (monitor!, lan!.Value);
    }

    public void Dispose()
    {
        _monitor.Dispose();
        _node.Dispose();
        _switch.Dispose();
    }

    [Fact]
    public void Loss_and_return_of_carrier_are_told()
    {
        _switch.Shell("ip", "link set eth0 down");
        var lost = News(n => n.Kind == LinkNewsKind.Link && n.Link.Index == _lan.Index && !n.Link.IsRunning, "lost carrier");
        Assert.Equal(("lan0", true), (lost.Link.Name, lost.Link.IsUp));
        _switch.Shell("ip", "link set eth0 up");
        var back = News(n => n.Kind == LinkNewsKind.Link && n.Link.Index == _lan.Index && n.Link.IsRunning, "carrier");
        Assert.True(back.Link.IsUp);
    }

    [Fact]
    public void Without_a_change_there_is_no_news()
    {
        // Router solicitations and the end of duplicate detection are over when the link-local address is there and permanent.
        _node.Run(() =>
        {
            using var route = new RouteNetlink();
            Eventually.Until(() => route.Addresses(_lan.Index).Any(a => a.IsLinkLocal && !a.IsTentative), "a link-local address");
        });
        while (_monitor.TryRead(out _)) { }
        Assert.False(_monitor.TryRead(out _));
    }

    [Fact]
    public void An_address_that_an_operator_removes_is_told()
    {
        Route(route => route.AddAddress(_lan.Index, _vip, false, 24, null));
        var there = News(n => n.Kind == LinkNewsKind.Address && n.Address.Address == _vip, "the address");
        Assert.Equal((_lan.Index, RouteMessage.Protocol), (there.Address.InterfaceIndex, there.Address.Protocol));
        _node.Shell("ip", "addr del 10.0.0.1/24 dev lan0");
        var gone = News(n => n.Kind == LinkNewsKind.AddressGone, "its removal");
        Assert.Equal((_lan.Index, _vip, 24), (gone.Address.InterfaceIndex, gone.Address.Address, gone.Address.PrefixLength));
    }

    [Fact]
    public void An_address_whose_lifetime_ended_is_told()
    {
        Route(route => route.AddAddress(_lan.Index, _vip, false, 24, TimeSpan.FromSeconds(1)));
        Assert.Equal(_vip, News(n => n.Kind == LinkNewsKind.AddressGone, "the end of the address").Address.Address);
    }

    [Fact]
    public void A_deleted_device_is_told_and_one_that_leaves_a_bridge_is_not_gone()
    {
        var device = default(LinkInfo);
        Route(route =>
        {
            device = VirtualMacDevice.Ensure(route, _lan.Index, 42);
            return Errno.None;
        });
        News(n => n.Kind == LinkNewsKind.Link && n.Link.Index == device.Index, "the new device");
        _node.Shell("ip", $"link del {device.Name}");
        Assert.Equal(device.Index, News(n => n.Kind == LinkNewsKind.LinkGone, "the deletion").Link.Index);

        _node.Shell("ip", "link add br0 type bridge");
        _node.Shell("ip", "link set lan0 master br0");
        _node.Shell("ip", "link set lan0 nomaster");
        _node.Shell("ip", "link add marker type veth peer name other");
        var gone = new List<LinkNews>();
        News(
            n =>
            {
                if (n.Kind == LinkNewsKind.LinkGone)
                    gone.Add(n);
                return n.Link.Name == "marker";
            },
            "the marker"
        );
        Assert.Empty(gone);
    }

    [Fact]
    public void Lost_news_is_told_once_and_the_monitor_reads_on()
    {
        // Each change makes a message of more than 1 KiB in the queue; 4 MiB, which the kernel doubles at most, are full long before.
        const int Changes = 20_000;
        Route(route =>
        {
            for (var i = 0; i < Changes; i++)
                Assert.Equal(
                    Errno.None,
                    (i & 1) == 0 ? route.AddAddress(_lan.Index, _vip, false, 24, null) : route.RemoveAddress(_lan.Index, _vip, false, 24)
                );
            return Errno.None;
        });
        var (overruns, news) = (0, 0);
        while (_monitor.TryRead(out var one))
        {
            news++;
            if (one.Kind == LinkNewsKind.Overrun)
                overruns++;
        }
        Assert.Equal(1, overruns);
        Assert.InRange(news, 2, Changes - 1);
        _node.Shell("ip", "link add marker type veth peer name other");
        News(n => n.Kind == LinkNewsKind.Link && n.Link.Name == "marker", "anything after the overrun");
    }

    private LinkNews News(Func<LinkNews, bool> fits, string what) => Eventually.News(_monitor, fits, what);

    private void Route(Func<RouteNetlink, Errno> request) =>
        _node.Run(() =>
        {
            using var route = new RouteNetlink();
            Assert.Equal(Errno.None, request(route));
        });
}
