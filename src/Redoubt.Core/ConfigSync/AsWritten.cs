using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Puts back the node's own elements wherever a candidate means the same: they are written as they were, with their comments and lines.</summary>
internal static class AsWritten
{
    /// <summary>The candidate made of as many of the old elements as fit.</summary>
    public static ConfigNode Keep(ConfigNode old, ConfigNode made)
    {
        if (ReferenceEquals(old, made) || old.HasContentOf(made))
            return old;
        if (old.Children.IsEmpty || made.Children.IsEmpty)
            return made.InPlaceOf(old);
        var waiting = new Dictionary<int, Queue<ConfigNode>>();
        var single = new Dictionary<string, ConfigNode?>();
        var (head, tail) = Common(old.Children.AsSpan(), made.Children.AsSpan());
        for (var i = 0; i < old.Children.Length; i++)
        {
            var child = old.Children[i];
            single[child.Name] = single.ContainsKey(child.Name) ? null : child;
            if (i < head || i >= old.Children.Length - tail || !ConfigTags.IsList(child.Name))
                continue;
            var hash = ConfigDigest.HashOf(child);
            if (!waiting.TryGetValue(hash, out var queue))
                waiting[hash] = queue = new Queue<ConfigNode>();
            queue.Enqueue(child);
        }
        var children = ImmutableArray.CreateBuilder<ConfigNode>(made.Children.Length);
        for (var i = 0; i < made.Children.Length; i++)
        {
            var child = made.Children[i];
            if (i < head || i >= made.Children.Length - tail)
                children.Add(child);
            else if (single.GetValueOrDefault(child.Name) is { } alone)
                children.Add(Keep(alone, child));
            else if (
                waiting.TryGetValue(ConfigDigest.HashOf(child), out var queue)
                && queue.TryPeek(out var same)
                && same.HasContentOf(child)
            )
                children.Add(queue.Dequeue());
            else
                children.Add(child);
        }
        return old.WithChildren(children.DrainToImmutable());
    }

    // What is the same element at both ends needs no looking for.
    private static (int Head, int Tail) Common(ReadOnlySpan<ConfigNode> a, ReadOnlySpan<ConfigNode> b)
    {
        var most = Math.Min(a.Length, b.Length);
        var (head, tail) = (0, 0);
        while (head < most && ReferenceEquals(a[head], b[head]))
            head++;
        while (tail < most - head && ReferenceEquals(a[^(tail + 1)], b[^(tail + 1)]))
            tail++;
        return (head, tail);
    }
}
