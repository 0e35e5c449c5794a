using System.Collections.Immutable;
using System.Globalization;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads redoubt/cluster/peer. A list of all nodes may name this node too: it is told by its host name or address and left out.</summary>
internal sealed class PeerReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces)
{
    /// <summary>pfsync's formats by their words.</summary>
    internal static readonly (string, StateSyncFormat)[] PlainFormats =
    [
        ("1301", StateSyncFormat.FreeBsd1301),
        ("1400", StateSyncFormat.FreeBsd1400),
        ("1500", StateSyncFormat.FreeBsd1500),
        ("openbsd", StateSyncFormat.OpenBsd6),
    ];

    public RedoubtSettings Read(ConfigElement cluster, RedoubtSettings settings, string hostname, int ownId, ConfigElement? ownIdElement)
    {
        var peers = new List<(ConfigElement Element, ClusterPeer Peer)>();
        foreach (var element in cluster.All("peer"))
        {
            if (peers.Count == ConfigurationLimits.Nodes)
            {
                problems.Error(element, "there are too many nodes", "at most 8");
                break;
            }
            peers.Add((element, ReadOne(element)));
        }
        CheckUnique(peers);
        var self = peers.FindIndex(p => IsSelf(p.Peer, hostname));
        if (self >= 0)
        {
            var listed = peers[self].Peer.Id;
            if (listed == 0)
                listed = self + 1;
            if (ownId != 0 && ownId != listed)
                problems.Error(
                    ownIdElement!,
                    FormattableString.Invariant($"this node's id is {ownId} here and {listed} in the list of peers"),
                    "the same id"
                );
            ownId = listed;
        }
        peers = Number(peers, self, ownId);
        if (self >= 0)
            peers.RemoveAt(self);
        if (ownId == 0)
            ownId = Enumerable.Range(1, ConfigurationLimits.Nodes).FirstOrDefault(i => peers.All(p => p.Peer.Id != i));
        foreach (var (element, peer) in peers.Where(p => p.Peer.Id == ownId && ownId != 0))
            problems.Error(element.First("id") ?? element, FormattableString.Invariant($"id {peer.Id} is this node's own"), "another id");
        if (peers.Count >= ConfigurationLimits.Nodes)
            problems.Error(cluster, "there are too many nodes", "at most 8 with this one");
        return settings with { NodeId = ownId, Peers = [.. peers.Select(p => p.Peer)] };
    }

    private ClusterPeer ReadOne(ConfigElement element)
    {
        var addresses = ImmutableArray.CreateBuilder<AddressPrefix>();
        foreach (var entry in element.All("address").Take(3))
        {
            if (addresses.Count == 2)
                problems.Error(entry, "a peer has more than two addresses", "one for each sync link");
            else if (entry.Address(problems) is { } address)
                addresses.Add(address);
        }
        if (element.First("address") is null)
            problems.Error(element, "the peer's address is missing", "an address on the sync link in <address>");
        var nameElement = element.Single("name", problems);
        var name = nameElement?.Value(problems) ?? "";
        if (name.Length > 63 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_')))
            problems.Error(nameElement!, $"{Quote(name)} is no host name", "letters, digits and - . _");
        if (name.Length == 0)
            name = addresses.Count > 0 ? addresses[0].AddressText : "";
        return new ClusterPeer(element.Number("id", 1, ConfigurationLimits.Nodes, 0, problems), name, addresses.ToImmutable())
        {
            Format = element.First("format") is null ? null : element.Word("format", problems, PlainFormats),
        };
    }

    private void CheckUnique(List<(ConfigElement Element, ClusterPeer Peer)> peers)
    {
        var ids = new HashSet<int>();
        var addresses = new HashSet<AddressPrefix>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (element, peer) in peers)
        {
            if (peer.Id != 0 && !ids.Add(peer.Id))
                problems.Error(
                    element.First("id")!,
                    string.Create(CultureInfo.InvariantCulture, $"id {peer.Id} occurs more than once"),
                    "another id"
                );
            foreach (var address in peer.Addresses.Where(a => !addresses.Add(a)))
                problems.Error(element.First("address")!, $"address {address.AddressText} occurs more than once", "another address");
            if (peer.Name.Length > 0 && !names.Add(peer.Name))
                problems.Error(element.First("name") ?? element, $"the name {peer.Name} occurs more than once", "another name");
        }
    }

    // Peers without an id take, in the order of the list, the lowest that is free.
    private static List<(ConfigElement, ClusterPeer Peer)> Number(
        List<(ConfigElement Element, ClusterPeer Peer)> peers,
        int self,
        int ownId
    )
    {
        var used = peers.Select(p => p.Peer.Id).Append(ownId).ToHashSet();
        var numbered = new List<(ConfigElement, ClusterPeer Peer)>();
        for (var i = 0; i < peers.Count; i++)
        {
            var (element, peer) = peers[i];
            var id = peer.Id;
            if (i == self)
                id = ownId;
            else if (id == 0)
            {
                id =
                    self >= 0 && !used.Contains(i + 1)
                        ? i + 1
                        : Enumerable.Range(1, ConfigurationLimits.Nodes).FirstOrDefault(n => !used.Contains(n));
                used.Add(id);
            }
            numbered.Add((element, peer with { Id = id }));
        }
        return numbered;
    }

    private bool IsSelf(ClusterPeer peer, string hostname) =>
        peer.Name.Equals(hostname, StringComparison.OrdinalIgnoreCase)
        || peer.Addresses.Any(a => interfaces.Any(i => i.IPv4?.Host == a || i.IPv6?.Host == a));
}
