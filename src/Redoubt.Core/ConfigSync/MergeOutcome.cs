using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>What came of a push.</summary>
/// <param name="Candidate">The configuration with the push in it, still to be validated; null where the push is refused.</param>
/// <param name="IsChanged">Whether anything means something else than before. Otherwise there is nothing to apply (the candidate may hold a newer record of the push).</param>
/// <param name="Sections">The sections that were taken, in the order of the push.</param>
/// <param name="Problems">Why it is refused.</param>
/// <param name="Notes">What was not taken, or kept against the sender.</param>
public sealed record MergeOutcome(
    ConfigDocument? Candidate,
    bool IsChanged,
    ImmutableArray<string> Sections,
    ImmutableArray<SyncProblem> Problems,
    ImmutableArray<SyncProblem> Notes
)
{
    /// <summary>Refused because the changes that came are of something else than this node holds: the whole would be taken.</summary>
    public bool IsOutdated { get; init; }

    /// <summary>What the candidate holds, by area; null where that was not worked out.</summary>
    public IReadOnlyDictionary<string, string>? Held { get; init; }

    /// <summary>The line for the history, in pfSense's words. It does not count the captive portal, as pfSense writes that one apart.</summary>
    public string History =>
        $"Merged in config ({string.Join(", ", Sections.Where(s => s != "captiveportal"))} sections) from XMLRPC client.";

    /// <summary>Why it is refused, in one line; empty where it is not.</summary>
    public string Refusal =>
        Problems.Length switch
        {
            0 => "",
            1 => Problems[0].ToString(),
            _ => FormattableString.Invariant($"{Problems[0]} (and {Problems.Length - 1} more)"),
        };
}
