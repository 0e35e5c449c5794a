using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// A way that works in one direction only looks healthy from one end. Every hello says which of ours it heard last, by our own clock; and what is not acknowledged
// while hellos pass points to a way that loses large datagrams.
public sealed partial class StateSyncEngine
{
    /// <summary>How long one direction may be silent.</summary>
    public static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(5);

    private static void NoteHeard(PeerSession peer, in PfsyncHello hello, Instant now)
    {
        if (hello.EchoSentAt <= peer.HeardUs.Nanoseconds || hello.EchoSentAt > now.Nanoseconds)
            return;
        peer.HeardUs = new Instant(hello.EchoSentAt);
        peer.UnheardSince = peer.HeardUs >= peer.LastHello ? Instant.Never : peer.HeardUs;
    }

    // What was not sent cannot be heard: a process that did not run must not accuse its peer.
    private void NoteHello(PeerSession peer)
    {
        peer.LastHello = _now;
        if (peer.UnheardSince == Instant.Never)
            peer.UnheardSince = _now;
    }

    // A peer that never heard us cannot prove itself: it knows no challenge of ours, and goes on saying hello.
    private void NoteUnproven(PeerSession peer)
    {
        if (_now - peer.LastUnproven >= _aliveLimit)
            peer.UnprovenSince = _now;
        peer.LastUnproven = _now;
    }

    private PeerSilence SilenceOf(PeerSession peer)
    {
        if (IsAlive(peer))
        {
            var since = peer.UnheardSince > peer.AliveSince ? peer.UnheardSince : peer.AliveSince;
            if (peer.WasAlive && _now - since >= SilenceLimit)
                return PeerSilence.DoesNotHear;
            return peer.InFlight > 0 && _now - peer.AckedAt >= SilenceLimit ? PeerSilence.DoesNotAcknowledge : PeerSilence.None;
        }
        var isSayingHello = _now - peer.LastUnproven < _aliveLimit && _now - peer.UnprovenSince >= SilenceLimit;
        return isSayingHello ? PeerSilence.DoesNotHear : PeerSilence.None;
    }
}
