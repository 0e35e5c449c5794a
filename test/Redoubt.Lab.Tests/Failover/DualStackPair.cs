using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Lab.Tests.StateSync.Traffic;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>Two nodes with replicated states and radvd, a client that learned its IPv6 router from it, and its flows through the master.</summary>
internal sealed class DualStackPair : IDisposable
{
    private const string Router = "fe80::1:1";

    private const string Advertise = "<failover><routeradvertisement><interface>lan</interface></routeradvertisement></failover>";

    private const string LinkLocalVip =
        $"<vip><mode>ipalias</mode><interface>_viplab2</interface><subnet>{Router}</subnet><subnet_bits>64</subnet_bits></vip>";

    private readonly LabCluster _lab;
    private readonly List<IFlow> _flows = [];

    public DualStackPair(bool stateSync = true)
    {
        Assert.SkipUnless(Tool.IsInstalled("radvd"), "radvd is not installed");
        NodeOptions node = new RedoubtOptions { StateSync = stateSync, RedoubtXml = Advertise };
        _lab = LabSession.Build(new LabOptions { Nodes = [node, node] });
        try
        {
            foreach (var fw in _lab.RedoubtNodes)
                File.WriteAllText(
                    fw.ConfigFile,
                    File.ReadAllText(fw.ConfigFile).Replace("</virtualip>", $"{LinkLocalVip}</virtualip>", StringComparison.Ordinal)
                );
            LearnRouters(Client);
            _lab.StartAll();
            First.WaitForState(VipState.Master, Deadline.In(20));
            Deadline
                .In(10)
                .Await("the client knows its router", () => Route.Contains($"via {Router} ", StringComparison.Ordinal), () => Route);
            Settle();
            var server = _lab.Topology.Server;
            foreach (var address in new[] { Topology.ServerAddress, Topology.ServerAddress6 })
            {
                _flows.Add(new TcpFlow($"TCP to {address}", Client, server, new IPEndPoint(IPAddress.Parse(address), 9000)));
                _flows.Add(DatagramFlow.Udp(Client, server, (ushort)(9001 + _flows.Count), address));
            }
            MustExchange("before all faults");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public RedoubtNode First => _lab.Redoubt(1);

    public RedoubtNode Second => _lab.Redoubt(2);

    private Place Client => _lab.Topology.Client;

    private string Route => Client.Execute("ip", "-6", "route", "show", "default").Trim();

    /// <summary>TCP over IPv4.</summary>
    public IFlow Connection => _flows[0];

    /// <summary>Something happens to fw1; fw2 takes over; it is undone, or healed; fw1 comes back: and the flows go on all the while.</summary>
    public void Over(string fault, Action<RedoubtNode> strike, Action<RedoubtNode>? undo = null)
    {
        strike(First);
        Second.WaitForState(VipState.Master, Deadline.In(15));
        MustExchange($"after {fault}");
        undo?.Invoke(First);
        First.Heal();
        First.WaitForState(VipState.Master, Deadline.In(20));
        Settle();
        MustExchange($"after the way back from {fault}");
    }

    public void Dispose()
    {
        foreach (var flow in _flows)
            flow.Dispose();
        _lab.Dispose();
    }

    private static void LearnRouters(Place client)
    {
        client.Execute("ip", "-6", "route", "del", "default");
        client.SetSysctl("ipv6/conf/lan0/forwarding", 0);
        client.SetSysctl("ipv6/conf/lan0/accept_ra", 2);
        client.SetSysctl("ipv6/conf/lan0/autoconf", 1);
    }

    private void MustExchange(string when)
    {
        foreach (var flow in _flows)
            Assert.True(flow.Exchange(Deadline.In(8)), $"{flow.Name} {when}; the client's router: {Route}");
        Assert.Contains($"via {Router} ", Route, StringComparison.Ordinal);
    }

    private void Settle() =>
        Deadline
            .In(20)
            .Await(
                "states are in sync",
                () => _lab.RedoubtNodes.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }))
            );
}
