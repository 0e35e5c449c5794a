using System.Net;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.ConfigSync;
using Redoubt.Lab.Tests.Promises;
using Redoubt.Lab.Verdicts;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>
/// Addresses are part of what an advertisement's digest covers. While an address is added on one node after the other, both keep hearing each other: CARP's timers
/// decide here, without heartbeats, so a digest that is refused makes a second master.
/// </summary>
public sealed class AliasChangeTests
{
    private const string Carp = "<failover><profile>carp</profile></failover>";
    private const string Alias = "10.0.0.7";

    private const string AliasVip =
        $"<vip><mode>ipalias</mode><interface>_viplab0</interface><uniqid>alias0</uniqid><subnet>{Alias}</subnet><subnet_bits>32</subnet_bits></vip>";

    [Fact]
    public void An_alias_that_is_added_on_the_master_and_seconds_later_on_the_backup_never_splits_the_cluster_but_another_password_does()
    {
        using var pair = new Pair(redoubtXml: Carp);
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));

        // It hands over while it starts anew, and comes back.
        Add(fw1);
        fw1.WaitForState(VipState.Master, Deadline.In(15));
        fw2.WaitForState(VipState.Backup, Deadline.In(15));
        Hears(fw2, "fw2, which has no alias, hears fw1, which has one");
        Assert.True(Refused(fw2) > 0); // the new digest beside the former one
        Assert.Empty(fw2.Status().Reasons);
        AssertHeld(pair);
        Add(fw2);
        Hears(fw2, "both have the alias", count: 3);
        AssertHeld(pair);
        Assert.True(pair.Topology.Client.Pings(Alias));
        Assert.Empty(watch.Stop().TwoOwners);

        // The twin: what really differs splits it, and is counted and told.
        Configured.MustEdit(fw2, _ => Configured.Parse(Text(fw2).Replace("lab-carp-key", "another-key", StringComparison.Ordinal)));
        fw2.WaitForState(VipState.Master, Deadline.In(15));
        Assert.Equal(VipState.Master, fw1.State(Topology.LanVhid));
        Assert.True(Refused(fw1) > 0 && Refused(fw2) > 0);
        Assert.Contains(fw2.Status().Reasons, r => r.Contains("with another password or other addresses", StringComparison.Ordinal));
    }

    /// <summary>The other way round: the backup sends nothing, and hears the former digest.</summary>
    [Fact(Explicit = true)]
    public void An_alias_that_is_added_on_the_backup_first_does_not_split_it_either()
    {
        using var pair = new Pair(redoubtXml: Carp);
        var (fw1, fw2) = (pair.First, pair.Second);
        using var watch = new OwnerWatch(pair.Topology, pair.Observer, IPAddress.Parse("10.0.0.99"), IPAddress.Parse(Topology.LanVip));

        Add(fw2);
        Hears(fw2, "fw2, which has the alias, hears fw1, which has not");
        AssertHeld(pair);
        Add(fw1);
        fw1.WaitForState(VipState.Master, Deadline.In(15));
        fw2.WaitForState(VipState.Backup, Deadline.In(15));
        Hears(fw2, "both have the alias");
        AssertHeld(pair);
        Assert.Equal(0, Refused(fw2));
        Assert.Empty(fw1.Status().Reasons);
        Assert.Empty(watch.Stop().TwoOwners);
    }

    private static void AssertHeld(Pair pair) =>
        Assert.Equal((VipState.Master, VipState.Backup), (pair.First.State(Topology.LanVhid), pair.Second.State(Topology.LanVhid)));

    private static string Text(RedoubtNode node) => System.Text.Encoding.UTF8.GetString(Configured.Show(node).ToBytes());

    private static void Add(RedoubtNode node) => Configured.MustEdit(node, root => Configured.Add(root, "virtualip", AliasVip));

    // Both families of one vhid, each once a second: longer than a backup waits, which is a little more than three seconds.
    private static void Hears(RedoubtNode node, string what, int count = 9)
    {
        var heard = Heard(node);
        Deadline.In(15).Await($"{count} advertisements: {what}", () => Heard(node) >= heard + count, () => $"{Heard(node) - heard}");
    }

    private static long Heard(RedoubtNode node) => node.Status().Carp.Counters.Single(c => c.Interface == "lan").Outcomes["accepted"];

    private static long Refused(RedoubtNode node) => node.Status().Carp.Counters.Sum(c => c.Outcomes["badauth"]);
}
