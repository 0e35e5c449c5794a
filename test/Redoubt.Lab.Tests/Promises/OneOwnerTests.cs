using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>At no time do two nodes answer for one virtual address, and a dead or hung one falls silent.</summary>
public sealed class OneOwnerTests
{
    private const int EnoughAnswers = 50; // a second
    private static readonly IPAddress _asker = IPAddress.Parse("10.0.0.99"); // nobody's
    private static readonly IPAddress _asker6 = IPAddress.Parse("fd00:1::99");
    private static readonly IPAddress _lanVip = IPAddress.Parse(Topology.LanVip);
    private static readonly IPAddress _lanVip6 = IPAddress.Parse(Topology.LanVip6);

    // From the last advertisement: the least time after which a peer claims, three intervals of a second, less the master's own
    // interval. The rest is for the signal to arrive.
    private static readonly TimeSpan _lease = TimeSpan.FromSeconds(3 - 1) + TimeSpan.FromMilliseconds(200);

    // A few milliseconds, and stalls of the machine.
    private static readonly TimeSpan _advertisement = TimeSpan.FromMilliseconds(150);

    [Theory]
    [InlineData("kill -9")]
    [InlineData("SIGSTOP")]
    public void A_master_without_its_daemon_falls_silent_with_its_lease_then_the_backup_answers_and_never_do_both(string fault)
    {
        using var pair = new Pair(redoubtXml: "<failover><preempt>never</preempt></failover>");
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        AwaitAnswers(fw1.Lan, watch, watch6);
        var faultAt = watch.Elapsed;
        Break(fw1, fault);
        AwaitAnswers(fw2.Lan, watch, watch6);
        Assert.True(fw1.HasLanAddress, "nobody took the address away from it: only the lease keeps it silent");
        fw1.Heal();
        fw1.WaitForState(VipState.Backup, Deadline.In(10));
        AwaitAnswers(fw2.Lan, watch, watch6, more: Math.Max(watch.Answers(fw2.Lan), watch6.Answers(fw2.Lan)));
        Assert.Equal((VipState.Backup, VipState.Master), (fw1.State(Topology.LanVhid), fw2.State(Topology.LanVhid)));

        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{fault} at {faultAt.TotalSeconds:0.00} s: {result}");
            Assert.True(result is { TwoOwners: [], Dropped: 0, NotSent: 0 }, result.ToString());
            var (old, heir) = (result.Of(fw1.Lan)!, result.Of(fw2.Lan)!);
            Assert.True(old.Last <= faultAt + _lease, $"the old master answered for {old.Last - faultAt}");
            Assert.True(old.Last < heir.First, "the heir answered first");
            Assert.True(result.LongestSilence < TimeSpan.FromSeconds(4), $"silence of {result.LongestSilence}");
        }
    }

    // The better node says that it takes over and claims a moment later; the other gives up when it hears the advertisement.
    [Fact]
    public void When_the_better_node_comes_back_and_takes_over_both_answer_for_no_longer_than_an_advertisement_takes()
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        fw1.Freeze();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        AwaitAnswers(fw2.Lan, watch, watch6);
        fw1.Thaw();
        AwaitAnswers(fw1.Lan, watch, watch6);
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
        {
            TestContext.Current.TestOutputHelper?.WriteLine(result.ToString());
            var (heir, back) = (result.Of(fw2.Lan)!, result.Of(fw1.Lan)!);
            Assert.Equal(0, result.Dropped);
            Assert.All(result.TwoOwners, moment => Assert.InRange(moment, back.First, back.First + _advertisement));
            Assert.True(heir.Last < back.First + _advertisement, $"both answered for {heir.Last - back.First}");
            Assert.True(result.LongestSilence < TimeSpan.FromSeconds(1), $"silence of {result.LongestSilence}");
        }
    }

    [Fact]
    public void An_address_given_to_a_second_host_by_hand_has_two_owners_but_a_backup_does_not_answer_for_it()
    {
        using var pair = new Pair();
        var client = pair.Topology.ClientPort; // no gate there
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        foreach (var host in new[] { pair.Second.Place, client.Host })
            host.Ip($"addr add {Topology.LanVip}/24 dev lan0", $"addr add {Topology.LanVip6}/64 dev lan0 nodad");
        AwaitAnswers(client, watch, watch6);
        AwaitAnswers(pair.First.Lan, watch, watch6);
        Assert.True(pair.Second.Place.HasAddress(Topology.LanVip), "it still has what it was given");
        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
        {
            Assert.True(result.TwoOwners.Count >= EnoughAnswers / 2, result.ToString());
            Assert.Equal(["client.lan", "fw1.lan"], result.Ports.Select(p => p.Port).Order());
        }
    }

    private static void Break(FirewallNode node, string fault)
    {
        if (fault == "SIGSTOP")
            node.Freeze();
        else
            node.Kill9();
    }

    private static void AwaitAnswers(Port port, OwnerWatch watch, OwnerWatch watch6, int more = 0)
    {
        var enough = more + EnoughAnswers;
        Deadline
            .In(10)
            .Await(
                $"{port.Name} answers {enough} questions of each kind",
                () => watch.Answers(port) >= enough && watch6.Answers(port) >= enough,
                () => $"{watch.Answers(port)}, {watch6.Answers(port)}"
            );
    }
}
