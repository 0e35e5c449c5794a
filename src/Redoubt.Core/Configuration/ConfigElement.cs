namespace Redoubt.Core.Configuration;

/// <summary>One element of a configuration file with the line where it begins. Attributes do not occur in such files and are not kept.</summary>
public sealed class ConfigElement
{
    private readonly List<ConfigElement> _children = [];

    internal ConfigElement(ConfigElement? parent, string name, int line)
    {
        Parent = parent;
        Name = name;
        Line = line;
    }

    /// <summary>The name in lower case, as pfSense reads it.</summary>
    public string Name { get; }

    /// <summary>Line of the start tag, from 1.</summary>
    public int Line { get; }

    /// <summary>The element around it; null for the root.</summary>
    public ConfigElement? Parent { get; }

    /// <summary>Elements directly inside, in the order of the file.</summary>
    public IReadOnlyList<ConfigElement> Children => _children;

    /// <summary>
    /// The element's own text as pfSense means it: tabs and line ends around it removed, text of spaces only dropped, entities decoded
    /// a second time (pfSense escapes twice inside CDATA). Empty for an element with children.
    /// </summary>
    public string Text { get; internal set; } = "";

    /// <summary>Where the element is, from the root's children on: "virtualip/vip[2]/vhid".</summary>
    public string Path
    {
        get
        {
            if (Parent is null)
                return Name;
            var step = Name;
            var twins = Parent._children.Where(c => c.Name == Name).Take(2).Count();
            if (twins > 1)
                step = FormattableString.Invariant($"{Name}[{Parent._children.Where(c => c.Name == Name).ToList().IndexOf(this) + 1}]");
            return Parent.Parent is null ? step : $"{Parent.Path}/{step}";
        }
    }

    /// <summary>The children of that name.</summary>
    public IEnumerable<ConfigElement> All(string name) => _children.Where(c => c.Name == name);

    /// <summary>The first child of that name, or null.</summary>
    public ConfigElement? First(string name) => _children.Find(c => c.Name == name);

    internal void Add(ConfigElement child) => _children.Add(child);
}
