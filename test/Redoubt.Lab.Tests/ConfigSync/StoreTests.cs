using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>One node whose configuration is changed while packets run.</summary>
public sealed class StoreNode : IDisposable
{
    private readonly LabCluster _lab;

    public StoreNode()
    {
        _lab = LabSession.Build(new LabOptions { Nodes = [new RedoubtOptions { StateSync = false }] });
        _lab.StartAll();
        Node.WaitForState(VipState.Master, Deadline.In(20));
    }

    public RedoubtNode Node => _lab.Redoubt(1);
    public Place Client => _lab.Topology.Client;
    public bool Reaches => Client.Pings(Topology.ServerAddress, 1);
    public string Rules => Node.Place.Execute("nft", "-a", "list", "table", "inet", "redoubt");

    public void Dispose() => _lab.Dispose();
}

public sealed class StoreTests(StoreNode bench) : IClassFixture<StoreNode>
{
    private RedoubtNode Node => bench.Node;

    [Fact]
    public void An_edited_rule_decides_about_packets_and_going_back_undoes_it()
    {
        Assert.True(bench.Reaches);
        var before = Newest().Id;

        Configured.MustEdit(
            Node,
            root =>
                Configured.AddFirst(root, "filter", Configured.Rule("block", $"<address>{Topology.ServerAddress}</address>", "no server"))
        );
        var blocked = !bench.Reaches;
        var back = Node.Ask(
            new ControlRequest
            {
                Verb = ControlVerb.ConfigRollback,
                Rollback = new ConfigRollbackRequest { Id = before, User = "operator" },
            }
        );

        Assert.True(blocked, "the new rule lets packets through");
        Assert.True(back.Ok, back.Message);
        Assert.True(bench.Reaches);
        Assert.Equal(Newest().Digest, Shown());
    }

    [Fact]
    public void A_change_that_locks_out_is_taken_back_when_nobody_confirms_it()
    {
        var file = File.ReadAllBytes(Node.ConfigFile);
        var reply = Configured.Edit(
            Node,
            root => Configured.AddFirst(root, "filter", Configured.Rule("block", "<any/>", "locked out")),
            confirm: 3
        );
        Assert.True(reply.Ok, reply.Message);
        Assert.False(bench.Reaches);
        Assert.Equal(file, File.ReadAllBytes(Node.ConfigFile));

        Deadline.In(10).Await("the change is taken back", () => bench.Reaches);

        Assert.Equal(file, File.ReadAllBytes(Node.ConfigFile));
        Assert.Contains(Node.Events(), e => e.Message.Contains("not confirmed in time", StringComparison.Ordinal));
    }

    [Fact]
    public void A_bad_reference_changes_neither_rules_nor_file()
    {
        var (rules, file) = (Stable(bench.Rules), File.ReadAllBytes(Node.ConfigFile));

        var reply = Configured.Edit(
            Node,
            root => Configured.Add(root, "staticroutes", "<route><network>198.51.100.0/24</network><gateway>NOWHERE</gateway></route>")
        );

        Assert.False(reply.Ok);
        Assert.Contains("NOWHERE", reply.Message, StringComparison.Ordinal);
        Assert.Equal(rules, Stable(bench.Rules));
        Assert.Equal(file, File.ReadAllBytes(Node.ConfigFile));
    }

