using System.Diagnostics;

namespace Redoubt.Lab;

/// <summary>A budget of time that several waits share. It counts from its creation, by the monotonic clock.</summary>
public sealed class Deadline(TimeSpan budget)
{
    private static readonly TimeSpan _poll = TimeSpan.FromMilliseconds(20);
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>A deadline some seconds from now.</summary>
    public static Deadline In(double seconds) => new(TimeSpan.FromSeconds(seconds));

    /// <summary>The time since this deadline was made.</summary>
    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>What is left; never negative.</summary>
    public TimeSpan Left => budget > _clock.Elapsed ? budget - _clock.Elapsed : TimeSpan.Zero;

    /// <summary>True once the budget is used up.</summary>
    public bool HasPassed => Left == TimeSpan.Zero;

    /// <summary>
    /// Asks every 20 ms until the condition holds, and returns how long that took. Throws <see cref="LabException"/> when the
    /// deadline passes first, with <paramref name="what"/> was awaited and, where given, what was last <paramref name="seen"/>.
    /// </summary>
    public TimeSpan Await(string what, Func<bool> condition, Func<string>? seen = null)
    {
        var start = _clock.Elapsed;
        while (!condition())
        {
            if (HasPassed)
                throw new LabException($"not within {budget.TotalSeconds:0.##} s: {what}{(seen is null ? "" : $" (seen: {seen()})")}");
            Thread.Sleep(_poll);
        }
        return _clock.Elapsed - start;
    }
}
