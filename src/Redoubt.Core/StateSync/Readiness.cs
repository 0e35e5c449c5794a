namespace Redoubt.Core.StateSync;

/// <summary>When a node has what its peers knew.</summary>
internal static class Readiness
{
    /// <summary>Why it is ready, and whether it gave up waiting; null while it waits.</summary>
    /// <param name="heard">Peers that are heard.</param>
    /// <param name="missing">Those of them whose table is not in.</param>
    /// <param name="waited">Since the start.</param>
    /// <param name="alone">After this a node that hears nobody is ready.</param>
    /// <param name="limit">After this any node is.</param>
    public static (string Why, bool GaveUp)? Of(int heard, int missing, TimeSpan waited, TimeSpan alone, TimeSpan limit) =>
        heard > 0 && missing == 0 ? ("the states of every peer that is heard are in", false)
        : heard == 0 && waited >= alone ? ("no peer is heard", false)
        : waited >= limit ? ("the limit for the bulk has passed", true)
        : null;
}
