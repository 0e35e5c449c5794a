using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>Lays values over those that are there. What is not there is not made; what may not be synchronised is not touched.</summary>
internal sealed class OverlayMerge(ConfigDocument local)
{
    private readonly SyncProblems _problems = new();
    private readonly List<string> _sections = [];

    public MergeOutcome Take(XmlRpcStruct received)
    {
        var root = local.Root;
        foreach (var (name, value) in received.Members)
        {
            var shown = SyncProblems.Shown(name);
            if (!SyncSections.Copied.Contains(name) && !SyncSections.Merged.Contains(name))
                _problems.Note(shown, "not taken: this section is never synchronised");
            else
            {
                _sections.Add(name);
                root = name is "ca" or "cert" or "crl" ? List(root, name, value, name) : Section(root, name, value);
            }
        }
        if (_sections.Count == 0 && received.Members.Length > 0)
            _problems.Add("", "none of the sections may be synchronised");
        return SectionMerge.Finish(local, root, _sections, _problems);
    }

    private ConfigNode Section(ConfigNode root, string name, XmlRpcValue value)
    {
        if (root.First(name) is not { } section)
        {
            _problems.Note(name, "not taken: it is not there, and this call only changes what is");
            return root;
        }
        if (value is not XmlRpcStruct content)
        {
            if (!(value is XmlRpcArray { Values.IsEmpty: true } or XmlRpcString { Value: "" }))
                _problems.Add(name, $"a struct is expected, not a {value.Kind}");
            return root;
        }
        var allowed = content.Members.Where(m => IsAllowed(name, m.Name)).ToImmutableArray();
        return root.With(Struct(section, new XmlRpcStruct(allowed), name, name, 0));
    }

    private bool IsAllowed(string section, string element)
    {
        if (SyncSections.IsOverlaid(section, element))
            return true;
        _problems.Note($"{section}/{SyncProblems.Shown(element)}", "not taken: it belongs to this node, or travels only with a whole push");
        return false;
    }

    private ConfigNode Struct(ConfigNode node, XmlRpcStruct content, string section, string path, int depth)
    {
        if (depth >= SyncLimits.Depth)
        {
            _problems.Add(path, "elements are nested too deeply");
            return node;
        }
        foreach (var (name, value) in content.Members)
        {
            var at = _problems.IsFull ? path : $"{path}/{SyncProblems.Shown(name)}";
            var element = name.ToLowerInvariant();
            if (node.First(element) is not { } old)
                _problems.Note(at, "not taken: it is not there, and this call only changes what is");
            else if (SyncSections.IsNodeLocal(section, node.Name, element))
                _problems.Note(at, "not taken: it belongs to this node");
            else if (ConfigTags.IsList(element))
                node = List(node, element, value, at, section, depth + 1);
            else
                node = node.With(One(old, value, section, at, depth + 1));
        }
        return node;
    }

    private ConfigNode List(ConfigNode parent, string name, XmlRpcValue value, string path, string section = "", int depth = 0)
    {
        // By key: a hole leaves the item as it is, one more than there are is not made.
        if (!XmlRpcShapes.TryReadList(value, out var items))
        {
            _problems.Add(path, $"a list is expected, not a {value.Kind}");
            return parent;
        }
        var list = parent.All(name).ToList();
        for (var i = 0; i < items.Length; i++)
        {
            var key = value is XmlRpcStruct keyed ? int.Parse(keyed.Members[i].Name, CultureInfo.InvariantCulture) : i;
            if (key < list.Count)
                list[key] = One(list[key], items[i], section, path, depth);
            else
                _problems.Note(path, "not taken: the list has no such item");
        }
        return parent.WithAll(name, list);
    }

    private ConfigNode One(ConfigNode old, XmlRpcValue value, string section, string path, int depth)
    {
        if (value is XmlRpcStruct content && !old.Children.IsEmpty)
            return Struct(old, content, section, path, depth);
        var made = ConfigTags.IsList(old.Name)
            ? ConfigValues.ToNodes(old.Name, new XmlRpcArray([value]), _problems, path, depth)
            : ConfigValues.ToNodes(old.Name, value, _problems, path, depth);
        return made is [var one] ? one : old;
    }
}
