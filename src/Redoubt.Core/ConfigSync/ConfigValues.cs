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
        if (!IsName(name))
        {
            problems.Add(path, "the name cannot be a tag");
            return [];
        }
        name = name.ToLowerInvariant();
        if (ConfigTags.IsList(name) && XmlRpcShapes.TryReadList(value, out var items))
        {
            var nodes = ImmutableArray.CreateBuilder<ConfigNode>(items.Length);
            for (var i = 0; i < items.Length; i++)
            {
                var at = problems.IsFull ? path : string.Create(CultureInfo.InvariantCulture, $"{path}[{i + 1}]");
                if (ToNode(name, items[i], problems, at, depth) is { IsEmpty: false } node)
                    nodes.Add(node);
            }
            return nodes.DrainToImmutable();
        }
        if (ConfigTags.IsList(name))
        {
            problems.Add(path, $"a list is expected, not a {value.Kind}");
            return [];
        }
        return ToNode(name, value, problems, path, depth) is { } one ? [one] : [];
    }

    private static ConfigNode? ToNode(string name, XmlRpcValue value, SyncProblems problems, string path, int depth)
    {
        switch (value)
        {
            case XmlRpcString { Value: var text }:
                return Leaf(name, text, problems, path);
            case XmlRpcInt { Value: var number }:
                return ConfigNode.Leaf(name, number.ToString(CultureInfo.InvariantCulture));
            case XmlRpcDouble { Value: var number }:
                return ConfigNode.Leaf(name, number.ToString("R", CultureInfo.InvariantCulture));
            case XmlRpcDateTime { Value: var text }:
                return Leaf(name, text, problems, path);
            case XmlRpcBoolean { Value: var flag }:
                return flag ? ConfigNode.Leaf(name) : null;
            case XmlRpcNil:
            case XmlRpcArray { Values.IsEmpty: true }:
                return ConfigNode.Leaf(name);
            case XmlRpcStruct { Members: var members }:
                return Section(name, members, problems, path, depth);
            default:
                problems.Add(path, $"a {value.Kind} cannot stand here");
                return null;
        }
    }

    private static ConfigNode? Section(string name, ImmutableArray<XmlRpcMember> members, SyncProblems problems, string path, int depth)
    {
        if (depth >= SyncLimits.Depth)
        {
            problems.Add(path, "elements are nested too deeply");
            return null;
        }
        var children = ImmutableArray.CreateBuilder<ConfigNode>(members.Length);
        HashSet<string>? names = null;
        foreach (var member in members)
        {
            var at = problems.IsFull ? path : $"{path}/{SyncProblems.Shown(member.Name)}";
            // Names differ in XML-RPC by case; tags do not.
            if (!(names ??= []).Add(member.Name.ToLowerInvariant()))
                problems.Add(at, "the name occurs more than once");
            else
                children.AddRange(ToNodes(member.Name, member.Value, problems, at, depth + 1));
        }
        return ConfigNode.Section(name, children.DrainToImmutable());
    }

    private static ConfigNode? Leaf(string name, string text, SyncProblems problems, string path)
    {
        if (ConfigText.CanBeWritten(text))
            return ConfigNode.Leaf(name, text);
        problems.Add(path, "the text holds characters that XML cannot carry");
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
