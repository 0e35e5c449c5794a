using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.StateSync.Traffic;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>Debian's radvd on the master only: hosts learn their IPv6 router from the virtual address, and keep it.</summary>
public sealed class RouterAdvertisementTests
{
    private const string Router = "fe80::1:1";

    private const string Advertise = """
        <failover><routeradvertisement><interface>lan</interface><rdnss>fd00:1::1</rdnss></routeradvertisement></failover>
        """;

    private static LabCluster Start(int nodes)
    {
        Assert.SkipUnless(Tool.IsInstalled("radvd"), "radvd is not installed");
        NodeOptions node = new RedoubtOptions { StateSync = nodes > 1, RedoubtXml = Advertise };
        var lab = LabSession.Build(new LabOptions { Nodes = [.. Enumerable.Repeat(node, nodes)] });
        try
        {
            // The virtual address that hosts know the router by.
            foreach (var fw in lab.RedoubtNodes)
                File.WriteAllText(
                    fw.ConfigFile,
                    File.ReadAllText(fw.ConfigFile)
                        .Replace(
                            "</virtualip>",
                            $"<vip><mode>ipalias</mode><interface>_viplab2</interface><subnet>{Router}</subnet><subnet_bits>64</subnet_bits></vip></virtualip>",
                            StringComparison.Ordinal
                        )
                );
            var client = lab.Topology.Client;
            client.Execute("ip", "-6", "route", "del", "default");
            client.SetSysctl("ipv6/conf/lan0/forwarding", 0);
            client.SetSysctl("ipv6/conf/lan0/accept_ra", 2);
            client.SetSysctl("ipv6/conf/lan0/autoconf", 1);
            lab.StartAll();
            lab.Redoubt(1).WaitForState(VipState.Master, Deadline.In(20));
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    private static string Route(Place client) => client.Execute("ip", "-6", "route", "show", "default").Trim();

    private static bool Knows(Place client) =>
        Route(client) is var route
        && route.Contains($"via {Router} ", StringComparison.Ordinal)
        && route.Contains("proto ra", StringComparison.Ordinal);

    private static bool IsLoss(string line) =>
        line.StartsWith("Deleted", StringComparison.Ordinal) && line.Contains("default via", StringComparison.Ordinal);

    private static string Services(LabCluster lab) =>
        string.Join("; ", lab.RedoubtNodes.Where(n => n.Daemon is { IsRunning: true }).SelectMany(n => n.Status().Carp.Services));

    [Fact]
    public void A_host_that_learned_its_router_keeps_it_and_its_connection_over_a_crash_and_the_way_back()
    {
        using var lab = Start(2);
        var (fw1, fw2, client) = (lab.Redoubt(1), lab.Redoubt(2), lab.Topology.Client);
        Deadline.In(10).Await("the client knows its router", () => Knows(client), () => $"{Route(client)}; {Services(lab)}");
        Assert.Contains("fd00:1:", client.Execute("ip", "-6", "addr", "show", "dev", "lan0", "dynamic"), StringComparison.Ordinal);
        Assert.True(fw2.Status().Carp.Services.Single() is { Name: "radvd lan", Vip: "lan@1", Wanted: false, Running: false, Error: null });
        Deadline
            .In(15)
            .Await(
                "states are in sync",
                () => lab.RedoubtNodes.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }))
            );
        using var routes = LabProcess.Start(
            client,
            "ip monitor",
            Path.Combine(lab.Directory, "routes.log"),
            "ip",
            "-6",
            "monitor",
            "route"
        );
        using var flow = new TcpFlow("TCP", client, lab.Topology.Server, new(IPAddress.Parse(Topology.ServerAddress6), 9000));
        Assert.True(flow.Exchange(Deadline.In(5)), "before");
        Deadline
            .In(5)
            .Await(
                "fw2 holds the connection",
                () => fw2.Place.Execute("conntrack", "-L", "-f", "ipv6").Contains("ESTABLISHED", StringComparison.Ordinal)
            );

        fw1.Crash();
        fw2.WaitForState(VipState.Master, Deadline.In(15));
        Assert.True(flow.Exchange(Deadline.In(8)), "after the crash");
        Deadline.In(10).Await("fw2 advertises", () => fw2.Status().Carp.Services.Single().Running == true, () => Services(lab));
        fw1.Heal();
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        Deadline.In(10).Await("fw1 advertises", () => fw1.Status().Carp.Services.Single().Running == true, () => Services(lab));
        Deadline.In(5).Await("fw2 does not", () => fw2.Status().Carp.Services.Single().Running == false, () => Services(lab));
        Assert.True(flow.Exchange(Deadline.In(8)), "after the way back");
        Assert.True(Knows(client), Route(client));

        // Who gave it away in order said no last word of its own: the router goes on.
        Assert.DoesNotContain(routes.Lines, IsLoss);

        // Where nobody is left, the last one says so.
        fw2.Crash();
        Deadline.In(5).Await("fw1 is alone", () => fw1.Status().Cluster!.Peers.All(p => !p.Alive));
        Assert.True(fw1.Stop());
        Deadline.In(3).Await("the client has no router any more", () => Route(client).Length == 0, () => Route(client));
        Deadline.In(3).Await("the monitor sees it", () => routes.Lines.Any(IsLoss));
    }
}
