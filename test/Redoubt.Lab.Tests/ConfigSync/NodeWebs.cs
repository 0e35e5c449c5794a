using System.Security.Cryptography.X509Certificates;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Web;

namespace Redoubt.Lab.Tests.ConfigSync;

/// <summary>The redoubt-web of each node, on its address of the sync link, port 443.</summary>
internal sealed class NodeWebs : IDisposable
{
    private readonly Dictionary<RedoubtNode, LabProcess> _webs = [];

    public LabProcess this[RedoubtNode node] => _webs[node];

    public void Start(RedoubtNode node)
    {
        var state = Path.Combine(node.Directory, "web");
        Directory.CreateDirectory(state);
        var path = Path.Combine(Path.GetDirectoryName(RedoubtNode.DaemonPath)!, "redoubt-web");
        string[] arguments = ["--control", node.Control, "--state", state, "--listen", $"{Topology.SyncAddress(node.Number)}:443"];
        var web = LabProcess.Start(node.Place, $"{node.Name} web", Path.Combine(node.Directory, "web.log"), [path, .. arguments]);
        _webs[node] = web;
        Deadline
            .In(20)
            .Await(
                $"{node.Name}'s web listens",
                () => node.Place.Execute("cat", "/proc/net/tcp").Contains(":01BB ", StringComparison.Ordinal),
                () => web.Tail
            );
    }

    public void Stop(RedoubtNode node)
    {
        _webs[node].Terminate(Deadline.In(10));
        _webs[node].Dispose();
    }

    /// <summary>What a peer pins.</summary>
    public static string PinOf(RedoubtNode node)
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(Path.Combine(node.Directory, "web", "web.pem")));
        return NodeCertificate.Pin(certificate);
    }

    public void Dispose()
    {
        foreach (var web in _webs.Values)
            web.Dispose();
    }
}
