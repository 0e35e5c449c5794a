using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace Redoubt.Core.Configuration.Document;

/// <summary>
/// One element of a configuration. Immutable: what changes it gives another one, and shares everything that did not change. A node that came from a file
/// knows how it was written there (white space, comments, attributes, CDATA) and is written so again until its own content changes.
/// </summary>
public sealed class ConfigNode
{
    private readonly Placement _place;
    private readonly bool _isAsWritten;

    private ConfigNode(string name, string text, ImmutableArray<ConfigNode> children, in Placement place, bool isAsWritten, int line)
    {
        Name = name;
        Text = text;
        Children = children;
        _place = place;
        _isAsWritten = isAsWritten;
        Line = line;
    }

    /// <summary>The name in lower case, as pfSense reads it.</summary>
    public string Name { get; }

    /// <summary>The text as pfSense means it (see <see cref="ConfigText"/>); empty for an element with children.</summary>
    public string Text { get; }

    /// <summary>The elements inside, in order.</summary>
    public ImmutableArray<ConfigNode> Children { get; }

    /// <summary>The line where it began in its file, from 1; 0 for a node that was made.</summary>
    public int Line { get; }

    /// <summary>Neither text nor children: a flag, or a section that holds nothing.</summary>
    public bool IsEmpty => Text.Length == 0 && Children.IsEmpty;

    internal ref readonly Placement Place => ref _place;

    /// <summary>Its digest, where <see cref="ConfigDigest"/> has worked it out and it is worth keeping.</summary>
    internal string? Digest { get; set; }

    /// <summary>Whether it is written exactly as in its file.</summary>
    internal bool IsAsWritten => _isAsWritten;

    /// <summary>A new element with text; without text it is a flag or an empty section.</summary>
    public static ConfigNode Leaf(string name, string text = "") => new(name, ConfigText.Trimmed(text), [], default, false, 0);

    /// <summary>A new element with elements inside.</summary>
    public static ConfigNode Section(string name, params ImmutableArray<ConfigNode> children) => new(name, "", children, default, false, 0);

    internal static ConfigNode Read(string name, string text, ImmutableArray<ConfigNode> children, in Placement place, int line) =>
        new(name, text, children, place, true, line);

    /// <summary>
    /// An element that was read, with something else inside: it is written by its tags, by what each child stands for, and by what stands behind the last one. Its
    /// place is a text of its own, so that it does not hold a whole file. It stands so many lines further down.
    /// </summary>
    internal ConfigNode ReadAnew(ImmutableArray<ConfigNode> children, ReadOnlySpan<char> tail, int lines)
    {
        var lead = _place.Between(_place.Lead, _place.Start);
        var start = _place.Between(_place.Start, _place.Content);
        var end = _place.Between(_place.ContentEnd, _place.End);
        // One character stands for the children: without any the tail would be no tail.
        var source = string.Concat(string.Concat(lead, start, " "), tail, end);
        var content = lead.Length + start.Length;
        var tailEnd = content + 1 + tail.Length;
        return new ConfigNode(
            Name,
            "",
            children,
            new Placement(source, 0, lead.Length, content, content + 1, tailEnd, source.Length),
            false,
            Line + lines
        );
    }

    /// <summary>The same element, so many lines further down.</summary>
    internal ConfigNode Below(int lines)
    {
        var children = Children;
        if (!children.IsEmpty)
        {
            var moved = new ConfigNode[children.Length];
            for (var i = 0; i < moved.Length; i++)
                moved[i] = children[i].Below(lines);
            children = ImmutableCollectionsMarshal.AsImmutableArray(moved);
        }
        return new ConfigNode(Name, Text, children, _place, _isAsWritten, Line + lines);
    }

    /// <summary>The first element of that name inside, or null.</summary>
    public ConfigNode? First(string name)
    {
        foreach (var child in Children)
        {
            if (child.Name == name)
                return child;
        }
        return null;
    }

    /// <summary>All elements of that name inside.</summary>
    public IEnumerable<ConfigNode> All(string name) => Children.Where(c => c.Name == name);

    /// <summary>Whether there is an element of that name inside.</summary>
    public bool Has(string name) => First(name) is not null;

    /// <summary>The text of the first element of that name inside, without spaces around it; empty where there is none.</summary>
    public string Value(string name) => First(name)?.Text.Trim() ?? "";

    /// <summary>The element at a path of names, "nat/outbound/rule", the first of each name; null where there is none.</summary>
    public ConfigNode? Find(string path)
    {
        var node = this;
        foreach (var step in path.Split('/'))
        {
            node = node.First(step);
            if (node is null)
                return null;
        }
        return node;
    }

    /// <summary>The same element with another text and nothing inside.</summary>
    public ConfigNode WithText(string text)
    {
        text = ConfigText.Trimmed(text);
        return text == Text && Children.IsEmpty ? this : new ConfigNode(Name, text, [], _place, false, Line);
    }

    /// <summary>The same element with other elements inside.</summary>
    public ConfigNode WithChildren(ImmutableArray<ConfigNode> children)
    {
        if (children.AsSpan().SequenceEqual(Children.AsSpan()) && (Text.Length == 0 || children.IsEmpty))
            return this;
        return new ConfigNode(Name, "", children, _place, false, Line);
    }

    /// <summary>
    /// The elements of that name inside replaced by these, which stand where the first of them stood; at the end where there was none.
    /// Nothing to put there removes them.
    /// </summary>
    public ConfigNode WithAll(string name, IEnumerable<ConfigNode> items)
    {
        var children = ImmutableArray.CreateBuilder<ConfigNode>(Children.Length);
        var isPlaced = false;
        foreach (var child in Children)
        {
            if (child.Name != name)
                children.Add(child);
            else if (!isPlaced)
            {
                children.AddRange(items);
                isPlaced = true;
            }
        }
        if (!isPlaced)
            children.AddRange(items);
        return WithChildren(children.DrainToImmutable());
    }

    /// <summary>The element of that child's name replaced by it, where it stood; at the end where there was none. Of a list the first item is replaced.</summary>
    public ConfigNode With(ConfigNode child)
    {
        if (First(child.Name) is not { } old)
            return WithChildren(Children.Add(child));
        child = child.InPlaceOf(old);
        return ConfigTags.IsList(child.Name) ? WithChildren(Children.Replace(old, child)) : WithAll(child.Name, [child]);
    }

    /// <summary>The element without those of that name inside.</summary>
    public ConfigNode Without(string name) => Has(name) ? WithAll(name, []) : this;

    /// <summary>
    /// The element at a path replaced by what <paramref name="change"/> makes of it (null where there is none); null from it removes the element. Elements on
    /// the way are made where they are missing and something is to be put in.
    /// </summary>
    public ConfigNode WithPath(string path, Func<ConfigNode?, ConfigNode?> change)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var step = slash < 0 ? path : path[..slash];
        var old = First(step);
        if (slash < 0)
            return change(old) is { } made ? With(made) : Without(step);
        var inner = (old ?? Section(step)).WithPath(path[(slash + 1)..], change);
        return old is null && inner.IsEmpty ? this : With(inner);
    }

    /// <summary>Whether both mean the same to pfSense: see <see cref="ConfigDigest"/>.</summary>
    public bool HasContentOf(ConfigNode other) => ReferenceEquals(this, other) || ConfigDigest.AreEqual(this, other);

    /// <summary>The same content in the place of another node: after its comments and white space, in its own tags.</summary>
    internal ConfigNode InPlaceOf(ConfigNode old) =>
        _place.Source is not null || old._place.Source is null ? this : new ConfigNode(Name, Text, Children, old._place, false, old.Line);
}
