using System.Collections.Immutable;
using System.Globalization;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Core.ConfigSync;

/// <summary>What differs in the long list of a section that a peer holds in an older state: one piece of it.</summary>
/// <param name="Section">The section.</param>
/// <param name="At">Items before the piece.</param>
/// <param name="Gone">Items that the piece had.</param>
/// <param name="Items">Items that it has now.</param>
public sealed record ListChange(string Section, int At, int Gone, ImmutableArray<XmlRpcValue> Items)
{
    // Of a list that is new for the most part the whole is no larger, and simpler.
    private const int Few = 100;

    private static readonly (string Section, string List)[] _lists = [("filter", "rule"), ("nat", "rule"), ("aliases", "alias")];

    /// <summary>The list of a section whose changes can travel; null where only the whole section can.</summary>
    public static string? ListOf(string section) => Array.Find(_lists, l => l.Section == section).List;

    /// <summary>What leads from one state of a section to another; null where it takes more than a piece of its list.</summary>
    public static ListChange? Between(ConfigNode? before, ConfigNode? now)
    {
        if (before is null || now is null || ListOf(now.Name) is not { } list)
            return null;
        var (a, b) = (Sent(before, list), Sent(now, list));
        if (a.Length == 0 || b.Length == 0 || !before.Without(list).HasContentOf(now.Without(list)))
            return null;
        var most = Math.Min(a.Length, b.Length);
        var head = 0;
        while (head < most && a[head].HasContentOf(b[head]))
            head++;
        var tail = 0;
        while (tail < most - head && a[^(tail + 1)].HasContentOf(b[^(tail + 1)]))
            tail++;
        var changed = b[head..^tail];
        return changed.Length > Math.Max(Few, b.Length / 2)
            ? null
            : new ListChange(now.Name, head, a.Length - head - tail, [.. changed.Select(ConfigValues.Of)]);
    }

    /// <summary>The change as a value.</summary>
    public XmlRpcStruct ToValue() =>
        new([new("at", new XmlRpcInt(At)), new("gone", new XmlRpcInt(Gone)), new("items", new XmlRpcArray(Items))]);

    /// <summary>Reads a change; null where it is none.</summary>
    public static ListChange? Read(string section, XmlRpcValue value) =>
        ListOf(section) is not null
        && value is XmlRpcStruct change
        && change["at"] is XmlRpcInt { Value: >= 0 and <= int.MaxValue } at
        && change["gone"] is XmlRpcInt { Value: >= 0 and <= int.MaxValue } gone
        && change["items"] is XmlRpcArray items
            ? new ListChange(section, (int)at.Value, (int)gone.Value, items.Values)
            : null;

    /// <summary>The section with the change made, without this node's own items; null, with a problem, where it does not fit.</summary>
    internal ConfigNode? In(ConfigNode? held, SyncProblems problems)
    {
        var list = ListOf(Section)!;
        if (held is null)
            return Unfit("there is no such section", problems);
        held = HeldSections.WithoutMarked(held);
        var items = Sent(held, list);
        if ((long)At + Gone > items.Length)
            return Unfit(string.Create(CultureInfo.InvariantCulture, $"{items.Length} items are too few for it"), problems);
        var made = ConfigValues.ToNodes(list, new XmlRpcArray(Items), problems, $"{Section}/{list}");
        if (made.Length < Items.Length)
            return Unfit("an item is empty", problems);
        return held.WithAll(list, [.. items.AsSpan()[..At], .. made, .. items.AsSpan()[(At + Gone)..]]);
    }

    private ConfigNode? Unfit(string why, SyncProblems problems)
    {
        problems.Add(Section, why);
        return null;
    }

    private static ImmutableArray<ConfigNode> Sent(ConfigNode section, string list) =>
        [.. section.Children.Where(i => i.Name == list && !i.IsEmpty && !i.Has("nosync"))];
}
