using System.Text.RegularExpressions;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>What is left in the kernel after a daemon's end, and what its successor does with that.</summary>
public sealed partial class LeftoverTests : IDisposable
{
    private readonly LabCluster _lab = LabSession.Build(
        new LabOptions { Nodes = [new RedoubtOptions { StateSync = true }, new RedoubtOptions { StateSync = true }] }
    );

    public void Dispose() => _lab.Dispose();

    [Fact]
    public void After_a_clean_stop_nothing_is_left_even_if_a_predecessor_was_killed()
    {
        var fw1 = _lab.Redoubt(1); // alone
        var before = Kernel(fw1);
        Work(fw1);
        Assert.NotEqual(before, Kernel(fw1));
        Assert.True(fw1.Stop());
        Assert.Equal(before, Kernel(fw1));

        Work(fw1);
        fw1.Kill9();
        Assert.NotEqual(before, Kernel(fw1));
        Work(fw1);
        Assert.True(fw1.Stop());
        Assert.Equal(before, Kernel(fw1));
    }

    [Fact]
    public void A_restart_after_kill_9_takes_over_what_fits_and_removes_what_does_not()
    {
        var fw1 = _lab.Redoubt(1);
        Work(fw1);
        var place = fw1.Place;
        var parent = Pair.Device(place, "lan0").Index;
        var kept = Pair.LanMacvlan(fw1);
        var index = Pair.Device(place, kept).Index;
        var whole = Kernel(fw1);
        fw1.Kill9();
        // A vhid that was taken out of the configuration, an address likewise; and what is not ours, in name or in kind.
        place.Ip(
            $"link add name rd{parent}.77 link lan0 type macvlan mode bridge",
            $"addr add 10.0.0.77/24 dev {kept}",
            "link add name other link lan0 type macvlan mode bridge",
            $"link add name rd{parent}.78 type bridge"
        );
        place.Nft("table inet other {\n}\n");
        var wan = Pair.Device(place, "wan0").Index;
        place.Ip($"link del dev rd{wan}.{Topology.WanVhid}");

        Work(fw1);
        Assert.Equal(index, Pair.Device(place, kept).Index);
        place.Ip("link del dev other", $"link del dev rd{parent}.78"); // fails unless they are still there
        place.Nft("delete table inet other\n");
        Assert.Equal(whole, Kernel(fw1));
        Assert.True(_lab.Topology.Client.Pings(Topology.LanVip));
        Assert.True(_lab.Topology.Client.Pings(Topology.ServerAddress));
    }

    private static void Work(RedoubtNode node)
    {
        node.Start();
        node.WaitForState(VipState.Master, new Deadline(Pair.ElectionLimit));
        Deadline.In(10).Await("it holds both addresses", () => node.HasLanAddress && node.HasWanAddress);
    }

    // Devices, addresses, routes, rules, tables, settings: what a program can leave behind. Indexes, counters and times are left out.
    private static string Kernel(RedoubtNode node)
    {
        var text = node.Place.Execute(
            "sh",
            "-c",
            """
            ip -o link | sed 's/^[0-9]*: //; s/ state .*//'
            ip -o addr | sed 's/^[0-9]*: //; s/valid_lft.*//'
            ip rule; ip -6 rule; ip route show table all; ip -6 route show table all
            nft list tables
            cd /proc/sys/net; grep -rs . ipv4 ipv6 netfilter | grep -v nf_conntrack_count
            """
        );
        return string.Join('\n', text.Split('\n').Select(l => Times().Replace(l, "").TrimEnd()).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@" expires \d+sec| metric \d+")]
    private static partial Regex Times();
}
