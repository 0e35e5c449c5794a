using System.Net;
using Redoubt.Lab.Traffic;

namespace Redoubt.Lab.Tests.Traffic;

public sealed class UdpProbeTests
{
    [Fact]
    public void An_intact_path_loses_nothing()
    {
        using var hosts = new TwoHosts();
        using var echo = new UdpEcho(hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var probe = new UdpProbe(hosts.Client, echo.EndPoint);
        TwoHosts.Until(() => probe.Received >= 500);
        var result = probe.Stop();
        Assert.Equal(0, result.Lost);
        Assert.Equal(0, result.Duplicated + result.Reordered + result.SendErrors + result.Foreign);
        Assert.True(result.LongestGap < TimeSpan.FromMilliseconds(200), $"{result.LongestGap}");
    }

    [Fact]
    public void A_cut_of_300_ms_is_the_outage_after_its_mark()
    {
        using var hosts = new TwoHosts();
        using var echo = new UdpEcho(hosts.Server, new IPEndPoint(TwoHosts.ServerAddress, 0));
        using var probe = new UdpProbe(hosts.Client, echo.EndPoint);
        TwoHosts.Until(() => probe.Received >= 200);
        probe.Mark("cut");
        // The far end drops: the sender's own link stays up, as with a failed firewall in the middle.
        TwoHosts.Ip(hosts.Server, "addr del 10.77.0.2/24 dev right");
        var sent = probe.Sent;
        TwoHosts.Until(() => probe.Sent >= sent + 300);
        TwoHosts.Ip(hosts.Server, "addr add 10.77.0.2/24 dev right");
        var received = probe.Received;
        TwoHosts.Until(() => probe.Received >= received + 200);
        var result = probe.Stop();
        var outage = result.OutageAfter("cut");
        Assert.NotNull(outage);
        Assert.InRange(outage.Length.TotalMilliseconds, 280, 1500);
        Assert.InRange(result.Lost, 280, 1500);
        Assert.InRange(outage.Lost, result.Lost - 20, result.Lost);
    }
}
