using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;

namespace Redoubt.Lab.Tests.ConfigSync;

public sealed class PushTests(PushPair pair) : IClassFixture<PushPair>
{
    private const string ServerAlias = "<alias><name>BAD</name><type>host</type><address>203.0.113.100</address></alias>";

    private bool ReachesServer => pair.Topology.Client.Pings(Topology.ServerAddress, 1);

    [Fact]
    public void What_is_edited_on_the_primary_decides_on_the_secondary_when_that_takes_over_and_what_is_deleted_is_gone_there()
    {
        pair.EditAndPush(root =>
        {
            root = Configured.Add(root, "aliases", ServerAlias);
            root = Configured.AddFirst(root, "filter", Configured.Rule("block", "<address>BAD</address>", "no server"));
            root = Configured.Add(
                root,
                "gateways",
                $"<gateway_item><interface>wan</interface><gateway>{Topology.ServerAddress}</gateway><name>FAR</name></gateway_item>"
            );
            root = Configured.Add(root, "staticroutes", "<route><network>198.51.100.0/24</network><gateway>FAR</gateway></route>");
            return Configured.Add(
                root,
                "virtualip",
                "<vip><mode>carp</mode><interface>lan</interface><vhid>9</vhid><advskew>0</advskew><advbase>1</advbase><password>lab</password><uniqid>5f00000000009</uniqid><subnet>10.0.0.9</subnet><subnet_bits>24</subnet_bits></vip>"
            );
        });
        // One stays: as with pfSense, a push without any user takes none away.
        foreach (var name in (ReadOnlySpan<string>)["dave", "carol"])
            PushPair.MustUser(
                pair.Primary,
                new UserRequest
                {
                    Action = "add",
                    Name = name,
                    Password = $"{name}'s own",
                    Grant = ["page-status"],
                }
            );
        Deadline.In(30).Await("carol arrives", () => Users(pair.Secondary).Contains("carol"), () => $"{pair.Peer}");
        Assert.Contains("198.51.100.0/24 via", pair.Secondary.Place.Execute("ip", "route"), StringComparison.Ordinal);
        Assert.Contains(pair.Secondary.Status().Carp.Vips, v => v is { Vhid: 9, AdvSkew: 100 });

        TakeOver();
        Assert.False(ReachesServer);
        Assert.True(pair.Topology.Client.Pings(Topology.ObserverWanAddress, 2));
        Assert.True(pair.Topology.Client.Pings("10.0.0.9", 2));

        pair.EditAndPush(root =>
            root.WithPath("filter", f => f!.WithChildren([.. f.Children.Where(r => r.Value("descr") != "no server")]))
                .Without("aliases")
                .Without("staticroutes")
                .WithPath("virtualip", v => v!.WithChildren([.. v.Children.Where(e => e.Value("vhid") != "9")]))
        );
        PushPair.MustUser(pair.Primary, new UserRequest { Action = "delete", Name = "carol" });
        Deadline.In(30).Await("carol is gone", () => !Users(pair.Secondary).Contains("carol"));

        Assert.Contains(PushPair.Account, Users(pair.Secondary));
        Assert.True(ReachesServer);
        Assert.DoesNotContain("198.51.100.0/24", pair.Secondary.Place.Execute("ip", "route"), StringComparison.Ordinal);
        Assert.DoesNotContain(pair.Secondary.Status().Carp.Vips, v => v.Vhid == 9);
        var there = Configured.Show(pair.Secondary);
        Assert.Empty(there.Section("aliases")?.All("alias") ?? []);
        Assert.Equal("fw2", there.Root.Find("system/hostname")!.Text);
        pair.Primary.Ask(new ControlRequest { Verb = ControlVerb.Failover, Back = true });
    }

    [Fact]
    public void Pushing_what_the_peer_has_reloads_nothing_there()
    {
        // With an account that travels, the peer keeps the one that pushes against the primary: no difference either.
        PushPair.MustUser(
            pair.Primary,
            new UserRequest
            {
                Action = "add",
                Name = "erin",
                Password = "erin's own",
            }
        );
        Deadline.In(30).Await("erin arrives", () => pair.Peer.InSync && Users(pair.Secondary).Contains("erin"), () => $"{pair.Peer}");
        var rules = Handles();
        var entries = pair.Secondary.Ask(ControlVerb.ConfigHistory).History!.Count;

        var reply = pair.Push();

        Assert.True(reply.Ok, reply.Message);
        Assert.Empty(reply.Pushed!.Areas);
        Assert.NotEmpty(reply.Pushed.PeerDigests!);
        Assert.Equal(rules, Handles());
        Assert.Equal(entries, pair.Secondary.Ask(ControlVerb.ConfigHistory).History!.Count);
        var dry = pair.Push(dryRun: true);
        Assert.True(dry.Ok, dry.Message);
        Assert.Empty(dry.Pushed!.Differences);
    }

