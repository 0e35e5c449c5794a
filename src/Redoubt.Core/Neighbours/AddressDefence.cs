namespace Redoubt.Core.Neighbours;

/// <summary>
/// What is done when somebody else claims an address that this node holds. A claim is judged a moment later: by then the node has heard whether another one has
/// become master, which then rightly claims it. Neighbours are told the truth again, but not more often than <see cref="Pause"/>: who claims a thousand times a
/// second must not have us do so. It is the last claim that is answered, and after that Linux hosts believe again what they hear (they do not within a second of a change).
/// </summary>
public sealed class AddressDefence
{
    private static readonly TimeSpan _judgement = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(1);

    /// <summary>Between two bursts of announcements.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    /// <summary>How long nobody may have claimed it until it counts as over.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(5);

    private Instant _first = Instant.Never; // of the claims that wait for a judgement
    private Instant _last = Instant.Zero;
    private Instant _nextBurst = Instant.Zero;
    private Instant _judgeAt = Instant.Never;

    /// <summary>It was claimed while this node held it, a short time ago.</summary>
    public bool IsClaimed { get; private set; }

    /// <summary>When <see cref="OnTurn"/> has something to do.</summary>
    public Instant Deadline => Instant.Earlier(_judgeAt, IsClaimed ? _last + Quiet : Instant.Never);

    /// <summary>Somebody else claims it.</summary>
    public void OnClaim(Instant now)
    {
        _last = now;
        if (_judgeAt != Instant.Never)
            return;
        _first = now;
        var soonest = now + _judgement;
        _judgeAt = soonest > _nextBurst ? soonest : _nextBurst;
    }

    /// <summary>Call when <see cref="Deadline"/> is reached; true where the neighbours are to be told again.</summary>
    /// <param name="masterSince">Since when this node has held it; <see cref="Instant.Never"/>: it does not.</param>
    /// <param name="now">The time.</param>
    public bool OnTurn(Instant masterSince, Instant now)
    {
        if (IsClaimed && (masterSince == Instant.Never || now - _last >= Quiet))
            IsClaimed = false;
        if (now < _judgeAt)
            return false;
        _judgeAt = Instant.Never;
        if (masterSince + _grace > _first) // the last word of who held it before may be read late
            return false;
        IsClaimed = true;
        _nextBurst = now + Pause;
        return true;
    }
}
