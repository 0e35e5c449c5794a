using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.ConfigSync;

/// <summary>Collects what is wrong with a push, and what the receiver did otherwise than the sender may expect.</summary>
internal sealed class SyncProblems
{
    private readonly List<SyncProblem> _problems = [];
    private readonly List<SyncProblem> _notes = [];
    private int _count;
    private int _noteCount;

    public bool Any => _count > 0;

    /// <summary>Further ones are only counted: their paths need not be worked out.</summary>
    public bool IsFull => _count >= SyncLimits.Problems;

    public void Add(string path, string message)
    {
        if (_count++ < SyncLimits.Problems)
            _problems.Add(new SyncProblem(path, message));
    }

    public void Note(string path, string message)
    {
        if (_noteCount++ < SyncLimits.Notes)
            _notes.Add(new SyncProblem(path, message));
    }

    public ImmutableArray<SyncProblem> Problems => [.. Told(_problems, _count)];

    public ImmutableArray<SyncProblem> Notes => [.. Told(_notes, _noteCount)];

    /// <summary>A name from outside, fit for a message.</summary>
    public static string Shown(string name) => ConfigValues.IsName(name) ? name : ElementReading.Quote(name);

    private static IEnumerable<SyncProblem> Told(List<SyncProblem> told, int count) =>
        count == told.Count
            ? told
            : told.Append(new SyncProblem("", FormattableString.Invariant($"{count - told.Count} more of this kind")));
}
