using System.Net;
using Redoubt.Lab.Tests.Traffic;
using Redoubt.Lab.Traffic;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Verdicts;

public sealed class PortWatchTests
{
    [Theory]
    [InlineData("00:00:5e:00:01:07", true)]
    [InlineData("02:00:5e:00:01:07", false)]
    public void Only_frames_with_a_virtual_source_count_as_such_and_the_answering_port_is_the_owner(string mac, bool isVirtual)
    {
        using var hosts = new TwoHosts();
        TwoHosts.Ip(hosts.Server, $"link set right address {mac}");
        using var watch = new PortWatch(hosts.Client, ["left"]);
        using var echo = new UdpEcho(hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var probe = new UdpProbe(hosts.Client, echo.EndPoint);
        TwoHosts.Until(() => probe.Received >= 50 && watch.Count("left", PortFrameKind.ArpReply) > 0);
        var result = watch.Stop();
        Assert.Equal(isVirtual, watch.Count("left", PortFrameKind.VirtualSource) > 0);
        Assert.Equal(["left"], result.Owners(TwoHosts.ServerAddress));
        Assert.Empty(result.Owners(IPAddress.Parse("10.77.0.9")));
        Assert.Equal(0, result.Dropped);
    }

    [Fact]
    public void Two_nodes_that_answer_for_one_address_are_two_owners()
    {
        using var hosts = new TwoHosts();
        using var second = Redoubt.Linux.NetworkNamespace.Create();
        var handle = $"/proc/{Environment.ProcessId}/fd/{second.Handle.DangerousGetHandle()}";
        TwoHosts.Ip(hosts.Client, $"link add left2 type veth peer name right2 netns {handle}");
        TwoHosts.Ip(second, "addr add 10.77.0.2/24 dev right2");
        TwoHosts.Ip(second, "link set right2 up");
        TwoHosts.Ip(hosts.Client, "addr del 10.77.0.1/24 dev left");
        TwoHosts.Ip(hosts.Client, "link add bridge0 type bridge");
        TwoHosts.Ip(hosts.Client, "link set left master bridge0");
        TwoHosts.Ip(hosts.Client, "link set left2 master bridge0");
        TwoHosts.Ip(hosts.Client, "link set left2 up");
        TwoHosts.Ip(hosts.Client, "addr add 10.77.0.1/24 dev bridge0");
        TwoHosts.Ip(hosts.Client, "link set bridge0 up");
        using var watch = new PortWatch(hosts.Client, ["left", "left2"]);
        using var probe = new UdpProbe(hosts.Client, new IPEndPoint(TwoHosts.ServerAddress, 9), rate: 100);
        TwoHosts.Until(() => watch.Count("left", PortFrameKind.ArpReply) > 0 && watch.Count("left2", PortFrameKind.ArpReply) > 0);
        Assert.Equal(["left", "left2"], watch.Stop().Owners(TwoHosts.ServerAddress));
    }
}
