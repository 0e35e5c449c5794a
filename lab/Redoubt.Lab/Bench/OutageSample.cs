using System.Globalization;

namespace Redoubt.Lab.Bench;

/// <summary>What a client and an observer saw of one fault, or of the way back from it.</summary>
internal sealed record OutageSample
{
    /// <summary>The kind of cluster.</summary>
    public required string Kind { get; init; }

    /// <summary>The fault.</summary>
    public required string Fault { get; init; }

    /// <summary>True for the way back.</summary>
    public bool IsReturn { get; init; }

    /// <summary>Why it did not recover; null when it did.</summary>
    public string? Missing { get; init; }

    /// <summary>False when traffic did not flow again, or the first node was not master again, in time.</summary>
    public bool Recovered => Missing is null;

    /// <summary>Longest time without an answer, milliseconds.</summary>
    public double OutageMs { get; init; }

    /// <summary>Datagrams never answered.</summary>
    public int Lost { get; init; }

    /// <summary>How long two nodes answered for the LAN's virtual address, milliseconds.</summary>
    public double TwoOwnersMs { get; init; }

    /// <summary>How long nobody answered for it, milliseconds. A client that knows the master's MAC need not notice.</summary>
    public double NoOwnerMs { get; init; }

    /// <summary>How long was watched, milliseconds.</summary>
    public double WatchedMs { get; init; }

    /// <inheritdoc />
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Kind, -10} {Fault, -8} {(IsReturn ? "back" : "gone")}  outage {OutageMs, 8:0.0} ms, lost {Lost, 6}, two owners {TwoOwnersMs, 5:0} ms, "
                + $"no owner {NoOwnerMs, 5:0} ms of {WatchedMs, 5:0} ms{(Recovered ? "" : $"; NO RECOVERY: {Missing}")}"
        );
}

/// <summary>A run of the benchmark.</summary>
internal sealed record OutageResults
{
    /// <summary>Day of the run, UTC.</summary>
    public required string Date { get; init; }

    /// <summary>Kernel release, without a builder's suffix.</summary>
    public required string Kernel { get; init; }

    /// <summary>Processors of the machine.</summary>
    public required int Processors { get; init; }

    /// <summary>The .NET that ran Redoubt and the lab.</summary>
    public required string Runtime { get; init; }

    /// <summary>Repetitions asked for.</summary>
    public required int Repeat { get; init; }

    /// <summary>What each kind calls itself.</summary>
    public Dictionary<string, string> Versions { get; init; } = [];

    /// <summary>Everything measured, in order.</summary>
    public List<OutageSample> Samples { get; init; } = [];
}
