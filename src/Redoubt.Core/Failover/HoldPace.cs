using Redoubt.Core.Heartbeat;

namespace Redoubt.Core.Failover;

/// <summary>
/// Keeps the promise that the leases of this node end before a peer takes over. A peer takes over one hold time after it last heard us, and the
/// lease lasts that time less one interval and a little from the last heartbeat that left. So a longer lease may come into force only when the peers know that they have to
/// wait longer, and a shorter hold may be announced only when the longer lease is gone.
/// </summary>
public sealed class HoldPace(TimeSpan interval, TimeSpan hold, TimeSpan alone)
{
    // The kernel counts timeouts in jiffies, up to 4 ms at 250 Hz, and rounds down: its lease may end that much before ours would.
    private static readonly TimeSpan _tick = TimeSpan.FromMilliseconds(5);

    private Instant _aloneFrom = Instant.Zero; // at the start nobody was ever asked for less
    private Instant _unheardSince = Instant.Never;
    private bool _renewed;

    /// <summary>What the peers are told.</summary>
    public HoldLevel Announced { get; private set; } = HoldLevel.Alone;

    /// <summary>What our leases last by.</summary>
    public HoldLevel InForce { get; private set; } = HoldLevel.Alone;

    /// <summary>Time between heartbeats.</summary>
    public TimeSpan Interval { get; } = interval;

    /// <summary>How long peers wait at a level.</summary>
    public TimeSpan Hold(HoldLevel level) =>
        level switch
        {
            HoldLevel.Profile => hold,
            HoldLevel.Slow => 3 * hold,
            HoldLevel.Slowest => 10 * hold,
            _ => alone,
        };

    /// <summary>
    /// How long the kernel's lease lasts from each heartbeat at a level: the hold time less three fifths of an interval, so that it has ended when a peer
    /// claims. Where the last heartbeat was lost on every path, the peer is up to two fifths of an interval early. Not for <see cref="HoldLevel.Alone"/>, where CARP's advertisements renew.
    /// </summary>
    public TimeSpan KernelLease(HoldLevel level) => Hold(level) - (Interval * 0.6);

    /// <summary>How long we believe in it.</summary>
    public TimeSpan Lease(HoldLevel level) => KernelLease(level) - _tick;

    /// <summary>How late a heartbeat may leave before the lease lapses.</summary>
    public TimeSpan Slack => InForce == HoldLevel.Alone ? TimeSpan.MaxValue : Lease(InForce) - Interval;

    /// <summary>A heartbeat left and renewed our leases, or we hold none.</summary>
    public void Renewed() => _renewed = true;

    /// <summary>
    /// How long nobody must have been heard before peers are asked to wait as long as CARP does. Who misses its peers for a moment, and dies in it, is not to be waited for so long.
    /// </summary>
    public TimeSpan AloneDelay => 10 * Interval;

    /// <summary>The level that is wanted: the timers' own where peers live, and CARP's where none was heard for a while.</summary>
    public HoldLevel Wanted(bool anyAlive, HoldLevel timers, Instant now)
    {
        if (anyAlive)
        {
            _unheardSince = Instant.Never;
            return timers;
        }
        if (_unheardSince == Instant.Never)
            _unheardSince = now;
        // Meanwhile nothing longer comes into force: nobody is heard who could say that he knows of it.
        return InForce == HoldLevel.Alone || now >= _unheardSince + AloneDelay ? HoldLevel.Alone : InForce;
    }

    /// <summary>Moves towards a level as far as the promise allows.</summary>
    public void Turn(HeartbeatSession session, HoldLevel wanted, Instant now)
    {
        if (wanted > Announced)
        {
            var before = Announced;
            Announced = wanted;
            // Who hears us learns it with the next heartbeats; who does not has taken over by then, or never will.
            _aloneFrom = wanted == HoldLevel.Alone ? now + Hold(before) + (2 * Interval) : Instant.Never;
        }
        else if (wanted < InForce)
        {
            InForce = wanted;
            _renewed = false;
        }
        else if (wanted < Announced && InForce == wanted && _renewed)
        {
            Announced = wanted;
        }
        if (InForce < Announced && InForce < wanted && PeersKnow(session, now))
            InForce = wanted < Announced ? wanted : Announced;
        session.Hold = Hold(Announced);
        session.Interval = Interval;
    }

    private bool PeersKnow(HeartbeatSession session, Instant now)
    {
        if (Announced == HoldLevel.Alone)
            return now >= _aloneFrom;
        var units = HeartbeatSession.Units(Hold(Announced));
        foreach (var peer in session.Peers)
        {
            if (peer.IsAlive && peer.HeardHold < units)
                return false;
        }
        return true;
    }
}
