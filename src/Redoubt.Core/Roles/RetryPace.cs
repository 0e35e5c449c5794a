namespace Redoubt.Core.Roles;

/// <summary>How long a service that failed waits for its next start: one second, then twice as long each time up to a minute; anew after a good minute. Pure.</summary>
public sealed class RetryPace
{
    /// <summary>The first wait.</summary>
    public static readonly TimeSpan First = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <summary>What ran so long was no failed start.</summary>
    public static readonly TimeSpan Good = TimeSpan.FromSeconds(60);

    private TimeSpan _next = First;

    /// <summary>The wait after a run of this length.</summary>
    public TimeSpan After(TimeSpan ran)
    {
        if (ran >= Good)
            _next = First;
        var wait = _next;
        _next = TimeSpan.FromTicks(Math.Min(Longest.Ticks, _next.Ticks * 2));
        return wait;
    }

    /// <summary>As if nothing had failed.</summary>
    public void Reset() => _next = First;
}
