using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>
/// Digests of what two nodes should have in common, area by area. The sender's are of what it pushes. The receiver's are the same as long as it still holds what
/// that push made of its configuration; what is its own beside it does not count. So equal digests say that the peer has this node's configuration.
/// </summary>
public static class AreaDigests
{
    // Sections that travel as they are but for marked items. Long lists: putting them into values and back only for their digest is the most of the work.
    private static readonly (SyncAreas Area, string Section)[] _plain =
    [
        (SyncAreas.Rules, "filter"),
        (SyncAreas.Nat, "nat"),
        (SyncAreas.Aliases, "aliases"),
    ];

    // Each is compared with all before it; an element with more is taken the long way.
    private const int MostNames = 64;

    /// <summary>What this node would push: area name to digest.</summary>
    public static ImmutableSortedDictionary<string, string> Of(ConfigDocument document, SyncAreas areas)
    {
        var sections = new Dictionary<string, string>();
        var others = areas;
        foreach (var (area, name) in _plain)
        {
            if ((areas & area) == 0 || document.Section(name) is not { Text: "" } section || !TravelsAsItIs(section, 0))
                continue;
            sections[name] = ConfigDigest.Of(HeldSections.WithoutMarked(section));
            others &= ~area;
            if (area == SyncAreas.Rules)
                others |= SyncAreas.Schedules;
        }
        AddTo(sections, PushBody.Build(document, others));
        return ByArea(sections, areas);
    }

    /// <summary>What a push carries: area name to digest.</summary>
    public static ImmutableSortedDictionary<string, string> Of(PushBody body)
    {
        var sections = new Dictionary<string, string>();
        AddTo(sections, body);
        return ByArea(sections, body.Areas);
    }

    // Whether nothing of an element is lost on the way: what has no name that travels, or one that another element before it has.
    private static bool TravelsAsItIs(ConfigNode node, int depth)
    {
        if (depth >= SyncLimits.Depth || !ConfigValues.IsName(node.Name))
            return false;
        var children = node.Children.AsSpan();
        var names = 0;
        for (var i = 0; i < children.Length; i++)
        {
            if (!TravelsAsItIs(children[i], depth + 1))
                return false;
            if (ConfigTags.IsList(children[i].Name))
                continue;
            if (++names > MostNames)
                return false;
            foreach (var before in children[..i])
            {
                if (before.Name == children[i].Name)
                    return false;
            }
        }
        return true;
    }

    private static void AddTo(Dictionary<string, string> sections, PushBody body)
    {
        foreach (var (name, value) in body.Value.Members)
        {
            if (name == "system" && value is XmlRpc.XmlRpcStruct system)
            {
                foreach (var (element, content) in system.Members)
                    sections[$"system.{element}"] = ConfigDigest.Of(ConfigValues.ToNodes(element, content, new SyncProblems(), name));
            }
            else
                sections[name] = ConfigDigest.Of(ConfigValues.ToNodes(name, value, new SyncProblems(), name));
        }
    }

    /// <summary>What this node holds of the pushes that it took: area name to digest. Areas that never came are not in it.</summary>
    public static ImmutableSortedDictionary<string, string> Held(ConfigDocument document)
    {
        var record = ReceivedRecord.Of(document.Root);
        var sections = new Dictionary<string, string>();
        foreach (var (key, (pushed, held)) in record.Digests)
        {
            var now = HeldSections.DigestOf(document.Root, key, record);
            sections[key] = now == held ? pushed : now;
        }
        return ByArea(sections, SyncAreas.All);
    }

    private static ImmutableSortedDictionary<string, string> ByArea(Dictionary<string, string> sections, SyncAreas areas)
    {
        var digests = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var area in SyncArea.All)
        {
            if ((areas & area.Area) == 0)
                continue;
            var parts = area
                .Sections.Select(s => s.Replace('/', '.'))
                .Where(sections.ContainsKey)
                .Select(s => $"{s}={sections[s]}\n")
                .ToList();
            if (parts.Count > 0)
                digests[area.Name] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(parts))));
        }
        return digests.ToImmutable();
    }
}
