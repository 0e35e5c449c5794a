namespace Redoubt.Core.Roles;

/// <summary>
/// The life of a program that runs while this node is master: started, started again when it ends by itself, asked to end and at last killed. Never two at once. Pure; owned by
/// one thread.
/// </summary>
/// <param name="abrupt">It is killed without being asked, because what it would say at its end would be wrong.</param>
public sealed class CommandSupervision(bool abrupt = false)
{
    /// <summary>From SIGTERM to SIGKILL.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly RetryPace _pace = new();
    private Instant _due = Instant.Zero;
    private Instant _killAt = Instant.Never;
    private bool _asked;
    private bool _killed;

    /// <summary>Whether it ought to run.</summary>
    public bool IsWanted { get; private set; }

    /// <summary>Whether there is a process.</summary>
    public bool Runs { get; private set; }

    /// <summary>Since when <see cref="Runs"/> is what it is.</summary>
    public Instant Since { get; private set; }

    /// <summary>Why it ended the last time while it was wanted; empty while all is well.</summary>
    public string Error { get; private set; } = "";

    /// <summary>When <see cref="Turn"/> has something to do.</summary>
    public Instant Deadline =>
        Runs
            ? (
                IsWanted && !_asked || _killed ? Instant.Never
                : _asked ? _killAt
                : Instant.Zero
            )
        : IsWanted ? _due
        : Instant.Never;

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

    /// <summary>What is to be done now; <see cref="ServiceAction.Start"/> is answered with <see cref="OnStarted"/> or <see cref="OnEnded"/>.</summary>
    public ServiceAction Turn(Instant now)
    {
        if (now < Deadline)
            return ServiceAction.None;
        if (!Runs)
            return ServiceAction.Start;
        if (_asked || abrupt)
        {
            (_asked, _killed) = (true, true);
            return ServiceAction.Kill;
        }
        return Ask(now);
    }

    /// <summary>It ends now, whatever its role, and is asked to also where it is abrupt; nothing where there is no process.</summary>
    public ServiceAction Finish(Instant now)
    {
        Want(false);
        return Runs && !_asked ? Ask(now) : ServiceAction.None;
    }

    /// <summary>There is a process.</summary>
    public void OnStarted(Instant now)
    {
        (Runs, Since, _asked, _killed, _killAt) = (true, now, false, false, Instant.Never);
    }

    /// <summary>The process has ended, or could not be started.</summary>
    public void OnEnded(string how, Instant now)
    {
        var ran = Runs ? now - Since : TimeSpan.Zero;
        if (Runs || Since == Instant.Zero)
            Since = now;
        Runs = false;
        if (_asked || !IsWanted)
            _due = Instant.Zero;
        else
        {
            Error = how;
            _due = now + _pace.After(ran);
        }
        (_asked, _killed, _killAt) = (false, false, Instant.Never);
    }

    private ServiceAction Ask(Instant now)
    {
        _asked = true;
        _killAt = now + Grace;
        return ServiceAction.Stop;
    }
}
