namespace Redoubt.Core.Roles;

/// <summary>
/// A systemd unit that runs while this node is master. systemd supervises it; here it is only started and stopped, one systemctl at a time, until that has succeeded. At first it
/// is not known how things stand: so it is stopped, or started, once. Pure; owned by one thread.
/// </summary>
public sealed class UnitSupervision
{
    /// <summary>How long systemctl may take.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly RetryPace _pace = new();
    private bool? _asked; // what the running systemctl was told
    private Instant _killAt = Instant.Never;
    private Instant _due = Instant.Zero;
    private bool _killed;

    /// <summary>Whether it ought to run.</summary>
    public bool IsWanted { get; private set; }

    /// <summary>Whether it runs, as far as systemctl said; null: not known.</summary>
    public bool? Runs { get; private set; }

    /// <summary>Since when <see cref="Runs"/> is what it is.</summary>
    public Instant Since { get; private set; }

    /// <summary>Why systemctl failed the last time; empty while all is well.</summary>
    public string Error { get; private set; } = "";

    /// <summary>Whether it is as it ought to be.</summary>
    public bool IsSettled => _asked is null && Runs == IsWanted;

    /// <summary>When <see cref="Turn"/> has something to do.</summary>
    public Instant Deadline =>
        _asked is { } asked
            ? (
                _killed ? Instant.Never
                : asked == IsWanted ? _killAt
                : Instant.Zero
            )
        : Runs == IsWanted ? Instant.Never
        : _due;

    /// <summary>The node's role is another one.</summary>
    public void Want(bool wanted)
    {
        if (wanted == IsWanted)
            return;
        IsWanted = wanted;
        Error = "";
        _pace.Reset();
        _due = Instant.Zero;
    }

    /// <summary>What is to be done now; Start and Stop are answered with <see cref="OnEnded"/> when systemctl has ended.</summary>
    public ServiceAction Turn(Instant now)
    {
        if (now < Deadline)
            return ServiceAction.None;
        if (_asked is not null)
        {
            // Too slow, or asked for what is no longer wanted: systemd replaces the job by the one to come.
            _killed = true;
            return ServiceAction.Kill;
        }
        _asked = IsWanted;
        _killAt = now + Limit;
        return IsWanted ? ServiceAction.Start : ServiceAction.Stop;
    }

    /// <summary>systemctl has ended.</summary>
    /// <param name="error">Null: it succeeded.</param>
    /// <param name="now">When.</param>
    public void OnEnded(string? error, Instant now)
    {
        var asked = _asked;
        var gaveWay = _killed && asked != IsWanted;
        (_asked, _killed, _killAt) = (null, false, Instant.Never);
        if (error is null && !gaveWay)
        {
            (Runs, Since, Error, _due) = (asked, now, "", Instant.Zero);
            _pace.Reset();
            return;
        }
        Runs = null;
        if (gaveWay)
            return;
        Error = error!;
        _due = now + _pace.After(TimeSpan.Zero);
    }
}
