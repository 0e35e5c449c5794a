using System.Numerics;

namespace Redoubt.Core.StateSync;

// Two links to a peer. Signs of life go over both, all else over one; each node says over which links it hears the other, so that a link that carries one direction only is
// left as one that carries none. Windows and numbers belong to the peer: what was under way on the link that failed is sent again on the other.
public sealed partial class StateSyncEngine
{
    /// <summary>Three signs of life and a little.</summary>
    private static readonly TimeSpan _linkLimit = TimeSpan.FromMilliseconds(350);

    /// <summary>How long the first link must have carried again before it is used again.</summary>
    private static readonly TimeSpan _linkHold = TimeSpan.FromSeconds(5);
    private int _linkHeard;

    // Only within a session, where nothing recorded passes for new.
    private void HearLink(PeerSession peer)
    {
        if ((uint)_linkHeard < (uint)_options.Links)
            peer.LinkHeard[_linkHeard] = _now;
    }

    private byte LinksHeard(PeerSession peer)
    {
        var links = 0;
        for (var link = 0; link < _options.Links; link++)
        {
            if (peer.LinkHeard[link] != Instant.Zero && _now - peer.LinkHeard[link] < _linkLimit)
                links |= 1 << link;
        }
        return (byte)links;
    }

    private void NoteLinks(PeerSession peer, byte links)
    {
        if ((peer.LinksTheyHear & 1) == 0 && (links & 1) != 0)
            peer.FirstLinkSince = _now;
        peer.LinksTheyHear = links;
    }

    private void ChooseLink(PeerSession peer)
    {
        if (_options.Links == 1 || !peer.IsOpen || !peer.IsConfirmed)
            return;
        var usable = peer.LinksTheyHear & ((1 << _options.Links) - 1);
        var mayReturn = peer.Link != 0 && (usable & 1) != 0 && _now - peer.FirstLinkSince >= _linkHold;
        if (usable == 0 || ((usable & (1 << peer.Link)) != 0 && !mayReturn))
            return;
        peer.Link = BitOperations.TrailingZeroCount(usable);
        Counters.LinkChanges++;
        Notice?.Invoke("sync-link", $"states go to node {peer.Node} over the {(peer.Link == 0 ? "first" : "second")} link");
        peer.RetransmitAfter = PeerSession.InitialRetransmit;
        peer.OldestSent = _now - peer.RetransmitAfter;
    }
}
