using System.Net;
using Redoubt.Control;
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

    // From the last advertisement: three intervals of the master's peer and its skew (3 s + 100/256 s), less the master's own
    // interval of a second. A question more is asked at the end of it.
    private static readonly TimeSpan _lease = TimeSpan.FromSeconds(3 + 100 / 256.0 - 1) + OwnerWatch.Interval;

    [Theory]
    [InlineData("kill -9")]
    [InlineData("SIGSTOP")]
    public void Never_do_two_nodes_answer_while_the_daemon_of_the_master_is_gone_and_when_it_comes_back(string fault)
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        AwaitAnswers(fw1.Lan, watch, watch6);

        var faultAt = watch.Elapsed;
        if (fault == "SIGSTOP")
            fw1.Freeze();
        else
            fw1.Kill9();
        fw2.WaitForState(VipState.Master, Deadline.In(10));
        AwaitAnswers(fw2.Lan, watch, watch6);
        var (before, before6) = (watch.Answers(fw1.Lan), watch6.Answers(fw1.Lan));
        var backAt = watch.Elapsed;
        fw1.Heal();
        fw1.WaitForState(VipState.Master, new Deadline(Pair.ElectionLimit));
        fw2.WaitForState(VipState.Backup, Deadline.In(10));
        AwaitAnswers(fw1.Lan, watch, watch6, more: before);

        foreach (var (result, answersBefore) in new[] { (watch.Stop(), before), (watch6.Stop(), before6) })
        {
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{fault} at {faultAt.TotalSeconds:0.00}, back at {backAt.TotalSeconds:0.00} s: {result}"
            );
            Assert.Equal((0, 0, 0), (result.TwoOwners, (int)result.Dropped, result.NotSent));
            Assert.True(result.Of(fw1.Lan)!.Questions > answersBefore, "the better node answers again");
        }
    }

    [Theory]
    [InlineData("kill -9")]
    [InlineData("SIGSTOP")]
    public void A_master_without_its_daemon_falls_silent_when_its_lease_ends_and_only_then_does_the_backup_answer(string fault)
    {
        using var pair = new Pair();
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        AwaitAnswers(fw1.Lan, watch, watch6);
        var faultAt = watch.Elapsed;
        if (fault == "SIGSTOP")
            fw1.Freeze();
        else
            fw1.Kill9();
        AwaitAnswers(fw2.Lan, watch, watch6);
        Assert.True(fw1.HasLanAddress, "nobody took the address away from it: only the lease keeps it silent");
        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{fault} at {faultAt.TotalSeconds:0.00} s: {result}");
            var (old, heir) = (result.Of(fw1.Lan)!, result.Of(fw2.Lan)!);
            Assert.Equal((0, 0), (result.TwoOwners, (int)result.Dropped));
            Assert.True(old.Last <= faultAt + _lease, $"the old master answered for {old.Last - faultAt}");
            Assert.True(old.Last < heir.First, "the heir answered first");
            Assert.True(result.LongestSilence < TimeSpan.FromSeconds(4), $"silence of {result.LongestSilence}");
        }
    }

    [Fact]
    public void Two_owners_are_seen_where_somebody_gives_the_address_to_a_second_node()
    {
        using var pair = new Pair();
        var stranger = pair.Topology.Client; // no gate there
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        AwaitAnswers(pair.First.Lan, watch, watch6);
        stranger.Ip($"addr add {Topology.LanVip}/24 dev lan0", $"addr add {Topology.LanVip6}/64 dev lan0 nodad");
        AwaitAnswers(pair.Topology.ClientPort, watch, watch6);
        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
            Assert.True(result.TwoOwners >= EnoughAnswers / 2, result.ToString());
    }

    [Fact]
    public void A_backup_that_is_given_the_address_on_its_real_device_stays_silent()
    {
        using var pair = new Pair();
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, _asker, _lanVip);
        using var watch6 = new OwnerWatch(pair.Topology, pair.Observer, _asker6, _lanVip6);
        pair.Second.Place.Ip($"addr add {Topology.LanVip}/24 dev lan0", $"addr add {Topology.LanVip6}/64 dev lan0 nodad");
        AwaitAnswers(pair.First.Lan, watch, watch6);
        AwaitAnswers(pair.First.Lan, watch, watch6, more: EnoughAnswers);
        foreach (var result in new[] { watch.Stop(), watch6.Stop() })
            Assert.Equal(["fw1.lan"], result.Ports.Select(p => p.Port));
    }

    private static void AwaitAnswers(Redoubt.Lab.Network.Port port, OwnerWatch watch, OwnerWatch watch6, int more = 0)
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
