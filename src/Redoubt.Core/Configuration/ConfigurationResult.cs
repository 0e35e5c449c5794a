using System.Collections.Immutable;

namespace Redoubt.Core.Configuration;

/// <summary>What came of reading a configuration file.</summary>
/// <param name="Configuration">The validated configuration; null when there is at least one error.</param>
/// <param name="Problems">All errors and warnings, in the order of the file.</param>
/// <param name="KeptSections">Top-level sections that are kept in the file but not acted on, sorted.</param>
public sealed record ConfigurationResult(
    NodeConfiguration? Configuration,
    ImmutableArray<ConfigurationProblem> Problems,
    ImmutableArray<string> KeptSections
)
{
    /// <summary>Every top-level section with what is done about it; empty for what is no configuration.</summary>
    public ImmutableArray<SectionReport> Sections { get; init; } = [];

    /// <summary>For the next file; null for what is no configuration.</summary>
    internal KnownRules? Known { get; init; }

    /// <summary>Whether the file can be applied.</summary>
    public bool IsValid => Configuration is not null;

    /// <summary>The problems for which the file is refused.</summary>
    public IEnumerable<ConfigurationProblem> Errors => Problems.Where(p => p.IsError);

    /// <summary>What the file says and this program does not do, or what looks like a mistake.</summary>
    public IEnumerable<ConfigurationProblem> Warnings => Problems.Where(p => !p.IsError);
}
