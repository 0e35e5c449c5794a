using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.ConfigSync;

/// <summary>Collects what is wrong with a push, and what the receiver did otherwise than the sender may expect.</summary>
internal sealed class SyncProblems
{
    private readonly List<SyncProblem> _problems = [];
    private readonly List<SyncProblem> _notes = [];
    private readonly List<(string Name, int Index)> _path = [];
    private int _count;
    private int _noteCount;

    private int _elements;

    public bool Any => _count > 0;

    /// <summary>Goes into a value of that name. The path is put together only for what is told.</summary>
    public void Enter(string name) => _path.Add((name, 0));

    /// <summary>Says which item of a list is looked at, from 1; 0 for none.</summary>
    public void At(int index) => _path[^1] = (_path[^1].Name, index);

    public void Leave() => _path.RemoveAt(_path.Count - 1);

    /// <summary>Something is wrong where <see cref="Enter"/> and <see cref="At"/> have led.</summary>
    public void Add(string message)
    {
        if (_count++ < SyncLimits.Problems)
            _problems.Add(new SyncProblem(Path(), message));
    }

    public void Add(string path, string message)
    {
        if (_count++ < SyncLimits.Problems)
            _problems.Add(new SyncProblem(path, message));
    }

    /// <summary>Counts an element that a push makes; false once there are more than a file may have.</summary>
    public bool TakeElement()
    {
        if (++_elements == ConfigurationLimits.Elements + 1)
            Add("the push has too many elements");
        return _elements <= ConfigurationLimits.Elements;
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

    // The first step is a path of the caller's and fit to be shown.
    private string Path() =>
        string.Join(
            '/',
            _path.Select(
                (step, i) =>
                    (i == 0 ? step.Name : Shown(step.Name)) + (step.Index > 0 ? FormattableString.Invariant($"[{step.Index}]") : "")
            )
        );

    private static IEnumerable<SyncProblem> Told(List<SyncProblem> told, int count) =>
        count == told.Count
            ? told
            : told.Append(new SyncProblem("", FormattableString.Invariant($"{count - told.Count} more of this kind")));
}