    [Fact]
    public void Applying_what_is_in_force_reloads_and_writes_nothing()
    {
        var (rules, written) = (Handles(bench.Rules), File.GetLastWriteTimeUtc(Node.ConfigFile));

        var reply = Configured.Apply(Node, File.ReadAllBytes(Node.ConfigFile));

        Assert.True(reply.Ok, reply.Message);
        Assert.Equal(rules, Handles(bench.Rules));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Node.ConfigFile));
    }

    [Fact]
    public void A_static_route_comes_and_goes_with_the_configuration_and_others_stay()
    {
        Node.Place.Ip($"route add 198.51.100.128/25 via {Topology.ServerAddress}");
        Configured.MustEdit(
            Node,
            root =>
                Configured.Add(
                    Configured.Add(
                        root,
                        "gateways",
                        $"<gateway_item><interface>wan</interface><gateway>{Topology.ServerAddress}</gateway><name>FAR</name></gateway_item>"
                    ),
                    "staticroutes",
                    "<route><network>198.51.100.0/25</network><gateway>FAR</gateway></route>"
                )
        );
        var with = Node.Place.Execute("ip", "route");
        Configured.MustEdit(Node, root => root.Without("staticroutes"));
        var without = Node.Place.Execute("ip", "route");
        Node.Place.Ip($"route del 198.51.100.128/25");

        Assert.Contains($"198.51.100.0/25 via {Topology.ServerAddress}", with, StringComparison.Ordinal);
        Assert.DoesNotContain("198.51.100.0/25", without, StringComparison.Ordinal);
        Assert.Contains("198.51.100.128/25", without, StringComparison.Ordinal);
    }

    [Fact]
    public void A_user_logs_in_as_soon_as_the_configuration_has_him()
    {
        var added = User(
            new UserRequest
            {
                Action = "add",
                Name = "sync",
                Password = "a long secret",
                Grant = ["system-xmlrpc-ha-sync"],
            }
        );
        Assert.True(added.Ok, added.Message);

        Assert.True(Login("sync", "a long secret").Ok);
        Assert.False(Login("sync", "a wrong one").Ok);
        Assert.DoesNotContain("a long secret", Configured.Show(Node).ToString(), StringComparison.Ordinal);
        Assert.True(User(new UserRequest { Action = "delete", Name = "sync" }).Ok);
        Assert.False(Login("sync", "a long secret").Ok);
    }

    [Fact]
    public void On_a_full_disk_the_old_configuration_stays_in_force_and_the_operator_is_told()
    {
        var history = Path.Combine(Node.StateDirectory, "config", "history");
        var file = File.ReadAllBytes(Node.ConfigFile);
        // A disk of one page, and what was there.
        var full = Node.Place.TryExecute(
            "nsenter",
            "-t",
            $"{Node.Daemon!.Id}",
            "-m",
            "mount",
            "-t",
            "tmpfs",
            "-o",
            "size=4k",
            "tmpfs",
            history
        );
        Assert.True(full.ExitCode == 0, full.Error);
        ControlReply reply;
        try
        {
            reply = Configured.Edit(Node, root => Configured.Add(root, "filter", Configured.Rule("pass", "<any/>", new string('x', 9000))));
        }
        finally
        {
            Node.Place.Execute("nsenter", "-t", $"{Node.Daemon!.Id}", "-m", "umount", history);
        }

        Assert.False(reply.Ok);
        Assert.Contains("cannot be saved", reply.Message, StringComparison.Ordinal);
        Assert.Equal(file, File.ReadAllBytes(Node.ConfigFile));
        Assert.True(bench.Reaches);
        Assert.Contains(Node.Status().Reasons, r => r.Contains("cannot be saved", StringComparison.Ordinal));
        Assert.Empty(Directory.GetFiles(Node.Directory, "*.draft", SearchOption.AllDirectories));
        Configured.MustEdit(Node, root => Configured.Add(root, "filter", Configured.Rule("pass", "<any/>", "there is room again")));
        Assert.DoesNotContain(Node.Status().Reasons, r => r.Contains("cannot be saved", StringComparison.Ordinal));
    }

    [Fact]
    public void A_damaged_file_is_replaced_by_the_last_good_one_and_the_node_stays_demoted_until_it_is_repaired()
    {
        var good = File.ReadAllBytes(Node.ConfigFile);
        Assert.True(Node.Stop());
        var damaged = good.ToArray();
        damaged[damaged.Length / 2] = 0;
        File.WriteAllBytes(Node.ConfigFile, damaged);

        Node.Start();

        var status = Node.Status();
        Assert.Contains(status.Carp.Demotions, d => d is { Reason: "configuration", Amount: 240 });
        Assert.Contains(status.Reasons, r => r.Contains("damaged", StringComparison.Ordinal));
        Node.WaitForState(VipState.Master, Deadline.In(20)); // alone, it serves all the same
        Assert.True(bench.Reaches);
        Assert.Equal(damaged, File.ReadAllBytes(Node.ConfigFile));

        Assert.True(Configured.Apply(Node, good).Ok);

        Assert.Equal(good, File.ReadAllBytes(Node.ConfigFile));
        Deadline.In(5).Await("the demotion falls", () => !Node.Status().Carp.Demotions.Any(d => d.Reason == "configuration"));
    }

    private ConfigRevision Newest() => Node.Ask(ControlVerb.ConfigHistory).History!.First(h => h.Current);

    private string Shown() => Node.AskWithDocument(new ControlRequest { Verb = ControlVerb.ConfigShow }, null).Reply.Digest!;

    private ControlReply User(UserRequest request) => Node.Ask(new ControlRequest { Verb = ControlVerb.User, User = request });

    private ControlReply Login(string user, string password) =>
        Node.Ask(
            new ControlRequest
            {
                Verb = ControlVerb.Auth,
                Auth = new AuthRequest
                {
                    User = user,
                    Password = password,
                    Privilege = "system-xmlrpc-ha-sync",
                    Address = "192.0.2.1",
                },
            }
        );

    // Counters count on.
    private static string Stable(string rules) => System.Text.RegularExpressions.Regex.Replace(rules, "packets [0-9]+ bytes [0-9]+", "");

    private static string Handles(string rules) =>
        string.Join(' ', System.Text.RegularExpressions.Regex.Matches(rules, "# handle [0-9]+").Select(m => m.Value));
}
