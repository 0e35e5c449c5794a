using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>Takes a whole push. Order as in pfSense: portal zones that go take their vouchers along, accounts, certificates last.</summary>
internal sealed class RestoreMerge(ConfigDocument local, MergeOptions options)
{
    private readonly SyncProblems _problems = new();
    private readonly List<string> _sections = [];
    private readonly ReceivedRecord _former = ReceivedRecord.Of(local.Root);
    private ConfigNode _root = local.Root;
    private ImmutableSortedDictionary<string, ImmutableArray<string>> _names = ReceivedRecord.Of(local.Root).Names;
    private readonly SortedDictionary<string, string> _pushed = new(StringComparer.Ordinal);

    /// <summary>Takes sections, and of others what changed in their lists.</summary>
    public MergeOutcome Take(XmlRpcStruct received, IEnumerable<ListChange>? changes = null)
    {
        var refused = 0;
        foreach (var (name, value) in received.Members.OrderBy(m => m.Name == "captiveportal" ? 0 : 1))
        {
            if (SyncSections.Copied.Contains(name))
                Copy(name, value);
            else if (name == "installedpackages")
                Packages(value);
            else if (SyncSections.Merged.Contains(name))
                Merge(name, value, received);
            else
            {
                refused++;
                _problems.Note(SyncProblems.Shown(name), "not taken: this section is never synchronised");
                continue;
            }
            _sections.Add(name);
        }
        foreach (var change in changes ?? [])
        {
            if (_sections.Contains(change.Section))
                _problems.Add(change.Section, "the section comes more than once");
            else if (change.In(local.Section(change.Section), _problems) is { } section && !_problems.Any)
                Copy(section);
            _sections.Add(change.Section);
        }
        if (refused > 0 && refused == received.Members.Length)
            _problems.Add("", "none of the sections may be synchronised");
        if (_problems.Any)
            return SectionMerge.Finish(local, _root, [], _problems);
        _root = CertificateMerge.Keep(_root, local.Root, _sections, _problems);
        var record = Remember();
        return SectionMerge.Finish(
            local,
            record.In(_root),
            changes is null ? received.Members.Select(m => m.Name).Where(_sections.Contains) : _sections,
            _problems
        );
    }

    private void Copy(string name, XmlRpcValue value)
    {
        if (value is not (XmlRpcStruct or XmlRpcArray) && !IsNothing(value))
        {
            _problems.Add(name, $"a struct is expected, not a {value.Kind}");
            return;
        }
        var nodes = ConfigValues.ToNodes(name, value, _problems, name);
        if (_problems.Any)
            return;
        if (name is "ca" or "cert" or "crl")
        {
            _pushed[name] = ConfigDigest.Of(nodes);
            Name(name, nodes.Select(n => n.Value("refid")));
            _root = _root.WithAll(name, nodes);
            return;
        }
        Copy(nodes.IsEmpty ? ConfigNode.Leaf(name) : nodes[0]);
    }

    private void Copy(ConfigNode section)
    {
        var name = section.Name;
        _pushed[name] = ConfigDigest.Of(section);
        var here = local.Section(name);
        section = SyncSections.WithNodeLocal(name, section, here);
        foreach (var (_, container, list) in SyncSections.Marked.Where(m => m.Section == name))
            section = WithOwnItems(section, here, container, list);
        if (name == "captiveportal")
            RemoveZones(section);
        _root = _root.With(section);
    }

    private ConfigNode WithOwnItems(ConfigNode section, ConfigNode? here, string container, string list)
    {
        var from = container.Length == 0 ? here : here?.First(container);
        var own = from?.All(list).Any(i => i.Has("nosync")) ?? false;
        if (!own)
            return section;
        var into = container.Length == 0 ? section : section.First(container) ?? ConfigNode.Section(container);
        var path = container.Length == 0 ? $"{section.Name}/{list}" : $"{section.Name}/{container}/{list}";
        var merged = LocalItems.Keep(from!.All(list), [.. into.All(list)], i => i.Has("nosync"), path, _problems);
        into = into.WithAll(list, merged);
        return container.Length == 0 ? into : section.With(into);
    }

    private void RemoveZones(ConfigNode received)
    {
        foreach (var zone in local.Section("captiveportal")?.Children ?? [])
        {
            if (received.Has(zone.Name))
                continue;
            _problems.Note($"captiveportal/{zone.Name}", "the zone is not on the primary: it is removed with its vouchers");
            if (_root.First("voucher") is { } voucher)
                _root = _root.With(voucher.Without(zone.Name));
        }
    }

