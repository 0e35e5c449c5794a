using System.Diagnostics;

namespace Redoubt.Lab.Scenarios;

/// <summary>A story that the lab can play, with a verdict.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Summary">One line that says what must hold.</param>
/// <param name="Body">Plays it; throws <see cref="LabException"/> as soon as something does not hold.</param>
public sealed record Scenario(string Name, string Summary, Action<ScenarioRun> Body)
{
    /// <summary>Plays the scenario. What fails is a result, not an exception.</summary>
    public ScenarioResult Play(TextWriter output)
    {
        var run = new ScenarioRun(output);
        try
        {
            Body(run);
            return run.Finish(Name, null);
        }
        catch (Exception e) when (e is LabException or IOException)
        {
            return run.Finish(Name, e.Message);
        }
    }
}

/// <summary>What came of a scenario.</summary>
public sealed record ScenarioResult
{
    /// <summary>Its name.</summary>
    public required string Scenario { get; init; }

    /// <summary>True when everything held.</summary>
    public required bool Passed { get; init; }

    /// <summary>What did not hold; null when everything held.</summary>
    public required string? Error { get; init; }

    /// <summary>How long it took, building and tearing down included.</summary>
    public required double Seconds { get; init; }

    /// <summary>What was measured: name with unit, value.</summary>
    public required IReadOnlyDictionary<string, double> Figures { get; init; }
}

/// <summary>What a scenario talks to while it plays: tells the audience, notes figures, checks.</summary>
public sealed class ScenarioRun
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Dictionary<string, double> _figures = [];
    private readonly TextWriter _output;

    internal ScenarioRun(TextWriter output) => _output = output;

    /// <summary>Prints a line with the time since the start.</summary>
    public void Say(string text) => _output.WriteLine(FormattableString.Invariant($"{_clock.Elapsed.TotalSeconds, 7:0.000} s  {text}"));

    /// <summary>Notes and prints a figure; its name says the unit, "takeover_ms".</summary>
    public void Note(string name, double value)
    {
        _figures[name] = value;
        Say(FormattableString.Invariant($"{name} = {value:0.###}"));
    }

    /// <summary>Says what holds, or ends the scenario with a <see cref="LabException"/>.</summary>
    public void Check(bool holds, string what)
    {
        if (!holds)
            throw new LabException($"does not hold: {what}");
        Say($"holds: {what}");
    }

    internal ScenarioResult Finish(string name, string? error) =>
        new()
        {
            Scenario = name,
            Passed = error is null,
            Error = error,
            Seconds = _clock.Elapsed.TotalSeconds,
            Figures = _figures,
        };
}
