using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Keeps the items of a list that belong to this node (marked <c>nosync</c>) where they were among those that the peer sends.</summary>
internal static class LocalItems
{
    private static readonly string[] _keys = ["tracker", "name", "uniqid"];

    /// <summary>
    /// The peer's items with this node's own between them. An own item stands behind the nearest item before it that the peer still sends; one that was first stays
    /// first; where all before it are gone, the next one behind it counts, and at last the end. It stands in for an item of the peer that has its name.
    /// </summary>
    public static ImmutableArray<ConfigNode> Keep(
        IEnumerable<ConfigNode> local,
        ImmutableArray<ConfigNode> received,
        Func<ConfigNode, bool> isOwn,
        string path,
        SyncProblems problems
    )
    {
        var all = local.Where(i => !i.IsEmpty).ToList();
        if (!all.Exists(i => isOwn(i)))
            return received;
        var names = all.Where(isOwn).Select(i => i.Value("name")).Where(n => n.Length > 0).ToHashSet();
        var sent = received.Where(i => !names.Contains(i.Value("name"))).ToImmutableArray();
        if (sent.Length < received.Length)
            problems.Note(
                path,
                FormattableString.Invariant($"{received.Length - sent.Length} not taken: an item marked nosync here has the same name")
            );

        var places = new Dictionary<Identity, int>();
        for (var i = 0; i < sent.Length; i++)
            places.TryAdd(Identity.Of(sent[i]), i);
        var behind = new List<ConfigNode>[sent.Length + 1];
        var anchors = all.Select(i => isOwn(i) ? -1 : places.GetValueOrDefault(Identity.Of(i), -1)).ToArray();
        var contents = sent.ToLookup(ConfigDigest.HashOf);
        var last = -1;
        var kept = 0;
        for (var i = 0; i < all.Count; i++)
        {
            if (anchors[i] >= 0)
                last = anchors[i];
            if (!isOwn(all[i]) || contents[ConfigDigest.HashOf(all[i])].Any(all[i].HasContentOf))
                continue;
            var slot = last >= 0 ? last + 1 : Slot(all, anchors, i, isOwn, sent.Length);
            (behind[slot] ??= []).Add(all[i]);
            kept++;
        }
        if (kept > 0)
            problems.Note(path, FormattableString.Invariant($"{kept} marked nosync stay on this node"));
        var merged = ImmutableArray.CreateBuilder<ConfigNode>(sent.Length + kept);
        for (var slot = 0; slot <= sent.Length; slot++)
        {
            if (slot > 0)
                merged.Add(sent[slot - 1]);
            if (behind[slot] is { } own)
                merged.AddRange(own);
        }
        return merged.DrainToImmutable();
    }

    private static int Slot(List<ConfigNode> all, int[] anchors, int at, Func<ConfigNode, bool> isOwn, int end)
    {
        if (all.Take(at).All(isOwn))
            return 0;
        for (var i = at + 1; i < all.Count; i++)
        {
            if (anchors[i] >= 0)
                return anchors[i];
        }
        return end;
    }

    // What names an item; without a name its content.
    private readonly record struct Identity(string Key, int Content)
    {
        public static Identity Of(ConfigNode item)
        {
            foreach (var key in _keys)
            {
                if (item.Value(key) is { Length: > 0 } value)
                    return new($"{key} {value}", 0);
            }
            return new("", ConfigDigest.HashOf(item));
        }
    }
}
