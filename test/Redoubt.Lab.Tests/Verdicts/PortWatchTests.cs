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
}
