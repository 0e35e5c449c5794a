using System.Net;
using System.Net.Sockets;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>Faults of whole firewalls, and what a node lets us read.</summary>
public sealed class FirewallNodeTests
{
    [Fact]
    public void The_backup_takes_over_from_a_frozen_master_and_yields_when_it_is_thawed()
    {
        using var lab = StartPair();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        fw1.Freeze();
        Assert.True(fw1.IsRunning, "a frozen process is still there");
        Assert.Null(fw1.State(Topology.LanVhid));
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));
        fw1.Thaw();
        fw1.WaitForState(VipState.Master, Deadline.In(15)); // the better one takes it back
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));
    }

    [Fact]
    public void All_addresses_move_when_the_master_loses_the_carrier_of_one_port_and_come_back_with_it()
    {
        using var lab = StartPair();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        using (fw1.Lan.Unplug())
        {
            fw2.WaitForState(VipState.Master, Deadline.In(10));
            Assert.NotEqual(VipState.Master, fw1.State(Topology.LanVhid));
            Deadline.In(10).Await("fw1 gives up the WAN", () => fw1.State(Topology.WanVhid) != VipState.Master);
        }
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
    }

    [Fact]
    public void A_crashed_machine_has_lost_everything_and_comes_back_with_its_heal()
    {
        using var lab = StartPair();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        Assert.True(fw1.HasLanAddress);
        fw1.Crash();
        Assert.False(fw1.IsRunning);
        Assert.False(fw1.HasLanAddress || fw1.HasWanAddress);
        Assert.True(fw1.Lan.HasCarrier, "a silent death");
        Assert.DoesNotContain("redoubt", fw1.Place.Execute("nft", "list", "tables"), StringComparison.Ordinal);
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        fw1.Heal();
        fw1.WaitForState(VipState.Master, Deadline.In(20));
        Assert.Empty(fw1.Lan.Faults);
    }

    [Fact]
    public void An_orderly_stop_hands_over_at_once_and_leaves_nothing_in_the_kernel()
    {
        using var lab = StartPair();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        var deadline = Deadline.In(10);
        Assert.True(fw1.Stop(), "it had to be killed");
        fw2.WaitForState(VipState.Master, deadline);
        Assert.Equal(0, fw1.Daemon!.ExitCode);
        Assert.False(fw1.HasLanAddress || fw1.HasWanAddress);
        Assert.DoesNotContain("redoubt", fw1.Place.Execute("nft", "list", "tables"), StringComparison.Ordinal);
        fw1.Start();
        fw1.WaitForState(VipState.Master, Deadline.In(20));
    }

    [Fact]
    public void A_client_reaches_the_server_through_the_translation_and_packets_of_no_connection_are_counted()
    {
        using var lab = StartPair();
        var (fw1, topology) = (lab.Redoubt(1), lab.Topology);
        Assert.True(topology.Client.Pings(Topology.ServerAddress));
        using var listener = topology.Server.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Any, 8080));
        listener.Listen();
        using var client = topology.Client.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        client.SendTimeout = client.ReceiveTimeout = 5000;
        client.Connect(IPAddress.Parse(Topology.ServerAddress), 8080);
        using var accepted = listener.Accept();
        Assert.Equal(Topology.WanVip, ((IPEndPoint)accepted.RemoteEndPoint!).Address.ToString());
        Assert.True(fw1.StateCount >= 1);
        Assert.Equal(0, fw1.InvalidPackets);

        fw1.Place.Execute("conntrack", "-F"); // the flow goes on, but nobody knows it any more
        client.Send([1]);
        Deadline.In(5).Await("the packet is counted as invalid", () => fw1.InvalidPackets > 0);
    }

    [Fact]
    public void Nodes_that_share_the_password_raise_no_alarm()
    {
        using var lab = StartPair();
        foreach (var node in lab.RedoubtNodes)
            Assert.DoesNotContain(node.Events(), e => e.Kind == EventKind.Alarm);
    }

    [Fact]
    public void A_bad_configuration_ends_the_start_with_the_daemons_own_words()
    {
        using var lab = LabSession.Build(new LabOptions { Nodes = LabSession.Quiet(1) });
        var fw1 = lab.Redoubt(1);
        File.WriteAllText(
            fw1.ConfigFile,
            File.ReadAllText(fw1.ConfigFile).Replace("<vhid>1</vhid>", "<vhid>777</vhid>", StringComparison.Ordinal)
        );
        var error = Assert.Throws<LabException>(fw1.Start);
        Assert.Contains("code 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("vhid", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_node_is_master_and_three_nodes_fall_in_line()
    {
        using var lab = LabSession.Start(LabSession.Quiet(3));
        lab.Redoubt(1).WaitForState(VipState.Master, Deadline.In(20));
        lab.Redoubt(1).Crash();
        lab.Redoubt(2).WaitForState(VipState.Master, Deadline.In(15));
        lab.Redoubt(3).WaitForState(VipState.Backup, Deadline.In(10));
        lab.Redoubt(2).Crash();
        lab.Redoubt(3).WaitForState(VipState.Master, Deadline.In(15));
        Assert.True(lab.Topology.Client.Pings(Topology.LanVip));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_keepalived_pair_elects_takes_over_and_carries_states_across(bool vmac)
    {
        LabSession.SkipWithoutNamespaces();
        Assert.SkipUnless(Tool.IsInstalled("keepalived") && Tool.IsInstalled("conntrackd"), "keepalived or conntrackd is not installed");
        var options = new KeepalivedOptions { UseVmac = vmac };
        using var lab = LabSession.Start(options, options);
        var (fw1, fw2, client) = (lab["fw1"], lab["fw2"], lab.Topology.Client);
        Deadline
            .In(20)
            .Await("fw1 holds the addresses", () => fw1.HasLanAddress && fw1.HasWanAddress && !fw2.HasLanAddress, () => Tails(lab));
        Assert.True(client.Pings(Topology.ServerAddress));
        Deadline
            .In(10)
            .Await(
                "fw2 knows the flow",
                () => fw2.Place.Execute("conntrack", "-L", "-p", "icmp").Contains(Topology.WanVip, StringComparison.Ordinal),
                () => Tails(lab)
            );
        fw1.Crash();
        Deadline.In(20).Await("fw2 takes over", () => fw2.HasLanAddress && fw2.HasWanAddress, () => Tails(lab));
        Assert.True(client.Pings(Topology.ServerAddress, count: 10));
        fw1.Heal();
        Deadline.In(20).Await("fw1 takes back", () => fw1.HasLanAddress && !fw2.HasLanAddress, () => Tails(lab));
    }

    private static LabCluster StartPair()
    {
        var lab = LabSession.Start(LabSession.Quiet(2));
        try
        {
            lab.Redoubt(1).WaitForState(VipState.Master, Deadline.In(20));
            lab.Redoubt(2).WaitForState(VipState.Backup, Deadline.In(10));
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    private static string Tails(LabCluster lab) =>
        string.Join("\n", lab.Nodes.SelectMany(n => n.Processes).Select(p => $"{p.Name}: {p.Tail}"));
}
