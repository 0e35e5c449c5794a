using System.Globalization;
using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Tests.StateSync.Traffic;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>Whatever kind a flow is of, it goes on over a crash, a way back and a planned hand-over.</summary>
public sealed class SurvivalTests
{
    private const string Forward = """
        table ip lab_forward {
            chain prerouting {
                type nat hook prerouting priority -100;
                ip daddr 203.0.113.1 tcp dport 8443 dnat to 10.0.0.50:9443
            }
        }

        """;

    private const string FtpHelper = """
        table ip lab_ftp {
            ct helper ftp {
                type "ftp" protocol tcp
            }
            chain prerouting {
                type filter hook prerouting priority 0;
                tcp dport 21 ct helper set "ftp"
            }
        }

        """;

    private static void Load(Pair pair, string rules)
    {
        pair.First.Place.Nft(rules);
        pair.Second.Place.Nft(rules);
    }

    private static void Crash(Pair pair)
    {
        pair.First.Crash();
        pair.Second.WaitForState(VipState.Master, Deadline.In(15));
    }

    private static void Return(Pair pair)
    {
        pair.First.Heal();
        pair.First.WaitForState(VipState.Master, Deadline.In(20));
        pair.Second.WaitForState(VipState.Backup, Deadline.In(20));
        UntilInSync(pair);
    }

    private static void UntilInSync(Pair pair) =>
        Deadline
            .In(15)
            .Await(
                "states are in sync",
                () => new[] { pair.First, pair.Second }.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }))
            );

    private static int Expected(Place firewall) =>
        firewall.TryExecute("conntrack", "-L", "expect").Output.Split('\n').Count(l => l.Contains("dport=", StringComparison.Ordinal));

    [Fact]
    public void Flows_of_every_kind_go_on_over_a_crash_a_way_back_and_a_hand_over()
    {
        using var pair = new Pair(stateSync: true);
        Load(pair, Forward);
        UntilInSync(pair);
        var (client, server) = (pair.Topology.Client, pair.Topology.Server);
        List<IFlow> flows = [];
        try
        {
            var returning = new TcpFlow("TCP, source translated", client, server, new(IPAddress.Parse(Topology.ServerAddress), 9000));
            flows.Add(returning);
            flows.Add(new TcpFlow("TCP over IPv6", client, server, new(IPAddress.Parse(Topology.ServerAddress6), 9000)));
            var inside = new IPEndPoint(IPAddress.Parse(Topology.ClientAddress), 9443);
            flows.Add(new TcpFlow("TCP, a port forwarded", server, client, inside, new(IPAddress.Parse(Topology.WanVip), 8443)));
            flows.Add(DatagramFlow.Udp(client, server, 53));
            flows.Add(DatagramFlow.Udp(client, server, 4433));
            flows.Add(DatagramFlow.Gre(client, server));
            flows.Add(DatagramFlow.Sctp(client, server));
            Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(5)), $"{f.Name} before"));

            Crash(pair);
            Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(8)), $"{f.Name} after the crash"));
            // Farther than any window that the first firewall may have noted: a flow that returns is not held to it.
            Assert.True(returning.Download(16 << 20, Deadline.In(20)), "a download while the first firewall was away");
            Return(pair);
            Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(8)), $"{f.Name} after the way back"));
            Assert.Equal(0, pair.First.InvalidPackets);
            Assert.True(pair.First.Ask(ControlVerb.Failover).Ok);
            pair.Second.WaitForState(VipState.Master, Deadline.In(10));
            Assert.All(flows, f => Assert.True(f.Exchange(Deadline.In(8)), $"{f.Name} after the hand-over"));
        }
        finally
        {
            flows.ForEach(f => f.Dispose());
        }
    }

    [Fact]
    public void Without_state_sync_no_flow_goes_on_that_began_inside_and_is_spoken_to_from_outside()
    {
        using var pair = new Pair();
        using var flow = DatagramFlow.Udp(pair.Topology.Client, pair.Topology.Server, 53);
        using var tcp = new TcpFlow("TCP", pair.Topology.Client, pair.Topology.Server, new(IPAddress.Parse(Topology.ServerAddress), 9000));
        Crash(pair);
        Assert.False(flow.Exchange(Deadline.In(1)));
        Assert.False(tcp.Exchange(Deadline.In(1)));
    }

    [Fact]
    public void A_transfer_that_FTP_announced_before_a_failover_opens_its_data_connection_after_it()
    {
        using var pair = new Pair(stateSync: true);
        Load(pair, FtpHelper);
        UntilInSync(pair);
        using var server = new FtpServer(pair.Topology.Server, pair.Lab.Directory);
        using var passive = new FtpSession(pair.Topology.Client, Topology.ServerAddress);
        using var active = new FtpSession(pair.Topology.Client, Topology.ServerAddress);
        using var local = new FtpSession(pair.Topology.Client, Topology.ServerAddress);
        passive.AnnouncePassive();
        active.AnnounceActive();
        Deadline.In(5).Await("the other node expects both", () => Expected(pair.Second.Place) == 2);

        Crash(pair);
        Assert.Equal(server.Content, passive.Fetch());
        Assert.Equal(server.Content, active.Fetch());

        // What is expected at the node that took over, and used there, is expected no more at the one that returns.
        local.AnnounceActive();
        Assert.Equal(1, Expected(pair.Second.Place));
        Return(pair);
        Assert.Equal(server.Content, local.Fetch());
        Deadline.In(5).Await("nothing is expected any more", () => Expected(pair.First.Place) == 0);
        Deadline.In(5).Await("nor there", () => Expected(pair.Second.Place) == 0);
    }

    [Fact]
    public async Task A_handshake_whose_answer_only_the_dead_master_saw_goes_on()
    {
        using var pair = new Pair(stateSync: true);
        UntilInSync(pair);
        var (client, server) = (pair.Topology.Client, pair.Topology.Server);
        server.Nft("table netdev mute {\nchain out {\ntype filter hook egress device \"wan0\" priority 0;\ntcp sport 9000 drop\n}\n}\n");
        var opening = Task.Run(
            () => new TcpFlow("TCP", client, server, new(IPAddress.Parse(Topology.ServerAddress), 9000)),
            TestContext.Current.CancellationToken
        );
        bool IsAt(RedoubtNode node, string state) =>
            node.Place.TryExecute("conntrack", "-L", "-p", "tcp", "--dport", "9000").Output.Contains(state, StringComparison.Ordinal);
        Deadline.In(5).Await("the first segment is known to both", () => IsAt(pair.Second, "SYN_SENT"));
        using (pair.First.Sync.Cut())
        {
            server.Nft("delete table netdev mute\n");
            using var flow = await opening.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
            Assert.True(IsAt(pair.Second, "SYN_SENT"), "the other node knows no more than the first segment");
            Crash(pair);
            Assert.True(flow.Exchange(Deadline.In(8)));
        }
    }
}
