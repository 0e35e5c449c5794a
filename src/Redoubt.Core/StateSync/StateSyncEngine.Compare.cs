using System.Buffers.Binary;
using System.Numerics;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// What a peer's digests show: states that it has and we do not, the other way round, and different accounts of one flow. Nothing is believed for being told here: a state
// that is missing on one side is told by who has the word about it, and asked about by anybody else, so that a state that ended does not come back.
public sealed partial class StateSyncEngine
{
    private static readonly TimeSpan _rejoinPatience = TimeSpan.FromSeconds(5);
    private readonly TableDigest _digest;

    internal StateStore Store => _store;

    internal TableDigest Digest => _digest;

    private bool TakeDigest(PeerSession peer, PfsyncAction action, ReadOnlySpan<byte> message)
    {
        peer.Digests.RejoinProgress = _now;
        if (action is PfsyncAction.CompareRequest or PfsyncAction.CompareEnd)
        {
            if (message.Length < 4)
                return false;
            var request = BinaryPrimitives.ReadUInt32BigEndian(message);
            if (action == PfsyncAction.CompareRequest)
                TakeCompareRequest(peer, request);
            else
                TakeCompareEnd(peer, request);
            return true;
        }
        if (!PfsyncDigest.TryRead(message, action, out var head))
            return false;
        switch (action)
        {
            case PfsyncAction.DigestSums when head.IsOfNode:
                TakeNodeSums(peer, head, message);
                break;
            case PfsyncAction.DigestSums:
                TakeTableSums(peer, head, message);
                break;
            case PfsyncAction.DigestWant:
                TakeWant(peer, head, PfsyncDigest.ValueAt(message, 0));
                break;
            case PfsyncAction.DigestEntries:
                TakeEntries(peer.Digests, head, message);
                break;
            default:
                TakeMissing(peer, head, message);
                break;
        }
        return true;
    }

    private void TakeTableSums(PeerSession peer, in PfsyncDigest head, ReadOnlySpan<byte> message)
    {
        var digests = peer.Digests;
        Counters.DigestsReceived++;
        var mask = 0UL;
        for (var node = 0; node < TableDigest.Fan; node++)
        {
            if (PfsyncDigest.ValueAt(message, node) != _digest.NodeSum(head.Owner, node))
                mask |= 1UL << node;
        }
        digests.CompareHead = head;
        digests.NodesWanted = digests.NodesAwaited = mask;
        digests.RangesDiffer.AsSpan().Clear();
        digests.WeCompared = _now;
        digests.WeDiffer = mask == 0 ? digests.WeDiffer & ~(1 << head.Owner) : digests.WeDiffer | (1 << head.Owner);
        digests.Compare = ComparePhase.WantNodes;
        if (mask != 0)
            Counters.DigestsDifferent++;
    }

    private void TakeNodeSums(PeerSession peer, in PfsyncDigest head, ReadOnlySpan<byte> message)
    {
        var digests = peer.Digests;
        var bit = 1UL << head.Node;
        if (head.Round != digests.CompareHead.Round || digests.Compare != ComparePhase.AwaitNodes || (digests.NodesAwaited & bit) == 0)
            return;
        var mask = 0UL;
        for (var range = 0; range < TableDigest.Fan; range++)
        {
            if (PfsyncDigest.ValueAt(message, range) != _digest.RangeSum(digests.CompareHead.Owner, head.Node, range))
                mask |= 1UL << range;
        }
        digests.RangesDiffer[head.Node] = mask;
        digests.NodesAwaited &= ~bit;
        if (digests.NodesAwaited == 0)
            WantRanges(peer);
    }

    private void WantRanges(PeerSession peer)
    {
        var digests = peer.Digests;
        var count = 0;
        foreach (var mask in digests.RangesDiffer)
            count += BitOperations.PopCount(mask);
        if (digests.IsRejoining && count > PfsyncLimits.DigestRangesForBulk)
        {
            RequestBulk(peer);
            digests.RangesDiffer.AsSpan().Clear();
        }
        // Another place to begin with each time: what cannot be repaired must not keep the rest from it.
        var left = digests.RangesLimit;
        digests.HasMore = count > left;
        for (var i = 0; i < TableDigest.Fan; i++)
        {
            ref var mask = ref digests.RangesDiffer[(i + (17 * digests.CompareHead.Round)) % TableDigest.Fan];
            while (BitOperations.PopCount(mask) > left)
                mask &= mask - 1;
            left -= BitOperations.PopCount(mask);
        }
        digests.WantCursor = 0;
        digests.Listed.Clear();
        digests.Compare = ComparePhase.WantRanges;
    }

    private static void TakeEntries(DigestSession digests, in PfsyncDigest head, ReadOnlySpan<byte> message)
    {
        if (head.Round != digests.CompareHead.Round || digests.Compare != ComparePhase.AwaitEntries)
            return;
        for (var i = 0; i < PfsyncDigest.CountOf(message); i++)
            digests.Listed.Add(PfsyncDigest.ValueAt(message, i));
        if (!head.IsLast)
            return;
        digests.CompareCursor = digests.MissingCursor = 0;
        if (digests.Listed.HasOverflown)
        {
            digests.RangesLimit = Math.Max(1, digests.RangesLimit / 2);
            digests.HasMore = true;
            digests.Listed.Clear();
            digests.Compare = ComparePhase.Missing;
            return;
        }
        digests.RangesLimit = Math.Min(PfsyncLimits.DigestRanges, digests.RangesLimit * 2);
        digests.Listed.Sort();
        digests.Compare = ComparePhase.Walking;
    }