    private void Packages(XmlRpcValue value)
    {
        if (value is XmlRpcStruct packages)
            _root = SectionMerge.WithPackages(_root, packages, _problems);
        else if (!IsNothing(value))
            _problems.Add("installedpackages", $"a struct is expected, not a {value.Kind}");
    }

    private static bool IsNothing(XmlRpcValue value) =>
        value is XmlRpcString { Value: "" } or XmlRpcNil or XmlRpcArray { Values.IsEmpty: true };

    private void Merge(string name, XmlRpcValue value, XmlRpcStruct all)
    {
        var members = ImmutableArray<XmlRpcMember>.Empty;
        if (value is XmlRpcStruct content)
            members = content.Members;
        else if (!IsNothing(value))
        {
            _problems.Add(name, $"a struct is expected, not a {value.Kind}");
            return;
        }
        var section = _root.First(name) ?? ConfigNode.Section(name);
        var sent = new List<ConfigNode>();
        var names = new HashSet<string>();
        foreach (var member in members)
        {
            var path = $"{name}/{SyncProblems.Shown(member.Name)}";
            var element = member.Name.ToLowerInvariant();
            if (!names.Add(element))
            {
                _problems.Add(path, "the name occurs more than once");
                continue;
            }
            if (!SyncSections.IsAllowed(name, element))
            {
                _problems.Note(path, "not taken: it belongs to this node");
                continue;
            }
            var nodes = ConfigValues.ToNodes(member.Name, member.Value, _problems, path);
            if (_problems.Any)
                continue;
            if (name == "system")
                _pushed[$"system.{element}"] = ConfigDigest.Of(nodes);
            sent.AddRange(nodes);
            if (Replaced(name, element, nodes, section, all) is { } replaced)
                section = section.WithAll(element, replaced);
        }
        if (_problems.Any)
            return;
        if (SyncSections.Owned.Contains(name))
        {
            foreach (var gone in _former.NamesOf(name).Where(n => !names.Contains(n)))
                section = section.Without(gone);
            Name(name, names);
            // A zone that the portal lost stays lost, whatever came before.
            section = SyncSections.WithNodeLocal(name, section, local.Section(name));
        }
        if (name is not "system" and not "hasync")
            _pushed[name] = ConfigDigest.Of(ConfigNode.Section(name, [.. sent]));
        if (!section.IsEmpty || _root.Has(name))
            _root = _root.With(section);
    }

    // What stands for a second-level name after the push; null where it stays as it is.
    private IEnumerable<ConfigNode>? Replaced(
        string name,
        string element,
        ImmutableArray<ConfigNode> nodes,
        ConfigNode section,
        XmlRpcStruct all
    )
    {
        switch (name, element)
        {
            case ("virtualip", "vip"):
                var former = options.DropsOtherAddresses ? null : _former.NamesOf("virtualip").ToHashSet();
                Name("virtualip", nodes.Where(v => v.Value("mode") == "other").Select(VirtualIpMerge.NameOf));
                var own = section.All("vip");
                return former is null
                    ? VirtualIpMerge.Merge(own.Where(v => v.Value("mode") != "other"), nodes, [])
                    : VirtualIpMerge.Merge(own, nodes, former);
            case ("system", "user" or "group" or "nextuid" or "nextgid") when !CarriesAccounts(all):
                if (element is "user" or "group")
                    _problems.Note($"system/{element}", "not taken: accounts are only taken with both users and groups");
                return null;
            case ("system", "user"):
                var adminSync = (all["hasync"] as XmlRpcStruct)?["adminsync"] is XmlRpcString { Value: "on" };
                return AccountMerge.Users([.. section.All("user")], nodes, adminSync, options.Caller, _problems);
            case ("system", "group"):
                return AccountMerge.Groups([.. section.All("group")], nodes);
            default:
                return nodes;
        }
    }

    private static bool CarriesAccounts(XmlRpcStruct all) =>
        all["system"] is XmlRpcStruct system && Items(system["user"]) > 0 && Items(system["group"]) > 0;

    private static int Items(XmlRpcValue? list) => list is not null && XmlRpcShapes.TryReadList(list, out var items) ? items.Length : 0;

    // Names with spaces could not be told apart; no section has such.
    private void Name(string section, IEnumerable<string> names) =>
        _names = _names.SetItem(section, [.. names.Where(n => n.Length is > 0 and <= 256 && !n.Any(char.IsWhiteSpace)).Distinct()]);

    private ReceivedRecord Remember()
    {
        var record = new ReceivedRecord(_names, _former.Digests);
        foreach (var (key, pushed) in _pushed)
            record = record with { Digests = record.Digests.SetItem(key, (pushed, HeldSections.DigestOf(_root, key, record))) };
        return record;
    }
}
