using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>Three nodes, each of which pushes to the next, and the last one to the first.</summary>
public sealed class PushRingTests
{
    [Fact]
    public void A_change_goes_round_a_ring_once_and_is_refused_where_it_began()
    {
        var options = new RedoubtOptions { StateSync = false, ExtraXml = "<version>24.5</version>" };
        using var lab = LabSession.Build(new LabOptions { Nodes = [options, options, options] });
        using var webs = new NodeWebs();
        RedoubtNode[] nodes = [lab.Redoubt(1), lab.Redoubt(2), lab.Redoubt(3)];
        lab.StartAll();
        foreach (var node in nodes)
        {
            webs.Start(node);
            PushPair.AddAccount(node);
        }
        nodes[0].WaitForState(VipState.Master, Deadline.In(20));
        for (var i = 0; i < 3; i++)
        {
            var (node, next) = (nodes[i], nodes[(i + 1) % 3]);
            Configured.MustEdit(
                node,
                root =>
                {
                    root = PushPair.Sync(root, Topology.SyncAddress(next.Number), NodeWebs.PinOf(next));
                    // Who closes the ring has priorities of its own, which the first node must not get.
                    return next == nodes[0] ? root.WithPath("hasync/synchronizevirtualip", _ => null) : root;
                }
            );
            Deadline
                .In(30)
                .Await(
                    $"{node.Name}'s push is read back",
                    () => node.Status().ConfigSync.Peers[0].InSync,
                    () => $"{string.Join("; ", node.Status().Reasons)}"
                );
        }

        Configured.MustEdit(
            nodes[0],
            root => Configured.Add(root, "aliases", "<alias><name>RING</name><type>host</type><address>192.0.2.1</address></alias>")
        );

        Deadline
            .In(40)
            .Await(
                "the change is on fw3",
                () => Aliases(nodes[2]).Contains("RING"),
                () =>
                    string.Join(
                        "; ",
                        nodes[1].Status().Reasons.Concat(Events(nodes[1]).TakeLast(6)).Append($"{nodes[1].Status().ConfigSync.Peers[0]}")
                    )
            );
        Assert.Contains("RING", Aliases(nodes[1]));
        Deadline
            .In(30)
            .Await(
                "fw1 refuses what it began",
                () => Events(nodes[0]).Any(e => e.Contains("sync loop", StringComparison.Ordinal)),
                () => string.Join("; ", Events(nodes[0]).TakeLast(5))
            );
        Assert.Contains(Events(nodes[0]), e => e.Contains("it began on this node", StringComparison.Ordinal));
        Deadline
            .In(20)
            .Await(
                "fw3 says why",
                () => nodes[2].Status().Reasons.Any(r => r.Contains("sync loop", StringComparison.Ordinal)),
                () => string.Join("; ", nodes[2].Status().Reasons)
            );
        // A worse priority for each node that it passed; nothing came back, and nobody has more than one alias.
        Assert.Equal([0, 100, 200], nodes.Select(n => n.Status().Carp.Vips.First(v => v.Vhid == Topology.LanVhid).AdvSkew));
        Assert.All(nodes, n => Assert.Equal(["RING"], Aliases(n)));
        var entries = nodes.Select(n => n.Ask(ControlVerb.ConfigHistory).History!.Count).ToList();
        Assert.True(nodes[2].Ask(new ControlRequest { Verb = ControlVerb.ConfigPush }).Ok == false);
        Assert.Equal(entries, nodes.Select(n => n.Ask(ControlVerb.ConfigHistory).History!.Count));
    }

    private static List<string> Aliases(RedoubtNode node) =>
        [.. Configured.Show(node).Section("aliases")?.All("alias").Select(a => a.Value("name")) ?? []];

    private static List<string> Events(RedoubtNode node) => [.. node.Events().Select(e => e.Message)];
}