    private void CompareSlice(PeerSession peer)
    {
        var digests = peer.Digests;
        if (digests.IsRejoining && !peer.IsConfirmed)
            digests.RejoinProgress = _now;
        else if (digests.IsRejoining && _now - digests.RejoinProgress >= _rejoinPatience)
            RequestBulk(peer);
        if (digests.Compare != ComparePhase.Walking)
            return;
        var end = Math.Min(_store.High, digests.CompareCursor + DigestSlots);
        for (; digests.CompareCursor < end; digests.CompareCursor++)
        {
            ref var slot = ref _store[digests.CompareCursor];
            if (!IsIn(digests.RangesDiffer, digests.CompareHead.Owner, slot) || digests.Listed.Meet(slot.Digest))
                continue;
            // Where both have the flow, both say what they know, and the greater account stands.
            if (digests.Listed.HasTuple(slot.Digest))
                Repair(peer, peer, digests.CompareCursor, asks: false);
            else
                Reconcile(peer, digests.CompareCursor, digests.IsRejoining);
        }
        if (digests.CompareCursor < _store.High)
            return;
        digests.Listed.KeepUnmet();
        digests.Repaired += digests.Listed.Count;
        Counters.DigestRepairs += digests.Listed.Count;
        digests.Compare = ComparePhase.Missing;
    }

    /// <summary>We have a state and the peer has not. A node that comes back tells what it owns: flows may have begun there that nobody else knows.</summary>
    private void Reconcile(PeerSession peer, int number, bool isRejoining)
    {
        var owner = _store[number].State.Owner;
        if (HasTheWord(owner) || (owner == _options.NodeId && isRejoining))
            Repair(peer, peer, number, asks: false);
        else if (PeerOf(owner) is { } known && (known == peer || IsAlive(known)))
            Repair(peer, known, number, asks: true);
        else
        {
            var isAsked = false;
            foreach (var other in _peers)
            {
                if (!IsAlive(other) || !other.IsForwarding)
                    continue;
                Repair(peer, other, number, asks: true);
                isAsked = true;
            }
            if (!isAsked)
                Repair(peer, peer, number, asks: false);
        }
    }

    private void Repair(PeerSession found, PeerSession peer, int number, bool asks)
    {
        // What waits for it already says it all.
        if ((_store[number].Queued & peer.Bit) != 0)
            return;
        found.Digests.Repaired++;
        Counters.DigestRepairs++;
        Queue(peer, number, asks);
    }

    private void WriteDigests(PeerSession peer, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var digests = peer.Digests;
        if (digests.IsRejoinDue)
        {
            var message = writer.Append(buffer, PfsyncAction.CompareRequest, 4);
            if (message.IsEmpty)
                return;
            BinaryPrimitives.WriteUInt32BigEndian(message, peer.BulkRequest);
            digests.IsRejoinDue = false;
        }
        // Behind all that is known: only so do they count what the peer has heard of.
        if (peer.QueueCount > 0 || peer.BulkOutActive || peer.InFlight >= PeerSession.Window / 2)
            return;
        if (_walk.IsTableKnown)
            WriteInforming(peer, ref writer, buffer);
        WriteComparing(digests, ref writer, buffer);
    }

    private static void WriteComparing(DigestSession digests, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var head = digests.CompareHead with { IsOfNode = false, Node = 0, IsLast = false };
        if (digests.Compare == ComparePhase.WantNodes && TryWriteWant(head, digests.NodesWanted, ref writer, buffer))
            digests.Compare = digests.NodesWanted == 0 ? ComparePhase.Idle : ComparePhase.AwaitNodes;
        while (digests.Compare == ComparePhase.WantRanges)
        {
            var node = digests.WantCursor + digests.RangesDiffer.AsSpan(digests.WantCursor).IndexOfAnyExcept(0UL);
            var next = node < digests.WantCursor ? -1 : digests.RangesDiffer.AsSpan(node + 1).IndexOfAnyExcept(0UL);
            node = Math.Max(node, digests.WantCursor);
            var want = head with { IsOfNode = true, Node = (byte)node, IsLast = next < 0 };
            if (!TryWriteWant(want, digests.RangesDiffer[node], ref writer, buffer))
                return;
            digests.WantCursor = node + 1;
            if (!want.IsLast)
                continue;
            digests.Compare = digests.RangesDiffer[node] == 0 ? ComparePhase.Idle : ComparePhase.AwaitEntries;
        }
        while (digests.Compare == ComparePhase.Missing)
        {
            var count = Math.Min(digests.Listed.Count - digests.MissingCursor, PfsyncLimits.DigestsListed);
            var message = writer.Append(buffer, PfsyncAction.DigestMissing, PfsyncDigest.HeadLength + (8 * count));
            if (message.IsEmpty)
                return;
            var isLast = digests.MissingCursor + count == digests.Listed.Count;
            (head with { IsLast = isLast, HasMore = digests.HasMore }).Write(message);
            for (var i = 0; i < count; i++)
                PfsyncDigest.SetValue(message, i, digests.Listed[digests.MissingCursor + i]);
            digests.MissingCursor += count;
            if (isLast)
                digests.Compare = ComparePhase.Idle;
        }
    }

    private static bool TryWriteWant(in PfsyncDigest head, ulong mask, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var message = writer.Append(buffer, PfsyncAction.DigestWant, PfsyncDigest.WantLength);
        if (message.IsEmpty)
            return false;
        head.Write(message);
        PfsyncDigest.SetValue(message, 0, mask);
        return true;
    }
}
