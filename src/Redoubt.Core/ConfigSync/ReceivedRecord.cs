using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>
/// What a node remembers of the pushes that it took, in its own configuration under <c>redoubt/configsync/received</c>: so it goes back and forth with the file.
/// It tells what came from the peer (and goes when the peer sends it no more) from what is this node's own.
/// </summary>
/// <param name="Names">By section, the names of what came.</param>
/// <param name="Digests">By section (<c>system.user</c> within one), the digest of what was pushed and of what is held because of it.</param>
internal sealed record ReceivedRecord(
    ImmutableSortedDictionary<string, ImmutableArray<string>> Names,
    ImmutableSortedDictionary<string, (string Pushed, string Held)> Digests
)
{
    private const string Path = "redoubt/configsync/received";

    public static ReceivedRecord None { get; } =
        new(
            ImmutableSortedDictionary.Create<string, ImmutableArray<string>>(StringComparer.Ordinal),
            ImmutableSortedDictionary.Create<string, (string, string)>(StringComparer.Ordinal)
        );

    /// <summary>Names that came with that section; empty where none is known.</summary>
    public ImmutableArray<string> NamesOf(string section) => Names.GetValueOrDefault(section, []);

    public static ReceivedRecord Of(ConfigNode root)
    {
        if (root.Find(Path) is not { } node)
            return None;
        var names = None.Names.ToBuilder();
        foreach (var entry in node.First("names")?.Children ?? [])
            names[entry.Name] = [.. Words(entry)];
        var digests = None.Digests.ToBuilder();
        foreach (var entry in node.First("digests")?.Children ?? [])
        {
            if (Words(entry) is [var pushed, var held])
                digests[entry.Name] = (pushed, held);
        }
        return new ReceivedRecord(names.ToImmutable(), digests.ToImmutable());
    }

    /// <summary>The root with this in it. One element for each section: pfSense can still read the file.</summary>
    public ConfigNode In(ConfigNode root)
    {
        if (this == None || (Names.IsEmpty && Digests.IsEmpty))
            return root;
        var made = ConfigNode.Section(
            "received",
            ConfigNode.Section("names", [.. Names.Select(n => ConfigNode.Leaf(n.Key, string.Join(' ', n.Value)))]),
            ConfigNode.Section("digests", [.. Digests.Select(d => ConfigNode.Leaf(d.Key, $"{d.Value.Pushed} {d.Value.Held}"))])
        );
        return root.WithPath(Path, old => old is not null && old.HasContentOf(made) ? old : made);
    }

    private static string[] Words(ConfigNode node) =>
        node.Text.Split((char[])[' ', '\t', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);
}
