namespace Redoubt.Core.Failover;

/// <summary>
/// What a link's carrier is worth. One that is lost counts at once, one that returns, too; one that was lost three times in ten seconds flaps, and counts again
/// only after it has stayed for a second. So a loose cable moves the addresses once and fills no log.
/// </summary>
public sealed class LinkDamping
{
    private const int LossLimit = 3;
    private static readonly TimeSpan _window = TimeSpan.FromSeconds(10);

    private readonly Instant[] _losses = new Instant[LossLimit]; // a ring; zero: none yet
    private int _next;
    private bool _isUp;
    private bool _known;

    /// <summary>How long a link that flaps has to stay before it counts.</summary>
    public static readonly TimeSpan Steady = TimeSpan.FromSeconds(1);

    /// <summary>There is carrier, and it counts.</summary>
    public bool IsUsable => _isUp && !IsFlapping;

    /// <summary>It comes and goes.</summary>
    public bool IsFlapping { get; private set; }

    /// <summary>When a link that flaps counts again unless it is lost before; else <see cref="Instant.Never"/>.</summary>
    public Instant Deadline { get; private set; } = Instant.Never;

    /// <summary>The carrier is there or not, as the kernel says, as often as it says so.</summary>
    public void OnCarrier(bool up, Instant now)
    {
        if (_known && up == _isUp)
            return;
        var lost = _known && !up;
        (_known, _isUp) = (true, up);
        if (lost)
        {
            _losses[_next] = now;
            _next = (_next + 1) % LossLimit;
            IsFlapping |= _losses[_next] != Instant.Zero && now - _losses[_next] < _window;
        }
        Deadline = IsFlapping && up ? now + Steady : Instant.Never;
    }

    /// <summary>Call when <see cref="Deadline"/> is reached.</summary>
    public void OnTurn(Instant now)
    {
        if (now < Deadline)
            return;
        Deadline = Instant.Never;
        IsFlapping = false;
    }
}
