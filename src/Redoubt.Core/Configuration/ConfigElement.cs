using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>One element of a configuration as the readers of its sections see it: with the line where it begins and with the way back to the root.</summary>
public sealed class ConfigElement
{
    private ConfigElement[]? _children; // of thousands of elements few are looked into

    private ConfigElement(ConfigElement? parent, ConfigNode node)
    {
        Parent = parent;
        Name = node.Name;
        Line = node.Line;
        Text = node.Text;
        Node = node;
    }

    /// <summary>What it is the element of.</summary>
    internal ConfigNode Node { get; }

    /// <summary>The name in lower case, as pfSense reads it.</summary>
    public string Name { get; }

    /// <summary>Line of the start tag, from 1; 0 for an element that never stood in a file.</summary>
    public int Line { get; }

    /// <summary>The element around it; null for the root.</summary>
    public ConfigElement? Parent { get; }

    /// <summary>Elements directly inside, in the order of the file.</summary>
    public IReadOnlyList<ConfigElement> Children => Own;

    /// <summary>
    /// The element's own text as pfSense means it: tabs and line ends around it removed, text of spaces only dropped, entities decoded
    /// a second time (pfSense escapes twice inside CDATA). Empty for an element with children.
    /// </summary>
    public string Text { get; }

    /// <summary>Where the element is, from the root's children on: "virtualip/vip[2]/vhid".</summary>
    public string Path
    {
        get
        {
            if (Parent is null)
                return Name;
            var step = Name;
            var twins = Parent.Own.Where(c => c.Name == Name).Take(2).Count();
            if (twins > 1)
                step = FormattableString.Invariant($"{Name}[{Parent.Own.Where(c => c.Name == Name).ToList().IndexOf(this) + 1}]");
            return Parent.Parent is null ? step : $"{Parent.Path}/{step}";
        }
    }

    /// <summary>The children of that name.</summary>
    public IEnumerable<ConfigElement> All(string name) => Own.Where(c => c.Name == name);

    /// <summary>The first child of that name, or null.</summary>
    public ConfigElement? First(string name)
    {
        foreach (var child in Own)
        {
            if (child.Name == name)
                return child;
        }
        return null;
    }

    /// <summary>The same as <see cref="Children"/>, for who asks for dozens of tags in each of thousands of rules.</summary>
    internal ReadOnlySpan<ConfigElement> Inside => Own;

    private ConfigElement[] Own => _children ??= [.. Node.Children.Select(c => new ConfigElement(this, c))];

    internal static ConfigElement Of(ConfigNode root) => new(null, root);
}
