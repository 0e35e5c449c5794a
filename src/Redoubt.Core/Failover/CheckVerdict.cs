namespace Redoubt.Core.Failover;

/// <summary>
/// What a health check's single results amount to: the first one decides, after that so many in a row have to disagree. Pure; owned by one thread.
/// </summary>
/// <param name="rise">Successes in a row that end a failure.</param>
/// <param name="fall">Failures in a row that begin one.</param>
public sealed class CheckVerdict(int rise, int fall)
{
    private int _against;

    /// <summary>Whether it counts as passed; null before the first result.</summary>
    public bool? Passes { get; private set; }

    /// <summary>Since when.</summary>
    public Instant Since { get; private set; }

    /// <summary>Why the last failure failed; empty after a success.</summary>
    public string Error { get; private set; } = "";

    /// <summary>A result; true where the verdict is another one now.</summary>
    /// <param name="error">Null: it succeeded.</param>
    /// <param name="now">When.</param>
    public bool OnResult(string? error, Instant now)
    {
        Error = error ?? "";
        var passes = error is null;
        if (passes == Passes)
        {
            _against = 0;
            return false;
        }
        if (Passes is not null && ++_against < (passes ? rise : fall))
            return false;
        (Passes, Since, _against) = (passes, now, 0);
        return true;
    }
}