    [Fact]
    public void One_rule_travels_alone_and_after_an_edit_of_the_peer_the_whole_does()
    {
        var rule = Configured.Rule("block", "<address>203.0.113.77</address>", "travels alone");
        pair.EditAndPush(root => root.With(ConfigNode.Leaf("lastchange", "1"))); // whatever ran before: the peer was read back
        var before = Calls("redoubt.restore_config_changes");

        pair.EditAndPush(root => Configured.AddFirst(root, "filter", rule));

        Assert.Equal(before + 1, Calls("redoubt.restore_config_changes"));
        Assert.Contains("travels alone", pair.Secondary.Place.Execute("nft", "list", "table", "inet", "redoubt"), StringComparison.Ordinal);
        // What the peer holds now is not what the change is of; the operator there says that it may be taken away.
        Configured.MustEdit(
            pair.Secondary,
            root => Configured.AddFirst(root, "filter", rule.Replace("alone", "here", StringComparison.Ordinal))
        );
        Assert.True(pair.Secondary.Ask(ControlVerb.ConfigAccept).Ok);
        pair.EditAndPush(root =>
            root.WithPath("filter", f => f!.WithChildren([.. f.Children.Where(r => r.Value("descr") != "travels alone")]))
        );

        Assert.Equal(before + 1, Calls("redoubt.restore_config_changes"));
        var rules = pair.Secondary.Place.Execute("nft", "list", "table", "inet", "redoubt");
        Assert.DoesNotContain("travels", rules, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_peer_cannot_apply_is_told_on_the_primary_and_leaves_the_peer_as_it_was()
    {
        var before = File.ReadAllBytes(pair.Secondary.ConfigFile);
        // A gateway whose interface the secondary does not have.
        Configured.MustEdit(pair.Secondary, root => root.WithPath("interfaces/wan", w => w!.With(ConfigNode.Leaf("descr", "other"))));
        before = File.ReadAllBytes(pair.Secondary.ConfigFile);
        var own = File.ReadAllBytes(pair.Primary.ConfigFile);
        Configured.MustEdit(
            pair.Primary,
            root =>
                Configured.AddFirst(
                    root,
                    "virtualip",
                    $"<vip><mode>carp</mode><interface>lan</interface><vhid>7</vhid><advskew>0</advskew><advbase>1</advbase><password>lab</password><uniqid>5f00000000007</uniqid><subnet>{Topology.LanAddress(2)}</subnet><subnet_bits>24</subnet_bits></vip>"
                )
        );

        var reply = pair.Push();
        var after = File.ReadAllBytes(pair.Secondary.ConfigFile);
        Assert.True(Configured.Apply(pair.Primary, own).Ok);

        Assert.False(reply.Ok);
        Assert.Contains(Topology.LanAddress(2), reply.Message, StringComparison.Ordinal);
        Assert.Equal(before, after);
        Assert.Contains(Events(pair.Secondary), e => e.Contains("was refused", StringComparison.Ordinal));
        Deadline.In(30).Await("all is well again", () => pair.Peer.InSync);
    }

    [Fact]
    public void Two_edits_apart_are_a_conflict_until_somebody_chooses()
    {
        pair.StopWeb(pair.Secondary);
        Configured.MustEdit(
            pair.Secondary,
            root => Configured.Add(root, "aliases", "<alias><name>HERE</name><type>host</type><address>192.0.2.2</address></alias>")
        );
        Configured.MustEdit(
            pair.Primary,
            root => Configured.Add(root, "aliases", "<alias><name>THERE</name><type>host</type><address>192.0.2.1</address></alias>")
        );
        pair.StartWeb(pair.Secondary);

        var refused = pair.Push();

        Assert.False(refused.Ok);
        Assert.Contains("conflict in aliases", refused.Message, StringComparison.Ordinal);
        Assert.Contains("aliases", pair.Secondary.Status().ConfigSync.Conflict, StringComparison.Ordinal);
        Assert.DoesNotContain("THERE", Aliases(pair.Secondary));
        Assert.DoesNotContain("HERE", Aliases(pair.Primary));

        Assert.True(pair.Secondary.Ask(ControlVerb.ConfigAccept).Ok);
        Assert.True(pair.Push().Ok);

        Assert.Contains("THERE", Aliases(pair.Secondary));
        Assert.Null(pair.Secondary.Status().ConfigSync.Conflict);
        Deadline.In(30).Await("in sync again", () => pair.Peer.InSync);
    }

    [Fact]
    public void Each_hindrance_has_its_message_on_both_nodes()
    {
        var own = File.ReadAllBytes(pair.Primary.ConfigFile);
        var target = Topology.SyncAddress(2);

        Hindered(own, root => PushPair.Sync(root, target, new string('0', 64)), "not the pinned one", null);
        Hindered(own, root => PushPair.Sync(root, target, pair.Pin, password: "wrong"), "authentication failure", "log-in as \"sync\"");
        PushPair.MustUser(
            pair.Secondary,
            new UserRequest
            {
                Action = "privilege",
                Name = PushPair.Account,
                Revoke = ["system-xmlrpc-ha-sync"],
            }
        );
        Hindered(own, root => PushPair.Sync(root, target, pair.Pin), "not enough privileges", "lacks the privilege");
        PushPair.MustUser(
            pair.Secondary,
            new UserRequest
            {
                Action = "privilege",
                Name = PushPair.Account,
                Grant = ["system-xmlrpc-ha-sync"],
            }
        );
        Hindered(
            own,
            root => PushPair.Sync(root.With(ConfigNode.Leaf("version", "23.3")), target, pair.Pin),
            "configuration version",
            null
        );
        Configured.MustEdit(
            pair.Secondary,
            root => root.WithPath("hasync/synchronizetoip", _ => ConfigNode.Leaf("synchronizetoip", Topology.SyncAddress(1)))
        );
        Hindered(own, root => PushPair.Sync(root, target, pair.Pin), "sync loop", "sync loop");
        Configured.MustEdit(pair.Secondary, root => root.WithPath("hasync/synchronizetoip", _ => null));
        pair.StopWeb(pair.Secondary);
        Hindered(own, root => PushPair.Sync(root, target, pair.Pin), "communications error", null);
        pair.StartWeb(pair.Secondary);

        var again = pair.Push();
        Assert.True(again.Ok, again.Message);
        Deadline.In(30).Await("in sync again", () => pair.Peer.InSync);
    }

    private void Hindered(byte[] own, Func<ConfigNode, ConfigNode> edit, string here, string? there)
    {
        // Something to push, so that an answer from before cannot be taken for one from now.
        Configured.MustEdit(pair.Primary, edit);
        var reply = pair.Push();
        Assert.False(reply.Ok, $"'{here}' was expected");
        Assert.Contains(here, reply.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(pair.Primary.Status().Reasons, r => r.Contains(here, StringComparison.OrdinalIgnoreCase));
        if (there is not null)
            Assert.Contains(Events(pair.Secondary), e => e.Contains(there, StringComparison.OrdinalIgnoreCase));
        var restored = Configured.Apply(pair.Primary, own);
        Assert.True(restored.Ok, restored.Message);
    }

    private void TakeOver()
    {
        var reply = pair.Primary.Ask(new ControlRequest { Verb = ControlVerb.Failover, Force = true });
        Assert.True(reply.Ok, reply.Message);
        pair.Secondary.WaitForState(VipState.Master, Deadline.In(20));
        Deadline.In(20).Await("fw2 has the new address too", () => pair.Secondary.State(9) == VipState.Master);
    }

    // In the audit of the secondary.
    private int Calls(string method) =>
        File.ReadLines(Path.Combine(pair.Secondary.Directory, "web.log")).Count(l => l.Contains(method, StringComparison.Ordinal));

    private string Handles() =>
        string.Join(
            ' ',
            System
                .Text.RegularExpressions.Regex.Matches(
                    pair.Secondary.Place.Execute("nft", "-a", "list", "table", "inet", "redoubt"),
                    "# handle [0-9]+"
                )
                .Select(m => m.Value)
        );

    private static List<string> Events(RedoubtNode node) => [.. node.Events().Select(e => e.Message)];

    private static List<string> Aliases(RedoubtNode node) =>
        [.. Configured.Show(node).Section("aliases")?.All("alias").Select(a => a.Value("name")) ?? []];

    private static List<string> Users(RedoubtNode node) =>
        [
            .. node.Ask(
                    new ControlRequest
                    {
                        Verb = ControlVerb.User,
                        User = new UserRequest { Action = "list" },
                    }
                )
                .Users!.Select(u => u.Name),
        ];
}
