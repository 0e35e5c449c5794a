using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>All states at once: for a peer that begins, or on request.</summary>
public sealed partial class StateSyncEngine
{
    private const int BulkWindow = 128; // what a receive buffer of Debian's default size (net.core.rmem_max) holds
    private const int BulkSlotsPerFlush = 4096;
    private uint _bulkRequests;

    private void AskForBulk(StateSyncPeer peer, Instant now)
    {
        peer.BulkIn = BulkProgress.Asked;
        peer.BulkInRequest = ++_bulkRequests;
        peer.BulkInReceived = 0;
        peer.BulkInExpected = 0;
        peer.BulkInEndSequence = 0;
        peer.BulkInAskedAt = now;
        peer.OwesBulkRequest = true;
        // Thawed or cut off: who does not forward must catch up before it may.
        if (IsReady && !IsForwarding)
        {
            IsReady = false;
            ReadyReason = $"the states of node {peer.Node} are awaited";
            _unreadyAt = now;
        }
    }

    private bool TryTakeBulk(StateSyncPeer peer, ulong sequence, PfsyncAction action, ReadOnlySpan<byte> message, Instant now)
    {
        if (message.Length < (action == PfsyncAction.BulkRequest ? 4 : 8) || sequence == 0)
            return false;
        var request = BinaryPrimitives.ReadUInt32BigEndian(message);
        if (action == PfsyncAction.BulkRequest)
        {
            peer.BulkOutRequest = request;
            peer.BulkOutCursor = 0;
            peer.BulkOutSent = 0;
            peer.IsSendingBulk = true;
            peer.OwesBulkStart = true;
            return true;
        }
        if (request != peer.BulkInRequest)
            return true; // of an earlier request
        var count = BinaryPrimitives.ReadUInt32BigEndian(message[4..]);
        if (action == PfsyncAction.BulkStart)
        {
            if (peer.BulkIn == BulkProgress.Asked)
                peer.BulkIn = BulkProgress.Running;
            peer.BulkInExpected = count;
            return true;
        }
        peer.BulkInEndSequence = sequence;
        peer.BulkInExpected = count;
        return true;
    }

    // Everything before the end marker must have arrived, not only the marker.
    private void CheckBulkIn(StateSyncPeer peer, Instant now)
    {
        if (peer.BulkIn is not (BulkProgress.Asked or BulkProgress.Running))
            return;
        if (peer.BulkInEndSequence == 0 || peer.Received.Contiguous < peer.BulkInEndSequence)
            return;
        peer.BulkIn = BulkProgress.Done;
        var took = (now - peer.BulkInAskedAt).TotalMilliseconds;
        Tell("bulk-done", FormattableString.Invariant($"node {peer.Node} gave {peer.BulkInExpected} states in {took:0} ms"));
        AskAboutUnmentioned(peer);
    }

    // What we hold of that owner and it did not mention may have ended while nobody told us.
    private void AskAboutUnmentioned(StateSyncPeer peer)
    {
        for (var i = 0; i < _store.Length; i++)
        {
            ref var slot = ref _store[i];
            if (slot.Use != SlotUse.Live || slot.State.Owner != peer.Node || slot.HeardAt >= peer.BulkInAskedAt)
                continue;
            slot.AskedFrom |= peer.Bit;
            Queue(i, peer);
        }
    }

    private void SendBulk(StateSyncPeer peer, Instant now)
    {
        if (!peer.IsSendingBulk || peer.Unacknowledged >= BulkWindow)
            return;
        if (peer.OwesBulkStart)
        {
            peer.OwesBulkStart = false;
            Begin(peer);
            WriteNumbers(peer, PfsyncAction.BulkStart, peer.BulkOutRequest, (uint)_store.LiveCount);
            Send(peer, now);
        }
        var budget = BulkSlotsPerFlush;
        while (peer.Unacknowledged < BulkWindow && budget > 0 && peer.BulkOutCursor < _store.Length)
        {
            Begin(peer);
            while (peer.BulkOutCursor < _store.Length && budget-- > 0)
            {
                ref var slot = ref _store[peer.BulkOutCursor];
                if (slot.Use == SlotUse.Live && slot.AskedFrom == 0)
                {
                    if (!TryWrite(peer, LinuxState.ActionOf(slot.State), slot.State))
                        break;
                    peer.BulkOutSent++;
                    Counters.StatesSent++;
                }
                peer.BulkOutCursor++;
            }
            if (!_writer.IsEmpty)
                Send(peer, now);
        }
        if (peer.BulkOutCursor < _store.Length || !peer.HasRoom)
            return;
        peer.IsSendingBulk = false;
        Begin(peer);
        WriteNumbers(peer, PfsyncAction.BulkEnd, peer.BulkOutRequest, peer.BulkOutSent);
        Send(peer, now);
    }

    private void WriteNumbers(StateSyncPeer peer, PfsyncAction action, uint request, uint? count)
    {
        var room = _writer.Append(peer.NextBuffer, action, count is null ? 4 : 8);
        BinaryPrimitives.WriteUInt32BigEndian(room, request);
        if (count is { } number)
            BinaryPrimitives.WriteUInt32BigEndian(room[4..], number);
    }
}
