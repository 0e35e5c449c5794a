using Redoubt.Lab.Network;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>Each fault of a port does what it says, and only that, and ends.</summary>
public sealed class PortFaultTests : IDisposable
{
    private readonly LabCluster _lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(2) });
    private readonly Port _port;
    private readonly Place _client;

    public PortFaultTests()
    {
        _port = _lab["fw1"].Lan;
        _client = _lab.Topology.Client;
        Assert.True(_client.Pings(Topology.LanAddress(1)));
    }

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void An_unplugged_port_has_no_carrier_until_it_is_plugged_in_again()
    {
        Assert.True(_port.HasCarrier);
        using (_port.Unplug())
        {
            Assert.False(_port.HasCarrier);
            Assert.False(_client.Pings(Topology.LanAddress(1), count: 1));
            Assert.True(_lab["fw2"].Lan.HasCarrier, "the other firewall's port must not suffer");
            Assert.True(_client.Pings(Topology.LanAddress(2)));
            Assert.Equal(["fw1.lan is unplugged"], _port.Faults);
        }
        Assert.Empty(_port.Faults);
        Assert.True(_port.HasCarrier);
        Assert.True(_client.Pings(Topology.LanAddress(1)));
    }

    [Fact]
    public void A_silent_cut_keeps_the_carrier_and_drops_every_frame()
    {
        using (_port.Cut())
        {
            Assert.True(_port.HasCarrier);
            Assert.Equal((0, 0), Exchange());
            Assert.True(_client.Pings(Topology.LanAddress(2)));
        }
        Assert.Equal((5, 5), Exchange());
    }

    [Fact]
    public void A_one_way_cut_drops_one_way_only()
    {
        using (_port.Cut(Direction.ToHost))
            Assert.Equal((0, 5), Exchange());
        using (_port.Cut(Direction.FromHost))
            Assert.Equal((5, 0), Exchange());
        Assert.Equal((5, 5), Exchange());
    }

    [Fact]
    public void A_cut_with_a_match_leaves_other_frames_alone()
    {
        using (_port.Cut(match: "udp dport 4001"))
            Assert.Equal((5, 5), Exchange());
        using (_port.Cut(match: $"udp dport {FrameCounter.UdpPort}"))
        {
            Assert.Equal((0, 0), Exchange());
            Assert.True(_client.Pings(Topology.LanAddress(1)));
        }
    }

    [Fact]
    public void A_duplicating_port_delivers_twice()
    {
        using (_port.Duplicate())
            Assert.Equal((10, 5), Exchange());
        Assert.Equal((5, 5), Exchange());
    }

    [Fact]
    public void A_lossy_port_loses_about_as_much_as_it_says()
    {
        using (_port.Lose(50, Direction.ToHost))
        {
            var (toHost, fromHost) = Exchange(200);
            Assert.InRange(toHost, 50, 150);
            Assert.Equal(200, fromHost);
        }
        using (_port.Lose(100))
            Assert.Equal((0, 0), Exchange());
    }

    [Fact]
    public void Faults_add_up_and_end_one_by_one()
    {
        var toHost = _port.Cut(Direction.ToHost);
        var fromHost = _port.Cut(Direction.FromHost);
        Assert.Equal((0, 0), Exchange());
        fromHost.Dispose();
        Assert.Equal((0, 5), Exchange());
        toHost.Dispose();
        toHost.Dispose(); // twice is once
        Assert.Equal((5, 5), Exchange());
        _port.Cut();
        _port.Unplug();
        _port.Restore();
        Assert.Equal((5, 5), Exchange());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(101)]
    public void A_percentage_that_is_none_is_refused(int percent) => Assert.Throws<ArgumentOutOfRangeException>(() => _port.Lose(percent));

    // Datagrams from the client to fw1 and from fw1 to the client; how many arrived.
    private (int ToHost, int FromHost) Exchange(int count = 5)
    {
        using var atHost = new FrameCounter(_port.Host);
        using var atClient = new FrameCounter(_client);
        _client.Ip($"neigh replace {Topology.LanAddress(1)} lladdr {Mac(_port.Host)} dev lan0");
        _port.Host.Ip($"neigh replace {Topology.ClientAddress} lladdr {Mac(_client)} dev lan0");
        atClient.Send(Topology.LanAddress(1), count);
        atHost.Send(Topology.ClientAddress, count);
        // Delivery over veth is done when sendto returns or within a softirq; a marker over the wire would suffer from the fault.
        return (atHost.Settle(), atClient.Settle());
    }

    private static string Mac(Place place)
    {
        var words = place.Execute("ip", "-o", "link", "show", "dev", "lan0").Split(' ');
        return words[Array.IndexOf(words, "link/ether") + 1];
    }
}
