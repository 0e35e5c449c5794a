using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>An area of which only changes travel.</summary>
/// <param name="Area">Its name.</param>
/// <param name="Base">Digest of what the peer told that it holds.</param>
/// <param name="Result">Digest of what it shall hold.</param>
/// <param name="Lists">What leads from the one to the other.</param>
public sealed record AreaChange(string Area, string Base, string Result, ImmutableArray<ListChange> Lists);

/// <summary>
/// A push to a peer of ours that holds what this node sent before: of long lists only what changed. The peer takes it where it holds the base, and only if what comes out
/// has the digest that the sender says; in every other case it asks for the whole.
/// </summary>
/// <param name="Areas">Areas of which only changes travel.</param>
/// <param name="Whole">Sections that travel whole, as in <c>restore_config_section</c>.</param>
public sealed record PushChanges(ImmutableArray<AreaChange> Areas, XmlRpcStruct Whole)
{
    // What an item of these lists is does not depend on anything else that travels.
    private const SyncAreas Eligible = SyncAreas.Rules | SyncAreas.Aliases | SyncAreas.Nat;

    /// <summary>The areas, of those that are to be sent, of which a change can travel.</summary>
    /// <param name="areas">What is to be sent.</param>
    /// <param name="before">What was sent, and the digests of it by area.</param>
    /// <param name="now">What is to be there, and the digests of it.</param>
    /// <param name="held">What the peer told that it holds.</param>
    public static ImmutableArray<AreaChange> Between(
        SyncAreas areas,
        (ConfigDocument Document, IReadOnlyDictionary<string, string> Sent) before,
        (ConfigDocument Document, IReadOnlyDictionary<string, string> Sent) now,
        IReadOnlyDictionary<string, string> held
    )
    {
        var changes = ImmutableArray.CreateBuilder<AreaChange>();
        foreach (var area in SyncArea.All)
        {
            if (
                (areas & Eligible & area.Area) != 0
                && held.TryGetValue(area.Name, out var there)
                && before.Sent.GetValueOrDefault(area.Name) == there
                && now.Sent.TryGetValue(area.Name, out var wanted)
                && Lists(area, before.Document, now.Document) is { } lists
            )
                changes.Add(new AreaChange(area.Name, there, wanted, [.. lists]));
        }
        return changes.ToImmutable();
    }

    /// <summary>The only parameter of <c>redoubt.restore_config_changes</c>.</summary>
    public XmlRpcStruct ToValue() =>
        new([
            new("sections", Whole),
            new(
                "areas",
                new XmlRpcStruct([
                    .. Areas.Select(a => new XmlRpcMember(
                        a.Area,
                        new XmlRpcStruct([
                            new("base", new XmlRpcString(a.Base)),
                            new("result", new XmlRpcString(a.Result)),
                            new("lists", new XmlRpcStruct([.. a.Lists.Select(l => new XmlRpcMember(l.Section, l.ToValue()))])),
                        ])
                    )),
                ])
            ),
        ]);

    /// <summary>Reads one; null where it is none.</summary>
    public static PushChanges? Read(XmlRpcStruct value)
    {
        if (value["sections"] is not XmlRpcStruct whole || value["areas"] is not XmlRpcStruct areas)
            return null;
        var changes = ImmutableArray.CreateBuilder<AreaChange>();
        foreach (var (name, member) in areas.Members)
        {
            if (
                member is not XmlRpcStruct area
                || area["base"] is not XmlRpcString from
                || area["result"] is not XmlRpcString to
                || area["lists"] is not XmlRpcStruct sections
            )
                return null;
            var lists = sections.Members.Select(m => ListChange.Read(m.Name, m.Value)).ToList();
            // A change of what another area holds would be of something that nobody compared.
            if (!SyncArea.All.Any(a => a.Name == name && lists.All(l => l is not null && a.Sections.Contains(l.Section))))
                return null;
            changes.Add(new AreaChange(name, from.Value, to.Value, [.. lists.OfType<ListChange>()]));
        }
        return changes.Count == 0 ? null : new PushChanges(changes.ToImmutable(), whole);
    }

    private static List<ListChange>? Lists(SyncArea area, ConfigDocument before, ConfigDocument now)
    {
        var lists = new List<ListChange>();
        foreach (var name in area.Sections)
        {
            var (a, b) = (before.Section(name), now.Section(name));
            if (ReferenceEquals(a, b) || (a is not null && b is not null && a.HasContentOf(b)))
                continue;
            if (ListChange.Between(a, b) is not { } change)
                return null;
            lists.Add(change);
        }
        return lists;
    }
}
