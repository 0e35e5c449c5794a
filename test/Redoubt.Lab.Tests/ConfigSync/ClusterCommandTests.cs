using System.Xml.Linq;
using Redoubt.Control;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>Two nodes that know nothing of each other become a cluster by what their operator carries from one to the other.</summary>
public sealed class ClusterCommandTests
{
    private static LabCluster Strangers()
    {
        var lab = LabSession.Build(new LabOptions { Nodes = [new RedoubtOptions(), new RedoubtOptions()] });
        foreach (var node in (ReadOnlySpan<RedoubtNode>)[lab.Redoubt(1), lab.Redoubt(2)])
        {
            var document = XDocument.Load(node.ConfigFile);
            document.Root!.Element("redoubt")!.RemoveNodes();
            document.Root.Element("hasync")!.Element("pfsyncpeerip")!.Remove();
            document.Save(node.ConfigFile);
            File.Delete(SecretFiles(node).Single());
        }
        return lab;
    }

    private static IEnumerable<string> SecretFiles(RedoubtNode node) =>
        Directory.EnumerateFiles(Path.GetDirectoryName(node.ConfigFile)!, "*.key");

    private static ControlReply Init(RedoubtNode node, string address) =>
        node.Ask(
            new ControlRequest
            {
                Verb = ControlVerb.ClusterInit,
                ClusterInit = new ClusterInitRequest { Addresses = [address] },
            }
        );

    private static ControlReply Join(RedoubtNode node, string token, bool force = false) =>
        node.Ask(
            new ControlRequest
            {
                Verb = ControlVerb.ClusterJoin,
                ClusterJoin = new ClusterJoinRequest { Token = token, Force = force },
            }
        );

    private static bool Hears(RedoubtNode node) => node.Status().Cluster is { Peers: [{ Alive: true, HearsUs: true }] };

    [Fact]
    public void An_invitation_makes_two_nodes_hear_each_other_and_its_answer_pins_the_certificate()
    {
        using var lab = Strangers();
        using var webs = new NodeWebs();
        lab.StartAll();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        Assert.Null(fw1.Status().Cluster);
        webs.Start(fw1);
        webs.Start(fw2);
        foreach (var node in (ReadOnlySpan<RedoubtNode>)[fw1, fw2])
        {
            var asked = node;
            Deadline.In(15).Await("the certificate is known", () => asked.Ask(ControlVerb.ClusterShow).Cluster!.Certificate is not null);
        }

        var invitation = Init(fw1, Topology.SyncAddress(2));
        Assert.True(invitation.Ok, invitation.Message);
        Assert.False(Hears(fw1));
        var answer = Join(fw2, invitation.Token!);
        Assert.True(answer.Ok, answer.Message);
        Deadline.In(15).Await("both hear each other", () => Hears(fw1) && Hears(fw2));

        var taken = Join(fw1, answer.Token!);
        Assert.True(taken.Ok, taken.Message);
        Deadline.In(15).Await("both hear each other again", () => Hears(fw1) && Hears(fw2));
        var (first, second) = (fw1.Ask(ControlVerb.ClusterShow).Cluster!, fw2.Ask(ControlVerb.ClusterShow).Cluster!);
        Assert.Equal((1, 2), (first.Node, second.Node));
        Assert.Equal(first.Secret, second.Secret);
        Assert.Equal(("fw2", "fw1"), (first.Peers[0].Name, second.Peers[0].Name));
        Assert.Equal(NodeWebs.PinOf(fw2), first.Pinned);
        Assert.Equal(NodeWebs.PinOf(fw1), second.Pinned);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SecretFiles(fw2).Single()));

        fw2.Kill9();
        fw2.Start();
        Deadline.In(15).Await("the cluster outlives the process", () => Hears(fw1) && Hears(fw2));
    }

    [Fact]
    public void A_token_that_does_not_count_leaves_the_node_as_it_was()
    {
        using var lab = Strangers();
        lab.StartAll();
        var (fw1, fw2) = (lab.Redoubt(1), lab.Redoubt(2));
        var before = File.ReadAllBytes(fw2.ConfigFile);

        Assert.Contains("in the network of", Init(fw1, "192.0.2.9").Message, StringComparison.Ordinal);
        Assert.Empty(SecretFiles(fw1));
        Assert.Contains("own address", Init(fw1, Topology.SyncAddress(1)).Message, StringComparison.Ordinal);
        var token = Init(fw1, Topology.SyncAddress(2)).Token!;

        Assert.Contains("this node has it not", Join(fw1, token).Message, StringComparison.Ordinal);
        Assert.False(Join(fw2, token[..^3]).Ok);
        Assert.False(Join(fw2, "redoubt-join-1.AAAA").Ok);
        Assert.Equal(before, File.ReadAllBytes(fw2.ConfigFile));
        Assert.Empty(SecretFiles(fw2));

        // A change that the store refuses takes its secret's file along, but no file that was there before it.
        File.AppendAllText(fw2.ConfigFile, "\n");
        Assert.Contains("was edited and not loaded", Join(fw2, token).Message, StringComparison.Ordinal);
        Assert.Empty(SecretFiles(fw2));
        var kept = Path.Combine(Path.GetDirectoryName(fw2.ConfigFile)!, Path.GetFileName(SecretFiles(fw1).Single()));
        File.Copy(SecretFiles(fw1).Single(), kept);
        Assert.False(Join(fw2, token).Ok);
        Assert.Equal(kept, SecretFiles(fw2).Single());
        File.Delete(kept);
        File.WriteAllBytes(fw2.ConfigFile, before);

        Assert.True(Init(fw2, Topology.SyncAddress(1)).Ok);
        Assert.Contains("in a cluster already", Join(fw2, token).Message, StringComparison.Ordinal);
        Assert.True(Join(fw2, token, force: true).Ok);
        Deadline.In(15).Await("it left its own cluster", () => Hears(fw1) && Hears(fw2));
        Assert.Equal(2, fw2.Ask(ControlVerb.ClusterShow).Cluster!.Node);
    }
}
