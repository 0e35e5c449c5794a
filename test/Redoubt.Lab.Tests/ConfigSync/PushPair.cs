using Redoubt.Control;
using Redoubt.Core.Configuration.Document;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>Two nodes with redoubt-web each: fw1 pushes everything to fw2 over HTTPS on the sync link, by a pinned certificate.</summary>
public sealed class PushPair : IDisposable
{
    public const string Account = "sync";
    public const string Password = "push secret 1";
    private readonly LabCluster _lab;
    private readonly NodeWebs _webs = new();

    public PushPair()
    {
        var options = new RedoubtOptions { StateSync = false, ExtraXml = "<version>24.5</version>" };
        _lab = LabSession.Build(new LabOptions { Nodes = [options, options] });
        try
        {
            _lab.StartAll();
            _webs.Start(Primary);
            _webs.Start(Secondary);
            Primary.WaitForState(VipState.Master, Deadline.In(20));
            Secondary.WaitForState(VipState.Backup, Deadline.In(20));
            AddAccount(Secondary);
            Pin = NodeWebs.PinOf(Secondary);
            Configured.MustEdit(Primary, root => Sync(root, Topology.SyncAddress(2), Pin));
            Deadline.In(30).Await("the first push is read back", () => Peer.InSync, () => $"{Peer}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LabCluster Lab => _lab;
    public Topology Topology => _lab.Topology;
    public RedoubtNode Primary => _lab.Redoubt(1);
    public RedoubtNode Secondary => _lab.Redoubt(2);
    public string Pin { get; }
    public ConfigPeerStatus Peer => Primary.Status().ConfigSync.Peers[0];

    /// <summary>Edits the primary and waits until the peer was read back and has the same.</summary>
    public void EditAndPush(Func<ConfigNode, ConfigNode> edit)
    {
        Configured.MustEdit(Primary, edit);
        Deadline.In(30).Await("the push is read back", () => Peer.InSync, () => $"{Peer}; {string.Join(',', Peer.Differing ?? [])}");
    }

    public ControlReply Push(bool dryRun = false) =>
        Primary.Ask(
            new ControlRequest
            {
                Verb = ControlVerb.ConfigPush,
                Push = new ConfigPushRequest { DryRun = dryRun },
            }
        );

    public static ConfigNode Sync(ConfigNode root, string target, string pin, string user = Account, string password = Password)
    {
        foreach (var (tag, text) in new[] { ("synchronizetoip", target), ("username", user), ("password", password) })
            root = root.WithPath($"hasync/{tag}", _ => ConfigNode.Leaf(tag, text));
        foreach (var area in (ReadOnlySpan<string>)["rules", "nat", "aliases", "virtualip", "staticroutes", "users"])
            root = root.WithPath($"hasync/synchronize{area}", _ => ConfigNode.Leaf($"synchronize{area}", "on"));
        return root.WithPath("redoubt/configsync/pin", _ => ConfigNode.Leaf("pin", pin));
    }

    public static void MustUser(RedoubtNode node, UserRequest request)
    {
        var reply = node.Ask(new ControlRequest { Verb = ControlVerb.User, User = request });
        Assert.True(reply.Ok, reply.Message);
    }

    public static void AddAccount(RedoubtNode node) =>
        MustUser(
            node,
            new UserRequest
            {
                Action = "add",
                Name = Account,
                Password = Password,
                Grant = ["system-xmlrpc-ha-sync"],
            }
        );

    internal NodeWebs Webs => _webs;

    public void StopWeb(RedoubtNode node) => _webs.Stop(node);

    public void StartWeb(RedoubtNode node) => _webs.Start(node);

    public void Dispose()
    {
        _webs.Dispose();
        _lab.Dispose();
    }
}
