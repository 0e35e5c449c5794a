namespace Redoubt.Lab.Tests.Promises;

/// <summary>What an administrator with tcpdump sees of our advertisements on another node.</summary>
public sealed class TcpdumpTests
{
    [Fact]
    public void Tcpdump_on_the_other_node_sees_advertisements_as_CARP_wants_them_and_none_of_the_backup()
    {
        using var pair = new Pair();
        var packets = TcpdumpRun.Capture(pair.Second.Place, "lan0", 6, "ip proto 112 or ip6 proto 112"); // in either direction
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', packets));
        Assert.Equal((3, 3), (packets.Count(IsIPv4), packets.Count(IsIPv6)));
        foreach (var packet in packets)
        {
            Assert.Contains("CARPv2-advertise 36: vhid=1 advbase=1 advskew=0 ", packet, StringComparison.Ordinal);
            if (IsIPv4(packet))
            {
                Assert.Contains(" ttl 255,", packet, StringComparison.Ordinal);
                Assert.Contains("proto VRRP (112)", packet, StringComparison.Ordinal);
                Assert.Contains($" {Topology.LanAddress(1)} > 224.0.0.18: ", packet, StringComparison.Ordinal);
            }
            else
            {
                Assert.Contains("hlim 255, next-header VRRP (112)", packet, StringComparison.Ordinal);
                Assert.Matches(@" fe80::[0-9a-f:]+ > ff02::12: ", packet);
            }
        }
    }

    private static bool IsIPv4(string packet) =>
        packet.Contains($"{VirtualMac} > 01:00:5e:00:00:12, ethertype IPv4", StringComparison.Ordinal);

    private static bool IsIPv6(string packet) =>
        packet.Contains($"{VirtualMac} > 33:33:00:00:00:12, ethertype IPv6", StringComparison.Ordinal);

    private const string VirtualMac = " 00:00:5e:00:01:01"; // vhid 1
}
