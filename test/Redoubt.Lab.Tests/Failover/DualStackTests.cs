using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.StateSync.Traffic;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>
/// A client with IPv4 behind translation, and IPv6 by a router that it learned from router advertisements: a TCP and a UDP flow in each family, opened once, go on over
/// every fault of the lab.
/// </summary>
public sealed class DualStackTests
{
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(20);

    [Fact(Explicit = true)]
    public void Flows_of_both_families_go_on_over_a_kill_lost_cables_and_a_planned_hand_over()
    {
        using var pair = new DualStackPair();
        pair.Over("kill -9", fw => fw.Kill9());
        pair.Over("the LAN's cable", fw => fw.Lan.Unplug());
        pair.Over("the WAN's cable", fw => fw.Wan.Unplug());
        pair.Over("a hand-over", fw => Assert.True(fw.Ask(ControlVerb.Failover).Ok), fw => Assert.True(FailBack(fw).Ok));
    }

    [Fact(Explicit = true)]
    public void Flows_of_both_families_go_on_over_a_crash_a_freeze_maintenance_a_stop_and_all_cables()
    {
        using var pair = new DualStackPair();
        pair.Over("a crash", fw => fw.Crash());
        pair.Over("SIGSTOP and SIGCONT", fw => fw.Freeze(), fw => fw.Thaw());
        pair.Over("maintenance", fw => Maintain(fw, on: true), fw => Maintain(fw, on: false));
        pair.Over("SIGTERM", fw => Assert.True(fw.Stop()));
        pair.Over("every cable", fw => fw.Ports.ToList().ForEach(p => p.Unplug()));
    }

    /// <summary>The twin: without replicated states a fault ends them.</summary>
    [Fact(Explicit = true)]
    public void Without_replicated_states_the_flows_end_at_the_first_fault()
    {
        using var pair = new DualStackPair(stateSync: false);
        pair.First.Kill9();
        pair.Second.WaitForState(VipState.Master, new Deadline(_limit));
        Assert.False(pair.Connection.Exchange(Deadline.In(3)));
    }

    private static ControlReply FailBack(RedoubtNode node) => node.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = true });

    private static void Maintain(RedoubtNode node, bool on) =>
        Assert.True(node.Ask(new ControlRequest { Verb = ControlVerb.Maintenance, On = on }).Ok);
}
