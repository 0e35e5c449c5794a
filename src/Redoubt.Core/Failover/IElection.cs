using Redoubt.Core.Carp;

namespace Redoubt.Core.Failover;

/// <summary>
/// An election as its driver sees it, whatever protocol decides. Told the time and the news, it answers with actions; it reads no clock and sends
/// nothing. News first, then <see cref="OnTurn"/>: a thawed backup must not take over while the master's packets still wait.
/// </summary>
public interface IElection
{
    /// <summary>Where the election stands.</summary>
    CarpState State { get; }

    /// <summary>Why.</summary>
    CarpReason Reason { get; }

    /// <summary>Since when.</summary>
    Instant Since { get; }

    /// <summary>For <see cref="CarpReason.MasterTimedOut"/>: how long nothing had been heard.</summary>
    TimeSpan Silence { get; }

    /// <summary>When <see cref="OnTurn"/> is due; <see cref="Instant.Never"/> where no timer runs.</summary>
    Instant Deadline { get; }

    /// <summary>Whether a worse master is relieved.</summary>
    bool Preempt { get; set; }

    /// <summary>Time between two advertisements of this node as it stands now.</summary>
    TimeSpan AdvertInterval { get; }

    /// <summary>How long this node waits for a master.</summary>
    TimeSpan MasterDownTime { get; }

    /// <summary>How long the lease runs from each advertisement sent as it stands now.</summary>
    TimeSpan LeaseTime { get; }

    /// <summary>Link up, addresses there, enabled.</summary>
    CarpActions OnReady(Instant now);

    /// <summary>Link down or disabled.</summary>
    CarpActions OnNotReady(Instant now);

    /// <summary>Call when <see cref="Deadline"/> is reached, after every waiting packet was handled. Harmless at any time.</summary>
    CarpActions OnTurn(Instant now);

    /// <summary>The demotion became <paramref name="total"/>, not clamped. A master says so at once.</summary>
    CarpActions OnDemotion(int total, Instant now);

    /// <summary>The operator wants this state. A better peer pushes a forced master back; a forced backup takes part as usual.</summary>
    CarpActions OnOperator(CarpState wanted, Instant now);

    /// <summary>
    /// The failover group decided by heartbeats. A virtual host that takes no part stays out; what it is already brings nothing to do.
    /// </summary>
    CarpActions OnGroup(CarpState wanted, Instant now);

    /// <summary>Heartbeats say that the election is decided elsewhere: a backup waits on, whatever advertisements it misses.</summary>
    void OnGroupWaits(Instant now);

    /// <summary>The lease lapsed: the kernel no longer answers for the addresses, so this node is not master.</summary>
    CarpActions OnLeaseLost(Instant now);

    /// <summary>The driver slept far beyond its own wait, so packets may be lost. Call it before the waiting packets are handled.</summary>
    void OnOverslept(Instant now);

    /// <summary>The program stops: a master resigns so that a backup takes over at once.</summary>
    CarpActions OnStop(Instant now);
}
