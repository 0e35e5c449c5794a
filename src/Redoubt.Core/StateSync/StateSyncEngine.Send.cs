using System.Buffers.Binary;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// What goes out. A slot waits at most once per peer and is sent with its newest content. Datagrams are kept until they are acknowledged, at
// most a window of them; what does not fit waits in the queue, where it goes on being replaced by newer content.
public sealed partial class StateSyncEngine
{
    private static readonly TimeSpan _longestRetransmit = TimeSpan.FromMilliseconds(320);
    private const int ResendAtOnce = 32;

    private void QueueToAll(int number)
    {
        foreach (var peer in _peers)
            Queue(peer, number);
    }

    private void Queue(PeerSession peer, int number, bool asks = false)
    {
        // Who has not taken up our stream yet asks for everything when it does.
        if (!peer.IsOpen || !peer.IsConfirmed)
            return;
        ref var slot = ref _store[number];
        if (asks)
            slot.Asking |= peer.Bit;
        else
            slot.Asking &= (byte)~peer.Bit;
        if ((slot.Queued & peer.Bit) != 0)
            return;
        slot.Queued |= peer.Bit;
        if (peer.QueueCount == 0)
            peer.QueuedSince = _now;
        peer.Enqueue(number);
    }

    private void Flush(PeerSession peer)
    {
        if (!peer.IsConfirmed || !peer.IsOpen)
            return;
        while (peer.HasRoom && (peer.QueueCount > 0 || peer.BulkRequestDue || peer.BulkOutActive || peer.Digests.IsDue))
        {
            var buffer = peer.Out(peer.NextSequence);
            var writer = new PfsyncWriter();
            writer.Begin();
            WriteBulkRequest(peer, ref writer, buffer);
            WriteQueued(peer, ref writer, buffer);
            // Half of the window stays free for live news.
            if (peer.QueueCount == 0 && peer.InFlight < PeerSession.Window / 2)
                WriteBulk(peer, ref writer, buffer);
            WriteDigests(peer, ref writer, buffer);
            if (writer.IsEmpty)
                return;
            if (peer.InFlight == 0)
                peer.OldestSent = peer.AckedAt = _now;
            peer.SentAt(peer.NextSequence) = _now;
            peer.OutLength(peer.NextSequence) = Send(peer, buffer, writer.Length, peer.NextSequence, peer.Link);
            peer.NextSequence++;
        }
    }

    private void WriteBulkRequest(PeerSession peer, ref PfsyncWriter writer, Span<byte> buffer)
    {
        if (!peer.BulkRequestDue)
            return;
        var message = writer.Append(buffer, PfsyncAction.BulkRequest, 4);
        BinaryPrimitives.WriteUInt32BigEndian(message, peer.BulkRequest);
        peer.BulkRequestDue = false;
    }

    private void WriteQueued(PeerSession peer, ref PfsyncWriter writer, Span<byte> buffer)
    {
        while (peer.QueueCount > 0)
        {
            var number = peer.Peek();
            ref var slot = ref _store[number];
            if (slot.State.Identity != default && !WriteSlot(peer, ref slot, ref writer, buffer))
                return;
            slot.Queued &= (byte)~peer.Bit;
            slot.Asking &= (byte)~peer.Bit;
            peer.Dequeue();
        }
    }

    private bool WriteSlot(PeerSession peer, ref StateSlot slot, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var isIPv4 = slot.State.Entry.Original.Family == 2;
        var action =
            slot.Phase == SlotPhase.Ended ? (isIPv4 ? PfsyncAction.Delete4 : PfsyncAction.Delete6)
            : (slot.Asking & peer.Bit) != 0 ? (isIPv4 ? PfsyncAction.Ask4 : PfsyncAction.Ask6)
            : LinuxState.ActionOf(slot.State);
        var message = writer.Append(buffer, action, LinuxState.LengthOf(action, slot.State));
        if (message.IsEmpty)
            return false;
        LinuxState.Write(message, action, slot.State);
        if (_expected.Count > 0 && !slot.State.Entry.Helper.IsEmpty && !WriteExpected(ref slot, ref writer, buffer))
            return false;
        if (slot.Phase == SlotPhase.Ended)
            Counters.DeletesSent++;
        else if ((slot.Asking & peer.Bit) != 0)
            Counters.AsksSent++;
        else
        {
            Counters.StatesSent++;
            if (slot.State.Owner == _options.NodeId)
                slot.ToldUntil = _now + InstalledSpan(slot.State.Entry);
        }
        return true;
    }

    private void Retransmit(PeerSession peer)
    {
        if (peer.InFlight == 0 || _now < peer.OldestSent + peer.RetransmitAfter)
            return;
        var last = Math.Min(peer.NextSequence - 1, peer.Acked + 8);
        SendAgain(peer, peer.Acked + 1, last);
        peer.OldestSent = _now;
        peer.RetransmitAfter = peer.RetransmitAfter * 2 < _longestRetransmit ? peer.RetransmitAfter * 2 : _longestRetransmit;
    }

    private void Resend(PeerSession peer, ReadOnlySpan<byte> message)
    {
        var first = Math.Max(BinaryPrimitives.ReadUInt64BigEndian(message), peer.Acked + 1);
        var last = Math.Min(BinaryPrimitives.ReadUInt64BigEndian(message[8..]), peer.NextSequence - 1);
        if (first <= last)
            SendAgain(peer, first, Math.Min(last, first + ResendAtOnce - 1));
    }

    private void SendAgain(PeerSession peer, ulong first, ulong last)
    {
        for (var sequence = first; sequence <= last; sequence++)
        {
            Counters.DatagramsResent++;
            peer.Resent++;
            Carry(peer, peer.Out(sequence)[..peer.OutLength(sequence)], peer.Link, isOutsideSession: false);
        }
    }

    private int Send(PeerSession peer, Span<byte> buffer, int length, ulong sequence, int link, bool isOutsideSession = false)
    {
        var header = new PfsyncHeader
        {
            Node = _options.NodeId,
            Epoch = _options.Epoch,
            Sequence = sequence,
            Stream = peer.Stream,
            Echo = peer.EchoChallenge,
        };
        header.Write(buffer, length);
        Counters.DatagramsSent++;
        Carry(peer, buffer[..length], link, isOutsideSession);
        return length;
    }

    // Kept is the plain text: what is sent again is sealed anew, under the key and the number of its time.
    private void Carry(PeerSession peer, ReadOnlySpan<byte> plain, int link, bool isOutsideSession)
    {
        var datagram = plain;
        if (peer.Seal is { } seal)
        {
            var length = isOutsideSession || !seal.HasSession ? seal.SealHello(plain, _sealed) : seal.Seal(_now, plain, _sealed);
            datagram = _sealed.AsSpan(0, length);
        }
        if (!_sink.Send(peer.Number, link, datagram))
            Counters.SendFailures++;
    }
}
