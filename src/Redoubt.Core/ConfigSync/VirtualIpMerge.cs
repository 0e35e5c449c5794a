using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Virtual addresses of a push: this node's own in front, in their order, then the primary's in its order.</summary>
internal static class VirtualIpMerge
{
    /// <summary>The list after a push.</summary>
    /// <param name="local">Addresses here.</param>
    /// <param name="received">Addresses of the primary.</param>
    /// <param name="former">What names the entries of mode <c>other</c> that an earlier push brought: those are the primary's to remove.</param>
    public static ImmutableArray<ConfigNode> Merge(
        IEnumerable<ConfigNode> local,
        ImmutableArray<ConfigNode> received,
        IReadOnlyCollection<string> former
    )
    {
        var own = local.Where(v => !v.IsEmpty).ToList();
        var sent = received.Select(v => WithOwnPeer(v, own)).ToImmutableArray();
        var names = sent.Select(NameOf).ToHashSet();
        return [.. own.Where(v => IsOwn(v, former) && !names.Contains(NameOf(v))), .. sent];
    }

    /// <summary>Whether an address belongs to this node.</summary>
    public static bool IsOwn(ConfigNode vip, IReadOnlyCollection<string> former) =>
        PushRewrites.IsOfOneNode(vip) || vip.Has("nosync") || (vip.Value("mode") == "other" && !former.Contains(NameOf(vip)));

    /// <summary>What tells an address from others, without spaces.</summary>
    public static string NameOf(ConfigNode vip) =>
        string.Join('/', new[] { "mode", "interface", "subnet", "subnet_bits" }.Select(vip.Value)).Replace(' ', '_');

    // The unicast peer of a CARP address is the other node: on each node another one.
    private static ConfigNode WithOwnPeer(ConfigNode vip, List<ConfigNode> own)
    {
        var id = vip.Value("uniqid");
        if (id.Length == 0 || own.Find(v => v.Value("uniqid") == id) is not { } here || !here.Has("carp_peer"))
            return vip;
        return vip.With(here.First("carp_peer")!);
    }
}
