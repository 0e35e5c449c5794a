using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>
/// Elements as values of XML-RPC and back, as pfSense does it: an element with elements inside is a struct, one of a list tag is an item of an array, all else is
/// text. An empty section is an empty array or an empty text; a list with holes is a struct with integer names.
/// </summary>
public static class ConfigValues
{
    // Up to here comparing each with each is quicker than a set.
    private const int FewNames = 40;

    /// <summary>An element as a value. Empty items of lists do not travel.</summary>
    public static XmlRpcValue Of(ConfigNode node) => node.Children.IsEmpty ? new XmlRpcString(node.Text) : OfChildren(node);

    /// <summary>A section as a value: a struct, or an empty array where it holds nothing.</summary>
    public static XmlRpcValue OfSection(ConfigNode? node) => node is null || node.Children.IsEmpty ? XmlRpcArray.Empty : OfChildren(node);

    /// <summary>The items of a list, those left out that <paramref name="isSent"/> refuses: their keys stay behind as holes.</summary>
    public static XmlRpcValue OfList(IEnumerable<ConfigNode> items, Func<ConfigNode, bool>? isSent = null)
    {
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>();
        var key = -1;
        foreach (var item in items)
        {
            if (item.IsEmpty)
                continue;
            key++;
            if (isSent?.Invoke(item) ?? true)
                members.Add(new(key.ToString(CultureInfo.InvariantCulture), Of(item)));
        }
        return XmlRpcShapes.FromKeys(members.DrainToImmutable());
    }

    private static XmlRpcStruct OfChildren(ConfigNode node)
    {
        var members = ImmutableArray.CreateBuilder<XmlRpcMember>(node.Children.Length);
        HashSet<string>? lists = null;
        foreach (var child in node.Children)
        {
            if (!ConfigTags.IsList(child.Name))
            {
                // A second one makes a file unreadable for pfSense; a name can travel only once.
                if (node.First(child.Name) == child)
                    members.Add(new(child.Name, Of(child)));
            }
            else if ((lists ??= []).Add(child.Name))
                members.Add(new(child.Name, OfList(node.All(child.Name))));
        }
        return new XmlRpcStruct(members.DrainToImmutable());
    }

    /// <summary>
    /// What one member of a pushed struct becomes: the items of a list, or one element; nothing for an item that is empty and for false. What does not fit is a
    /// problem, and the result then is of no use.
    /// </summary>
    internal static ImmutableArray<ConfigNode> ToNodes(string name, XmlRpcValue value, SyncProblems problems, string path, int depth = 0)
    {
        problems.Enter(path);
        var nodes = ImmutableArray.CreateBuilder<ConfigNode>();
        AddNodes(nodes, name, value, problems, depth);
        problems.Leave();
        return nodes.DrainToImmutable();
    }

    private static void AddNodes(ImmutableArray<ConfigNode>.Builder nodes, string name, XmlRpcValue value, SyncProblems problems, int depth)
    {
        if (!IsName(name))
        {
            problems.Add("the name cannot be a tag");
            return;
        }
        name = name.ToLowerInvariant();
        if (!ConfigTags.IsList(name))
        {
            if (ToNode(name, value, problems, depth) is { } one)
                nodes.Add(one);
            return;
        }
        if (!XmlRpcShapes.TryReadList(value, out var items))
        {
            problems.Add($"a list is expected, not a {value.Kind}");
            return;
        }
        for (var i = 0; i < items.Length; i++)
        {
            problems.At(i + 1);
            if (ToNode(name, items[i], problems, depth) is { IsEmpty: false } node)
                nodes.Add(node);
        }
        problems.At(0);
    }

    private static ConfigNode? ToNode(string name, XmlRpcValue value, SyncProblems problems, int depth)
    {
        if (!problems.TakeElement())
            return null;
        switch (value)
        {
            case XmlRpcString { Value: var text }:
                return Leaf(name, text, problems);
            case XmlRpcInt { Value: var number }:
                return ConfigNode.Leaf(name, number.ToString(CultureInfo.InvariantCulture));
            case XmlRpcDouble { Value: var number }:
                return ConfigNode.Leaf(name, number.ToString("R", CultureInfo.InvariantCulture));
            case XmlRpcDateTime { Value: var text }:
                return Leaf(name, text, problems);
            case XmlRpcBoolean { Value: var flag }:
                return flag ? ConfigNode.Leaf(name) : null;
            case XmlRpcNil:
            case XmlRpcArray { Values.IsEmpty: true }:
                return ConfigNode.Leaf(name);
            case XmlRpcStruct { Members: var members }:
                return Section(name, members, problems, depth);
            default:
                problems.Add($"a {value.Kind} cannot stand here");
                return null;
        }
    }

    private static ConfigNode? Section(string name, ImmutableArray<XmlRpcMember> members, SyncProblems problems, int depth)
    {
        if (depth >= SyncLimits.Depth)
        {
            problems.Add("elements are nested too deeply");
            return null;
        }
        var children = ImmutableArray.CreateBuilder<ConfigNode>(members.Length);
        var names = members.Length > FewNames ? new HashSet<string>(StringComparer.OrdinalIgnoreCase) : null;
        for (var i = 0; i < members.Length; i++)
        {
            problems.Enter(members[i].Name);
            // Names differ in XML-RPC by case; tags do not.
            if (names is null ? OccursBefore(members, i) : !names.Add(members[i].Name))
                problems.Add("the name occurs more than once");
            else
                AddNodes(children, members[i].Name, members[i].Value, problems, depth + 1);
            problems.Leave();
        }
        return ConfigNode.Section(name, children.DrainToImmutable());
    }

    private static bool OccursBefore(ImmutableArray<XmlRpcMember> members, int at)
    {
        for (var i = 0; i < at; i++)
        {
            if (members[i].Name.Equals(members[at].Name, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    private static ConfigNode? Leaf(string name, string text, SyncProblems problems)
    {
        if (ConfigText.CanBeWritten(text))
            return ConfigNode.Leaf(name, text);
        problems.Add("the text holds characters that XML cannot carry");
        return null;
    }

    internal static bool IsName(string name)
    {
        if (name.Length is 0 or > SyncLimits.NameCharacters || !(char.IsAsciiLetter(name[0]) || name[0] == '_'))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
                return false;
        }
        return true;
    }
}
