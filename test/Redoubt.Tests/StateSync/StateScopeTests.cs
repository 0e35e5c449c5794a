using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>What is taken out of the replication stays out, and everything else stays in.</summary>
public sealed class StateScopeTests
{
    private static readonly ConntrackEntry _flow = ClusterTests.Flow(1);

    private static NodeConfiguration? Read(string stateSync, out string problems)
    {
        var xml =
            $"<pfsense><system><hostname>a</hostname></system><interfaces><lan><if>eth0</if><ipaddr>10.0.0.1</ipaddr><subnet>24</subnet></lan></interfaces><redoubt><statesync>{stateSync}</statesync></redoubt></pfsense>";
        var result = ConfigurationReader.Read(System.Text.Encoding.UTF8.GetBytes(xml), "config.xml");
        problems = string.Join('\n', result.Problems);
        return result.Configuration;
    }

    private static bool Includes(string stateSync, in ConntrackEntry entry)
    {
        var configuration = Read(stateSync, out var problems);
        Assert.True(configuration is not null, problems);
        return new StateScope([], configuration.Redoubt.Filters).Includes(entry);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("<ignore><protocol>tcp</protocol></ignore>", false)]
    [InlineData("<ignore><protocol>udp</protocol></ignore>", true)]
    [InlineData("<ignore><address>10.1.0.0/16</address></ignore>", false)]
    [InlineData("<ignore><address>198.51.100.1</address></ignore>", false)] // behind the translation
    [InlineData("<ignore><address>10.2.0.0/16</address></ignore>", true)]
    [InlineData("<ignore><address>::/0</address></ignore>", true)]
    [InlineData("<ignore><protocol>tcp</protocol><port>443</port></ignore>", false)]
    [InlineData("<ignore><protocol>tcp</protocol><port>80</port></ignore>", true)]
    [InlineData("<ignore><zone>0</zone></ignore>", false)]
    [InlineData("<ignore><zone>5</zone></ignore>", true)]
    [InlineData("<accept><protocol>udp</protocol></accept>", false)]
    [InlineData("<accept><protocol>udp</protocol></accept><accept><address>0.0.0.0/0</address></accept>", true)]
    [InlineData("<accept><protocol>6</protocol></accept><ignore><port>443</port></ignore>", false)]
    public void Lists_decide_what_is_replicated(string lists, bool isReplicated) => Assert.Equal(isReplicated, Includes(lists, _flow));

    [Theory]
    [InlineData("<ignore/>", "names nothing")]
    [InlineData("<ignore><protocol>tpc</protocol></ignore>", "protocol")]
    [InlineData("<ignore><address>10.0.0.300</address></ignore>", "address")]
    [InlineData("<ignore><port>70000</port></ignore>", "port")]
    [InlineData("<ignore><adress>10.0.0.1</adress></ignore>", "no condition")]
    public void A_list_that_cannot_be_meant_is_refused_by_name(string lists, string what)
    {
        Assert.Null(Read(lists, out var problems));
        Assert.Contains(what, problems, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flow_whose_rule_says_so_is_not_replicated_and_what_a_rule_takes_out_later_ends_at_the_peers_alone()
    {
        var cluster = new SimulatedCluster(seed: 1, nodes: 2);
        var (master, backup) = (cluster.Nodes[0], cluster.Nodes[1]);
        master.Engine.SetForwarding(cluster.Now, true);
        cluster.Run(TimeSpan.FromSeconds(3));
        var marked = ClusterTests.Flow(2) with { Mark = ConntrackEntry.MarkNotReplicated | 7 };
        master.Table.Put(_flow, isEcho: false);
        master.Table.Put(marked, isEcho: false);
        cluster.Run(TimeSpan.FromSeconds(5));
        Assert.Equal([_flow.Original], backup.Table.Entries.Select(e => e.Original));

        master.Table.Change(_flow with { Mark = ConntrackEntry.MarkNotReplicated }, isEcho: false);
        cluster.Run(TimeSpan.FromSeconds(5));
        Assert.Empty(backup.Table.Entries);
        Assert.Equal(2, master.Table.Count);
        Assert.Equal(0, master.Engine.Count);
    }

    [Fact]
    public void An_update_that_does_not_name_the_mark_does_not_bring_a_marked_flow_in()
    {
        var cluster = new SimulatedCluster(seed: 1, nodes: 2);
        var master = cluster.Nodes[0];
        master.Engine.SetForwarding(cluster.Now, true);
        cluster.Run(TimeSpan.FromSeconds(3));
        var marked = _flow with { Mark = ConntrackEntry.MarkNotReplicated };
        master.Table.Put(marked, isEcho: false);
        cluster.Run(TimeSpan.FromMilliseconds(100));
        master.Engine.TakeNews(cluster.Now, TableNews.Update, _flow, EntryParts.Status | EntryParts.Id, isEcho: false);
        Assert.Equal(0, master.Engine.Count);

        // The same of a flow without the mark does, with all that the kernel knows of it.
        var plain = ClusterTests.Flow(4) with
        {
            Mark = 9,
        };
        master.Table.Put(plain, isEcho: true);
        master.Engine.TakeNews(cluster.Now, TableNews.Update, plain with { Mark = 0 }, EntryParts.Status | EntryParts.Id, isEcho: false);
        var known = new List<uint>();
        master.Engine.Visit(s =>
        {
            known.Add(s.Entry.Mark);
            return true;
        });
        Assert.Equal([9u], known);
    }
}
