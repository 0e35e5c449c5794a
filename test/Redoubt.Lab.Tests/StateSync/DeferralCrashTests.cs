using System.Diagnostics;
using Redoubt.Control;
using Redoubt.Lab.Tests.Promises;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>With deferral no flow is lost of which anything got through; and a daemon that does not run any more delays new flows for a moment only.</summary>
public sealed class DeferralCrashTests
{
    private const string Defer = "<statesync><defer/></statesync>";

    // The rules' lease lasts at least as long after the daemon's death: 500 ms, and a tenth of a second in which it may have given no sign.
    private static readonly TimeSpan _certain = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan _limit = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _quiet = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(1);

    [Theory]
    [InlineData(1000)]
    [InlineData(10_000, Explicit = true)]
    public void Every_flow_whose_first_packet_got_through_before_the_master_died_lives_on(int count)
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "no /dev/net/tun: nothing can be held here");
        using var pair = new Pair(stateSync: true, Defer);
        using var flows = new ManyFlows(pair, 0);
        UntilHolding(pair, flows);
        for (var i = 0; i < count; i++)
            Open(flows);
        // Where the backup stands still, packets are let go after the limit, and what was not told is lost with the master.
        var silence = flows.Silence;
        var crash = new Thread(pair.First.Crash);
        crash.Start();
        while (crash.IsAlive)
            Open(flows);
        pair.Second.WaitForState(VipState.Master, Deadline.In(20));
        var arrived = Arrived(flows);
        Assert.InRange(arrived, count * 9 / 10, flows.Udp);
        var alive = flows.CountAlive().Udp;
        TestContext.Current.TestOutputHelper?.WriteLine($"{flows.Udp} opened, {arrived} got through, {alive} alive");
        Assert.SkipWhen(silence > _limit, $"the machine stood still for {silence} before the crash");
        Assert.Equal(arrived, alive);
    }

    // The program dies a moment before the machine: the kernel alone lets nothing new through then, because nobody tells of it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Flows_that_begin_when_the_program_is_dead_and_the_machine_is_not_are_lost_only_without_deferral(bool isDeferring)
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "no /dev/net/tun: nothing can be held here");
        using var pair = new Pair(stateSync: true, isDeferring ? Defer : "");
        using var flows = new ManyFlows(pair, 0);
        UntilInSync(pair);
        if (isDeferring)
            UntilHolding(pair, flows);
        for (var i = 0; i < 100; i++)
            Open(flows);
        var since = Stopwatch.StartNew();
        var kill = new Thread(pair.First.Kill9);
        kill.Start();
        // Its sockets and devices are still being closed then; the other node has not missed it yet.
        for (var i = 0; i < 50; i++)
            Open(flows);
        pair.First.Lan.Cut();
        var cut = since.Elapsed;
        kill.Join();
        pair.First.Crash();
        pair.Second.WaitForState(VipState.Master, Deadline.In(20));
        Assert.SkipWhen(cut > _certain, $"the machine took {cut} for it");
        var arrived = Arrived(flows);
        var alive = flows.CountAlive().Udp;
        TestContext.Current.TestOutputHelper?.WriteLine($"{flows.Udp} opened, {arrived} got through, {alive} alive");
        if (isDeferring)
        {
            Assert.Equal(arrived, alive);
            Assert.InRange(arrived, 1, flows.Udp - 1);
        }
        else
            Assert.InRange(alive, 1, arrived - 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false, Explicit = true)]
    public void A_program_that_is_frozen_or_killed_stops_new_flows_no_longer_than_the_lease_of_its_rules(bool isFrozen)
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "no /dev/net/tun: nothing can be held here");
        using var pair = new Pair(stateSync: true, Defer);
        using var flows = new ManyFlows(pair, 0);
        UntilHolding(pair, flows);
        // Through fw1 itself, whoever becomes master.
        pair.Topology.Client.Ip($"route replace {Topology.ServerAddress} via {Topology.LanAddress(1)}");
        if (isFrozen)
            pair.First.Freeze();
        else
            pair.First.Kill9();
        var (opened, before) = (flows.Udp, flows.AtServer().Udp);
        var since = Stopwatch.StartNew();
        while (flows.AtServer().Udp == before)
        {
            Assert.True(since.Elapsed < TimeSpan.FromSeconds(2), "new flows do not pass");
            Open(flows);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"the first of {flows.Udp - opened} passed after {since.Elapsed}");
        if (!isFrozen)
            return;
        // What waited meanwhile was not lost.
        pair.First.Thaw();
        Deadline.In(5).Await("all have arrived", () => flows.AtServer().Udp == flows.Udp);
    }

    // Those that are on their way, or held by the other node for its dead peer's sake, are waited for.
    private static int Arrived(ManyFlows flows)
    {
        var arrived = 0;
        for (var quiet = Stopwatch.StartNew(); quiet.Elapsed < _quiet; flows.Drain(_pace))
        {
            var now = flows.AtServer().Udp;
            if (now != arrived)
                quiet.Restart();
            arrived = now;
        }
        return arrived;
    }

    private static void Open(ManyFlows flows)
    {
        flows.SendFirst();
        flows.Drain(_pace);
    }

    private static void UntilInSync(Pair pair) =>
        Deadline
            .In(30)
            .Await(
                "states are in sync",
                () => new[] { pair.First, pair.Second }.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }))
            );

    private static void UntilHolding(Pair pair, ManyFlows flows)
    {
        UntilInSync(pair);
        Deadline
            .In(10)
            .Await(
                "first packets are held",
                () =>
                {
                    Open(flows);
                    return pair.First.Status().StateSync.Counters.GetValueOrDefault("held") > 0;
                }
            );
        Deadline.In(5).Await("all have arrived", () => flows.AtServer().Udp == flows.Udp);
    }
}
