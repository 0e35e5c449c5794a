namespace Redoubt.Core.Failover;

/// <summary>
/// Whether a virtual host's advertisements leave. Three rounds in a row that the kernel refuses make it sick (FreeBSD: CARP_SENDAD_MAX_ERRORS is 3), three in a
/// row that leave make it well. Who became a backup meanwhile has no advertisements by which to learn that: it sends <see cref="SendProbe"/> instead. What fails again soon
/// after it was well has to be good for longer each time, so a fault that probes do not meet moves the addresses less and less often.
/// </summary>
public sealed class SendHealth
{
    /// <summary>Rounds in a row that decide.</summary>
    public const int Limit = 3;

    /// <summary>The most good rounds in a row that are asked for.</summary>
    public const int LongestProof = 192;

    private static readonly TimeSpan _probeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _relapse = TimeSpan.FromMinutes(1);

    private int _bad;
    private int _good;
    private Instant _wellSince = Instant.Never;

    /// <summary>Advertisements do not leave.</summary>
    public bool IsSick { get; private set; }

    /// <summary>How many good rounds in a row end it.</summary>
    public int Proof { get; private set; } = Limit;

    /// <summary>When to try again, where no advertisement is due; <see cref="Instant.Never"/>: it is well.</summary>
    public Instant ProbeAt { get; private set; } = Instant.Never;

    /// <summary>A round of advertisements, or a probe: all of it left, or something was refused. True where <see cref="IsSick"/> changed.</summary>
    public bool OnSent(bool left, Instant now)
    {
        var was = IsSick;
        if (left)
            Good(now);
        else
            Bad(now);
        ProbeAt = IsSick ? now + _probeInterval : Instant.Never;
        return was != IsSick;
    }

    private void Good(Instant now)
    {
        _bad = 0;
        if (!IsSick || ++_good < Proof)
            return;
        (IsSick, _good, _wellSince) = (false, 0, now);
    }

    private void Bad(Instant now)
    {
        _good = 0;
        if (IsSick || ++_bad < Limit)
            return;
        (IsSick, _bad) = (true, 0);
        Proof = _wellSince != Instant.Never && now - _wellSince < _relapse ? Math.Min(Proof * 2, LongestProof) : Limit;
    }
}
