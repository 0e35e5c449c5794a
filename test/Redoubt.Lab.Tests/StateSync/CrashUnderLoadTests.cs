using Redoubt.Control;
using Redoubt.Lab.Tests.Promises;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>The master dies while connections are made: each whose last change had been sent lives on. Counted by the client, exactly.</summary>
public sealed class CrashUnderLoadTests
{
    [Theory]
    [InlineData(500)]
    [InlineData(10_000, Explicit = true)]
    public void Every_connection_whose_last_change_had_been_sent_lives_on(int count)
    {
        using var pair = new Pair(stateSync: true);
        using var flows = new ManyFlows(pair, count);
        UntilInSync(pair);
        for (var i = 0; i < count; i++)
            flows.OpenOne();
        Assert.Equal((count, count), flows.AtServer());
        // Nothing of the master is waited for: what it acknowledged to nobody may be lost, and that is at most what is under way now.
        var sent = SentLast(pair, flows);
        pair.First.Crash();
        pair.Second.WaitForState(VipState.Master, Deadline.In(20));
        var (tcp, udp) = flows.CountAlive();
        TestContext.Current.TestOutputHelper?.WriteLine($"{flows.Tcp} TCP, {flows.Udp} UDP opened; sent {sent}; alive {tcp} and {udp}");
        Assert.Equal((flows.Tcp, flows.Udp), (tcp, udp));
    }

    [Theory]
    [InlineData(500)]
    [InlineData(10_000, Explicit = true)]
    public void A_backup_that_is_rebooted_while_connections_are_made_has_them_all_when_it_is_in_sync(int count)
    {
        using var pair = new Pair(stateSync: true);
        using var flows = new ManyFlows(pair, count);
        UntilInSync(pair);
        for (var i = 0; i < count; i++)
        {
            if (i == count / 4)
                pair.Second.Crash();
            if (i == count / 2)
                pair.Second.Heal();
            flows.OpenOne();
        }
        UntilInSync(pair);
        pair.First.Crash();
        pair.Second.WaitForState(VipState.Master, Deadline.In(20));
        Assert.Equal((flows.Tcp, flows.Udp), flows.CountAlive());
    }

    // The sender says itself when everything it was told by its kernel has been sent and acknowledged.
    private static long SentLast(Pair pair, ManyFlows flows)
    {
        long sent = 0;
        Deadline
            .In(5)
            .Await(
                "the master has sent all",
                () =>
                {
                    var status = pair.First.Status().StateSync;
                    sent = status.Entries;
                    return sent >= flows.Tcp + flows.Udp && status.Peers.All(p => p.InSync);
                }
            );
        return sent;
    }

    private static void UntilInSync(Pair pair) =>
        Deadline
            .In(30)
            .Await(
                "states are in sync",
                () => new[] { pair.First, pair.Second }.All(n => n.Status().StateSync.Peers.All(p => p is { Alive: true, InSync: true }))
            );
}
