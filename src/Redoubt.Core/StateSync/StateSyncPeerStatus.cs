namespace Redoubt.Core.StateSync;

/// <summary>How it stands with one peer.</summary>
/// <param name="NodeId">Its node number, 0 while it was never heard.</param>
/// <param name="IsAlive">Heard within a second.</param>
/// <param name="IsInSync">Alive, both bulks done, no gap, nothing waiting beyond what is on its way.</param>
/// <param name="Lag">Half of the last round trip, plus the age of what is not acknowledged.</param>
/// <param name="Bulk">"done", "running 37%", "waiting" or "failed".</param>
public readonly record struct StateSyncPeerStatus(byte NodeId, bool IsAlive, bool IsInSync, TimeSpan Lag, string Bulk);

/// <content>Status.</content>
public sealed partial class StateSyncEngine
{
    /// <summary>How it stands with a peer.</summary>
    public StateSyncPeerStatus Peer(int number)
    {
        var peer = _peers[number];
        var isAlive = IsAlive(peer);
        var isInSync =
            isAlive
            && peer.IsConfirmed
            && peer.BulkIn == BulkPhase.Done
            && !peer.BulkOutActive
            && peer.VerifyCursor < 0
            && peer.QueueCount == 0
            && peer.FirstEarly() == 0
            && (peer.InFlight == 0 || _now - peer.OldestSent < TimeSpan.FromMilliseconds(250));
        var lag = peer.RoundTrip / 2;
        if (peer.InFlight > 0)
            lag += _now - peer.OldestSent;
        var bulk = peer.BulkIn switch
        {
            BulkPhase.Done => "done",
            BulkPhase.Running when peer.BulkExpected > 0 => $"running {Math.Min(99, 100L * peer.BulkReceived / peer.BulkExpected)}%",
            BulkPhase.Running => "running 0%",
            BulkPhase.Requested when _now - _start >= _options.BulkLimit => "failed",
            _ => "waiting",
        };
        return new StateSyncPeerStatus(peer.Node, isAlive, isInSync, lag, bulk);
    }
}
