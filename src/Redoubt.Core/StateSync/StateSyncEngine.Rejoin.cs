using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// A peer that was silent and comes back in the same life has what it had: tables are compared and what differs is told, not everything. Where most differs, where the peer
// does not compare, or where it takes too long, its bulk is asked for as from anybody new.
public sealed partial class StateSyncEngine
{
    /// <summary>Asks for the peer's states: only for what differs, where this node has had all of this life of it.</summary>
    private void RequestTable(PeerSession peer)
    {
        if (peer.HeldEpoch == 0 || peer.HeldEpoch != peer.TheirEpoch || !peer.Digests.IsUnderstood)
        {
            RequestBulk(peer);
            return;
        }
        RequestBulk(peer);
        peer.BulkRequestDue = false;
        peer.Digests.IsRejoining = peer.Digests.IsRejoinDue = true;
        peer.Digests.RejoinProgress = _now;
        peer.Digests.RejoinRepairs = peer.Digests.Repaired;
    }

    private void TakeCompareRequest(PeerSession peer, uint request)
    {
        // Expected flows are part of no digest.
        foreach (var expected in _expected)
        {
            var number = _store.Find(expected.Flow.Master);
            if (number >= 0 && _store[number].Phase == SlotPhase.Live)
                Queue(peer, number);
        }
        peer.Digests.InformRequest = request;
        BeginInforming(peer, isOfAll: true);
    }

    private void TakeCompareEnd(PeerSession peer, uint request)
    {
        var digests = peer.Digests;
        if (!digests.IsRejoining || request != peer.BulkRequest)
            return;
        digests.IsRejoining = false;
        peer.BulkIn = BulkPhase.Done;
        Counters.Rejoins++;
        Notice?.Invoke(
            "rejoined",
            $"node {peer.Node} is back with the states it had; {digests.Repaired - digests.RejoinRepairs} of {Count} differed"
        );
    }
}
