using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Promises;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>What fails for one node alone makes it give the addresses away.</summary>
public sealed class HealthCheckTests
{
    private const string Checks = $"""
        <failover>
          <check><name>isp</name><type>ping</type><target>{Topology.ServerAddress}</target><weight>50</weight><interval>1</interval><fall>2</fall></check>
          <check><name>closed</name><type>tcp</type><target>127.0.0.1:9</target><weight>1</weight><interval>1</interval></check>
          <check><name>words</name><type>script</type><target>/usr/bin/test -e "/etc/passwd; rm" </target><weight>1</weight></check>
          <check><name>hangs</name><type>script</type><target>/usr/bin/sleep 60</target><weight>1</weight></check>
          <check><name>init</name><type>process</type><target>redoubtd</target></check>
          <check><name>cable</name><type>link</type><target>lan</target></check>
          <check><name>flag</name><type>file</type><target>/etc/passwd</target></check>
        </failover>
        """;

    [Fact]
    public void A_gateway_that_only_the_master_cannot_reach_moves_the_addresses_and_they_return_with_it()
    {
        using var pair = new Pair(redoubtXml: Checks);
        var (fw1, fw2) = (pair.First, pair.Second);
        // Of both: who had his failures first was demoted alone for a moment.
        Deadline
            .In(10)
            .Await("every check has a result", () => new[] { fw1, fw2 }.All(n => n.Status().Checks.All(c => c.Passes is not null)));
        var checks = fw1.Status().Checks.ToDictionary(c => c.Name);
        Assert.All(new[] { "isp", "init", "cable", "flag" }, n => Assert.True(checks[n].Passes, $"{n}: {checks[n].Error}"));
        Assert.Contains("refused", checks["closed"].Error, StringComparison.OrdinalIgnoreCase);
        // Words, not a command line: there is no such file.
        Assert.Equal("/usr/bin/test ended with code 2", checks["words"].Error);
        Assert.Contains("no answer within", checks["hangs"].Error, StringComparison.Ordinal);
        fw1.WaitForState(VipState.Master, Deadline.In(20));

        using (fw1.Wan.Cut(match: "ip protocol icmp"))
        {
            fw2.WaitForState(VipState.Master, Deadline.In(20));
            Assert.Contains(fw1.Status().Carp.Demotions, d => d is { Reason: "check isp", Amount: 50 });
            Assert.Contains(fw1.Events(), e => e.Message.Contains("check isp fails and demotes this node by 50", StringComparison.Ordinal));
            var undemote = fw1.Ask(new ControlRequest { Verb = ControlVerb.CarpUndemote, Reason = "check isp" });
            Assert.False(undemote.Ok);
        }

        fw1.WaitForState(VipState.Master, Deadline.In(20));
        Assert.True(fw1.Status().Checks.First(c => c.Name == "isp").Passes);
        Assert.DoesNotContain(fw1.Status().Carp.Demotions, d => d.Reason == "check isp");
    }

    [Fact]
    public void Of_two_nodes_that_a_cut_leaves_apart_the_one_with_the_witness_takes_the_group()
    {
        using var pair = new Pair(
            redoubtXml: $"<failover><witness>{Topology.ClientAddress}</witness><witness>10.0.0.250</witness></failover>"
        );
        var (fw1, fw2) = (pair.First, pair.Second);
        Deadline
            .In(10)
            .Await(
                "both reach the witness",
                () => new[] { fw1, fw2 }.All(n => n.Status().Checks is [{ Name: "witness lan", Passes: true }])
            );
        Assert.Equal(VipState.Master, fw1.State(Topology.LanVhid));

        using (fw1.Lan.Cut()) // the link stays up: only the witness tells which side is connected
        {
            fw2.WaitForState(VipState.Master, Deadline.In(15));
            Assert.Contains(fw1.Status().Carp.Demotions, d => d is { Reason: "check witness lan", Amount: 100 });
        }
        fw1.WaitForState(VipState.Master, Deadline.In(15));

        // Where both lose it and find it again, nobody was better in between.
        var since = fw1.Status().Carp.Vips[0].Since;
        using (fw1.Lan.Cut(match: "ip protocol icmp"))
        using (fw2.Lan.Cut(match: "ip protocol icmp"))
        {
            Deadline.In(10).Await("both miss it", () => new[] { fw1, fw2 }.All(Misses));
        }
        Deadline.In(10).Await("both reach it again", () => !new[] { fw1, fw2 }.Any(Misses));
        Assert.Equal(since, fw1.Status().Carp.Vips[0].Since);

        static bool Misses(RedoubtNode node) => node.Status().Carp.Demotions.Any(d => d.Reason == "check witness lan");
    }
}
