using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Verdicts;
using Redoubt.Linux.Nftables;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>
/// A node without a lease sends nothing with the virtual MAC, whatever its other programs do: a single frame would teach the switch
/// the wrong way.
/// </summary>
public sealed class SilentNodeTests
{
    private const int Rounds = 250; // half a second and more

    [Fact]
    public void A_backup_and_a_frozen_node_emit_no_frame_with_the_virtual_MAC_while_a_local_process_sends_but_the_master_does()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        Assert.True(FramesOf(pair, fw1) > Rounds, "the master's local process is heard");
        Assert.Equal(0, FramesOf(pair, fw2));

        fw1.Freeze();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        Assert.True(fw1.HasLanAddress, "only the lease keeps it silent");
        Assert.Equal(0, FramesOf(pair, fw1));
        Assert.True(FramesOf(pair, fw2) > Rounds, "the new master's local process is heard");

        fw1.Kill9();
        Assert.Equal(0, FramesOf(pair, fw1));
    }

    [Fact]
    public void Flushing_all_rules_of_a_backup_opens_its_gate_for_no_longer_than_100_ms()
    {
        using var pair = new Pair();
        var backup = pair.Second;
        using var sender = new LocalSender(backup.Place, Pair.LanMacvlan(backup));
        for (var i = 0; i < 5; i++)
        {
            using var watch = new PortWatch(pair.Topology.Switch, [backup.Lan]);
            sender.Await(10);
            backup.Place.Nft("flush ruleset\n");
            sender.Await(Rounds / 2);
            var result = watch.Stop();
            Assert.Equal(0, result.Dropped);
            var frames = result.Counts.Where(c => c.Kind == PortFrameKind.VirtualSource).ToList();
            Assert.All(frames, f => Assert.True((f.Last - f.First).TotalMilliseconds <= 100, $"{f.Count} frames for {f.Last - f.First}"));
        }
        Deadline
            .In(10)
            .Await(
                "the firewall is back",
                () => backup.Place.Execute("nft", "list", "tables").Contains("table inet redoubt\n", StringComparison.Ordinal)
            );
        Assert.Contains(AddressGate.Table, backup.Place.Execute("nft", "list", "tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_its_gate_a_backup_is_heard()
    {
        using var pair = new Pair();
        var backup = pair.Second;
        backup.Kill9(); // it would load the gate again
        using var sender = new LocalSender(backup.Place, Pair.LanMacvlan(backup));
        using var watch = new PortWatch(pair.Topology.Switch, [backup.Lan]);
        sender.Await(10);
        Assert.Equal(0, watch.Count(backup.Lan.Name, PortFrameKind.VirtualSource));
        backup.Place.Nft($"delete table netdev {AddressGate.Table}\n");
        sender.Await(Rounds);
        Assert.True(watch.Count(backup.Lan.Name, PortFrameKind.VirtualSource) > Rounds);
    }

    // Adverts and announcements of a master are a few a second; the rounds of the sender are many.
    private static long FramesOf(Pair pair, RedoubtNode node)
    {
        using var watch = new PortWatch(pair.Topology.Switch, [node.Lan]);
        using (var sender = new LocalSender(node.Place, Pair.LanMacvlan(node)))
            sender.Await(Rounds);
        var result = watch.Stop();
        Assert.Equal(0, result.Dropped);
        return result.Counts.Where(c => c.Kind == PortFrameKind.VirtualSource).Sum(c => c.Count);
    }
}
