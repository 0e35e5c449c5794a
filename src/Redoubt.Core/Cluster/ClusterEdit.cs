using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Cluster;

/// <summary>What a node's configuration says once it is in a cluster.</summary>
public static class ClusterEdit
{
    /// <summary>The document with id, secret, sync links and peers; everything else under <c>redoubt</c> stays.</summary>
    public static ConfigDocument Enter(
        ConfigDocument document,
        int id,
        string secretFile,
        ImmutableArray<string> syncLinks,
        IEnumerable<ClusterMember> peers
    )
    {
        var root = document
            .Root.WithPath("redoubt/node/id", _ => ConfigNode.Leaf("id", Text(id)))
            .WithPath(
                "redoubt/cluster",
                node =>
                    (node ?? ConfigNode.Section("cluster"))
                        .WithAll("secretfile", [ConfigNode.Leaf("secretfile", secretFile)])
                        .WithAll("synclink", syncLinks.Select(l => ConfigNode.Leaf("synclink", l)))
                        .WithAll("peer", peers.OrderBy(p => p.Id).Select(Entry))
            );
        return document.With(root);
    }

    /// <summary>The document with a peer entered, in the place of the one with its id.</summary>
    public static ConfigDocument EnterPeer(ConfigDocument document, ClusterMember peer) =>
        document.With(
            document.Root.WithPath(
                "redoubt/cluster",
                node =>
                {
                    node ??= ConfigNode.Section("cluster");
                    var others = node.All("peer").Where(p => p.Value("id") != Text(peer.Id));
                    return node.WithAll("peer", others.Append(Entry(peer)));
                }
            )
        );

    /// <summary>The document with the certificate of the push's peer pinned; an empty pin changes nothing.</summary>
    public static ConfigDocument Pin(ConfigDocument document, string pin) =>
        pin.Length == 0 ? document : document.With(document.Root.WithPath("redoubt/configsync/pin", _ => ConfigNode.Leaf("pin", pin)));

    private static ConfigNode Entry(ClusterMember peer) =>
        ConfigNode.Section(
            "peer",
            [
                ConfigNode.Leaf("id", Text(peer.Id)),
                .. peer.Name.Length > 0 ? [ConfigNode.Leaf("name", peer.Name)] : Array.Empty<ConfigNode>(),
                .. peer.Addresses.Select(a => ConfigNode.Leaf("address", a)),
            ]
        );

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
