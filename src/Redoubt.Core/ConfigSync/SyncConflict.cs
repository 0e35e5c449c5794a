using System.Collections.Immutable;

namespace Redoubt.Core.ConfigSync;

/// <summary>How an area stands between two nodes.</summary>
public enum AreaState : byte
{
    /// <summary>Both have the same.</summary>
    InSync,

    /// <summary>Only this node's changed since they last agreed: a push brings it over.</summary>
    ChangedHere,

    /// <summary>Only the peer's changed: a push would undo that.</summary>
    ChangedThere,

    /// <summary>Both changed, differently. Somebody has to choose; nothing is merged.</summary>
    Conflict,

    /// <summary>They never agreed: the first push decides.</summary>
    NeverSynchronised,
}

/// <summary>Decides from digests whether two nodes were edited apart.</summary>
public static class SyncConflict
{
    /// <summary>Decides about one area.</summary>
    /// <param name="agreed">What both had when they were last known to be in sync; null where that never was.</param>
    /// <param name="here">This node's digest.</param>
    /// <param name="there">The peer's; null where it never had the area.</param>
    public static AreaState Decide(string? agreed, string here, string? there)
    {
        if (here == there)
            return AreaState.InSync;
        if (agreed is null || there is null)
            return AreaState.NeverSynchronised;
        return (here == agreed, there == agreed) switch
        {
            (false, true) => AreaState.ChangedHere,
            (true, false) => AreaState.ChangedThere,
            _ => AreaState.Conflict,
        };
    }

    /// <summary>Decides about every area that this node sends.</summary>
    public static ImmutableSortedDictionary<string, AreaState> Decide(
        IReadOnlyDictionary<string, string> agreed,
        IReadOnlyDictionary<string, string> here,
        IReadOnlyDictionary<string, string> there
    ) =>
        here.ToImmutableSortedDictionary(
            area => area.Key,
            area => Decide(agreed.GetValueOrDefault(area.Key), area.Value, there.GetValueOrDefault(area.Key)),
            StringComparer.Ordinal
        );

    /// <summary>Whether a push of these areas would undo what was done on the peer: then it waits for somebody to choose.</summary>
    public static bool NeedsChoice(IEnumerable<AreaState> states) => states.Any(s => s is AreaState.ChangedThere or AreaState.Conflict);
}
