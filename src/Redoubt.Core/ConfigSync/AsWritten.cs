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
        foreach (var child in old.Children)
        {
            single[child.Name] = single.ContainsKey(child.Name) ? null : child;
            if (!ConfigTags.IsList(child.Name))
                continue;
            var hash = ConfigDigest.HashOf(child);
            if (!waiting.TryGetValue(hash, out var queue))
                waiting[hash] = queue = new Queue<ConfigNode>();
            queue.Enqueue(child);
        }
        var children = ImmutableArray.CreateBuilder<ConfigNode>(made.Children.Length);
        foreach (var child in made.Children)
        {
            if (single.GetValueOrDefault(child.Name) is { } alone)
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
}
