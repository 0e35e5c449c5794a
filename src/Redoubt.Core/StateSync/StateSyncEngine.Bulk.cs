using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// Whole tables: who opened a session asks for everything the peer knows; what it knows at
// second hand is verified with the owner. What the bulk did not name, though the peer owned it, is asked for
// singly and never deleted blindly. And readiness, which waits for the bulks.
public sealed partial class StateSyncEngine
{
    private const int VerifyAtOnce = 2048;
    private uint _bulks;

    /// <summary>Every live peer's bulk is in, or a limit passed. Once true it stays.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Why this node is ready, or what it waits for.</summary>
    public string ReadyReason { get; private set; } = "waiting for peers";

    private void RequestBulk(PeerSession peer)
    {
        peer.BulkRequest = ++_bulks;
        peer.BulkRequestDue = true;
        peer.BulkIn = BulkPhase.Requested;
        peer.BulkExpected = peer.BulkReceived = 0;
        peer.VerifyCursor = -1;
        peer.Digests.IsRejoining = peer.Digests.IsRejoinDue = false;
    }

    private void StartBulk(PeerSession peer, uint request)
    {
        peer.BulkOutActive = true;
        peer.BulkOutStarted = false;
        peer.BulkOutRequest = request;
        peer.BulkOutCursor = 0;
        peer.BulkOutSent = 0;
        StopInforming(peer);
        peer.Digests.NextInform = _now;
    }

    private void WriteBulk(PeerSession peer, ref PfsyncWriter writer, Span<byte> buffer)
    {
        // Before our own table is known, to say "that was all" would be untrue.
        if (!peer.BulkOutActive || !_walk.IsTableKnown)
            return;
        if (!peer.BulkOutStarted)
        {
            if (!TryWritePair(ref writer, buffer, PfsyncAction.BulkStart, peer.BulkOutRequest, (uint)Count))
                return;
            peer.BulkOutStarted = true;
        }
        for (; peer.BulkOutCursor < _store.High; peer.BulkOutCursor++)
        {
            ref var slot = ref _store[peer.BulkOutCursor];
            if (slot.Phase != SlotPhase.Live)
                continue;
            if (!WriteSlot(peer, ref slot, ref writer, buffer))
                return;
            peer.BulkOutSent++;
        }
        if (!TryWritePair(ref writer, buffer, PfsyncAction.BulkEnd, peer.BulkOutRequest, peer.BulkOutSent))
            return;
        peer.BulkOutActive = false;
        Counters.BulksSent++;
    }

    private static bool TryWritePair(ref PfsyncWriter writer, Span<byte> buffer, PfsyncAction action, uint first, uint second)
    {
        var message = writer.Append(buffer, action, 8);
        if (message.IsEmpty)
            return false;
        BinaryPrimitives.WriteUInt32BigEndian(message, first);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], second);
        return true;
    }

    private void TakeBulkStart(PeerSession peer, ReadOnlySpan<byte> message)
    {
        if (peer.BulkIn != BulkPhase.Requested || BinaryPrimitives.ReadUInt32BigEndian(message) != peer.BulkRequest)
            return;
        peer.BulkIn = BulkPhase.Running;
        peer.BulkExpected = BinaryPrimitives.ReadUInt32BigEndian(message[4..]);
        peer.BulkReceived = 0;
    }

    private void TakeBulkEnd(PeerSession peer, ReadOnlySpan<byte> message)
    {
        if (peer.BulkIn != BulkPhase.Running || BinaryPrimitives.ReadUInt32BigEndian(message) != peer.BulkRequest)
            return;
        peer.BulkIn = BulkPhase.Done;
        peer.HeldEpoch = peer.TheirEpoch;
        peer.VerifyCursor = 0;
        Counters.BulksReceived++;
        Notice?.Invoke("bulk-done", $"node {peer.Node} sent its {BinaryPrimitives.ReadUInt32BigEndian(message[4..])} states");
    }

    private void VerifySlice(PeerSession peer)
    {
        if (peer.VerifyCursor < 0 || !peer.IsConfirmed)
            return;
        var end = Math.Min(_store.High, peer.VerifyCursor + VerifyAtOnce);
        for (; peer.VerifyCursor < end; peer.VerifyCursor++)
        {
            ref var slot = ref _store[peer.VerifyCursor];
            if (slot.Phase != SlotPhase.Live || slot.SeenInBulk == peer.BulkRequest)
                continue;
            // The peer's bulk names our own states as far as it knows them: what it does not, it is told.
            if (slot.State.Owner == peer.Node)
                Queue(peer, peer.VerifyCursor, asks: true);
            else if (slot.State.Owner == _options.NodeId)
                Queue(peer, peer.VerifyCursor);
            else if (PeerOf(slot.State.Owner) is { } owner)
                Queue(owner, peer.VerifyCursor, asks: true);
        }
        if (peer.VerifyCursor >= _store.High)
            peer.VerifyCursor = -1;
    }

    private void UpdateReadiness()
    {
        if (IsReady)
            return;
        var alive = 0;
        var missing = 0;
        foreach (var peer in _peers)
        {
            if (!IsAlive(peer))
                continue;
            alive++;
            if (peer.BulkIn != BulkPhase.Done)
                missing++;
        }
        if (Readiness.Of(alive, missing, _now - _start, _options.LoneWait, _options.BulkLimit) is not var (why, gaveUp))
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
        foreach (var peer in _peers)
            peer.HelloDue = true;
    }

    private PeerSession? PeerOf(byte node)
    {
        foreach (var peer in _peers)
        {
            if (peer.Node == node)
                return peer;
        }
        return null;
    }
}
