using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

// Whole tables: UPD_REQ of nothing asks for everything, BUS says where it begins and ends. And readiness, which waits for that.
public sealed partial class PlainPfsyncEngine
{
    private const int MaxRequests = 12;
    private const int BulkPacketsPerTick = 10;
    private const byte BulkBegins = 1;
    private const byte BulkEnds = 2;
    private static readonly TimeSpan _requestInterval = TimeSpan.FromSeconds(5);

    // Before a node that hears nobody calls itself ready: a first request is easily lost on a link that has only just come up.
    private const int QuickRequests = 3;
    private static readonly TimeSpan _quickInterval = TimeSpan.FromSeconds(1);

    /// <inheritdoc />
    public bool IsReady { get; private set; }

    /// <inheritdoc />
    public string ReadyReason { get; private set; } = "waiting for peers";

    private void RequestBulk(PfPeerLink peer)
    {
        if (peer.BulkIn is not (BulkPhase.Requested or BulkPhase.Running) || _now < peer.NextRequest || peer.Requests > MaxRequests)
            return;
        // Also where a table began to come and nothing more does: its end was lost.
        if (peer.Requests++ == 0)
            peer.BulkAsked = _now;
        peer.NextRequest = _now + (peer.Requests <= QuickRequests ? _quickInterval : _requestInterval);
        if (peer.Requests <= MaxRequests)
            default(PfReference).Write(Room(peer, peer.Format.UpdateRequest));
    }

    /// <summary>Something came from the peer. Who was silent for long may have been apart from us: its table is asked for anew.</summary>
    private void Hear(PfPeerLink peer)
    {
        if (!peer.WasHeard || _now - peer.Heard >= _aliveLimit)
        {
            Notice?.Invoke("peer-up", $"pfsync is heard from peer {peer.Number + 1}");
            if (peer.Requests > MaxRequests || peer.BulkIn == BulkPhase.Done)
                Restart(peer);
            // Nobody was there to answer; now somebody is.
            else if (peer.BulkIn == BulkPhase.Requested && peer.Requests > 0)
                peer.NextRequest = Instant.Earlier(peer.NextRequest, _now + _quickInterval);
        }
        peer.WasHeard = true;
        peer.Heard = _now;
        if (peer.BulkIn == BulkPhase.Running)
            peer.NextRequest = _now + _requestInterval;
    }

    private void Restart(PfPeerLink peer)
    {
        peer.BulkIn = BulkPhase.Requested;
        peer.Requests = 0;
        peer.NextRequest = _now;
    }

    private void TakeBulk(PfPeerLink peer, in PfBulk bulk)
    {
        if (peer.BulkIn is not (BulkPhase.Requested or BulkPhase.Running) || peer.Requests == 0)
            return;
        if (bulk.Status == BulkBegins)
            peer.BulkIn = BulkPhase.Running;
        // An end that belongs to an earlier request began before ours. OpenBSD says nothing but the end where it has no state.
        else if (bulk.Status == BulkEnds && _now - TimeSpan.FromSeconds(bulk.EndTime) >= peer.BulkAsked)
        {
            peer.BulkIn = BulkPhase.Done;
            Counters.BulksReceived++;
            Notice?.Invoke("bulk-done", $"host {bulk.Creator:x8} sent its states");
        }
    }

    private void StartBulk(PfPeerLink peer)
    {
        peer.BulkOutActive = true;
        peer.BulkOutCursor = 0;
        peer.BulkOutAsked = _now;
        WriteBus(peer, BulkBegins);
    }

    private void WriteBulk(PfPeerLink peer)
    {
        // Before our own table is known, to say "that was all" would be untrue.
        if (!peer.BulkOutActive || !_walk.IsTableKnown)
            return;
        for (var last = Counters.DatagramsSent + BulkPacketsPerTick; peer.BulkOutCursor < _store.High; peer.BulkOutCursor++)
        {
            if (Counters.DatagramsSent >= last)
                return;
            ref var flow = ref _store[peer.BulkOutCursor];
            // What waits to be told is told anyway.
            if (!flow.IsLive || flow.Pending is PfPending.Insert or PfPending.Update)
                continue;
            Write(peer, ref flow, flow.In, isOut: false, PfPending.Update);
            Write(peer, ref flow, flow.Out, isOut: true, PfPending.Update);
        }
        WriteBus(peer, BulkEnds);
        peer.BulkOutActive = false;
        Counters.BulksSent++;
    }

    private void WriteBus(PfPeerLink peer, byte status)
    {
        var span = status == BulkEnds ? (uint)(_now - peer.BulkOutAsked).TotalSeconds : 0;
        // OpenBSD tells no time.
        var end = peer.Format.Flavour == PfFlavour.OpenBsd ? 0 : span;
        new PfBulk(_options.HostId, end, status).Write(Room(peer, peer.Format.Bulk));
    }

    private void UpdateReadiness()
    {
        if (IsReady)
            return;
        var heard = 0;
        var missing = 0;
        foreach (var peer in _peers)
        {
            if (!peer.WasHeard)
                continue;
            heard++;
            if (peer.BulkIn != BulkPhase.Done)
                missing++;
        }
        if (Readiness.Of(heard, missing, _now - _start, _options.LoneWait, _options.BulkLimit) is not var (why, gaveUp))
            return;
        if (gaveUp)
            Notice?.Invoke("bulk-timeout", "the peers' states did not all arrive within the limit; going on without them");
        BecomeReady(why);
    }

    private void BecomeReady(string why)
    {
        IsReady = true;
        ReadyReason = why;
        // What passes here already and no peer knew is ours from now on.
        if (IsForwarding)
            _walk.Start(_now, isUrgent: true);
    }
}
