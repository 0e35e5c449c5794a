namespace Redoubt.Core.Failover;

/// <summary>
/// A node judges itself before it judges others: where its own timers come late (garbage collection, starvation, a paused virtual machine), it asks to be
/// waited for longer, and where it slept longer than that, it demotes itself for a while.
/// </summary>
public sealed class TimerHealth
{
    private const int StrikeLimit = 3; // remembered: the next one is one too many
    private static readonly TimeSpan _strikeAge = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan _recovery = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _sickTime = TimeSpan.FromSeconds(5);

    private readonly Instant[] _strikes = new Instant[StrikeLimit];
    private int _next;
    private Instant _raisedAt = Instant.Never;
    private Instant _sickUntil = Instant.Zero;

    /// <summary>Latest lateness that counted.</summary>
    public TimeSpan LastLateness { get; private set; }

    /// <summary>Longest lateness ever seen.</summary>
    public TimeSpan Worst { get; private set; }

    /// <summary>How far the timers are backed off while peers live.</summary>
    public HoldLevel Level { get; private set; } = HoldLevel.Profile;

    /// <summary>It slept longer than peers wait, a short time ago.</summary>
    public bool IsSick(Instant now) => now < _sickUntil;

    /// <summary>A heartbeat was due and came so late. <paramref name="slack"/>: how late it may be before the lease lapses.</summary>
    public void OnTick(TimeSpan lateness, TimeSpan slack, Instant now)
    {
        if (lateness > Worst)
            Worst = lateness;
        if (Level > HoldLevel.Profile && now - _raisedAt > _recovery)
        {
            Level--;
            _raisedAt = now;
        }
        if (slack == TimeSpan.MaxValue || lateness < slack / 2)
            return;
        LastLateness = lateness;
        if (lateness > slack * 3)
            _sickUntil = now + _sickTime;
        var oldest = _strikes[_next];
        _strikes[_next] = now;
        _next = (_next + 1) % StrikeLimit;
        var often = oldest != default && now - oldest < _strikeAge;
        if (lateness <= slack && !often)
            return;
        Array.Clear(_strikes);
        _raisedAt = now;
        if (Level < HoldLevel.Slowest)
            Level++;
    }
}
