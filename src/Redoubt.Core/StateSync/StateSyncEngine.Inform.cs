using System.Buffers.Binary;
using System.Numerics;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

// A node tells each peer the digests of the states that it speaks for: its own, and those of owners that are silent. They stand in the stream behind every change that
// they count, so where nothing was lost the peer finds exactly its own there, however fast states change. The peer asks for detail until both know which states differ.
public sealed partial class StateSyncEngine
{
    private const int DigestSlots = 4096;
    private const int MostQuickRounds = 16;

    /// <summary>After a difference the next comparison is sooner: it says whether the repair helped.</summary>
    private static readonly TimeSpan _quickRound = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _roundLimit = TimeSpan.FromSeconds(30);
    private uint _rounds;

    private void InformSlice(PeerSession peer)
    {
        var digests = peer.Digests;
        if (digests.Inform == InformPhase.Idle)
        {
            if (_now >= digests.NextInform && MayInform(peer))
                BeginInforming(peer, isOfAll: false);
        }
        else if (_now - digests.InformSince >= _roundLimit)
        {
            Counters.DigestTimeouts++;
            StopInforming(peer);
        }
        else if (digests.Inform == InformPhase.Telling)
            TellSlice(peer);
        else if (digests is { Inform: InformPhase.Listing, IsBatchDue: false })
            ListSlice(digests);
    }

    private bool MayInform(PeerSession peer) =>
        peer is { IsOpen: true, IsConfirmed: true, BulkIn: BulkPhase.Done, BulkOutActive: false, VerifyCursor: < 0 }
        && peer.Digests.IsUnderstood
        && _walk.IsTableKnown;

    private void BeginInforming(PeerSession peer, bool isOfAll)
    {
        peer.Digests.InformsOfAll = isOfAll;
        peer.Digests.IsBatchDue = false;
        peer.Digests.InformOwner = 0;
        peer.Digests.RoundsInARow = 0;
        NextOwner(peer);
    }

    private void StopInforming(PeerSession peer)
    {
        peer.Digests.Inform = InformPhase.Idle;
        peer.Digests.IsBatchDue = peer.Digests.InformsOfAll = false;
        peer.Digests.NextInform = _now + _options.DigestPeriod;
    }

    private void NextOwner(PeerSession peer)
    {
        var digests = peer.Digests;
        while (++digests.InformOwner <= PfsyncLimits.MaxNodeId)
        {
            // Of what the peer owns it tells itself.
            var isMeant = digests.InformsOfAll
                ? digests.InformOwner != peer.Node
                : SpeaksFor(_options.NodeId, peer.Node, digests.InformOwner);
            if (!isMeant)
                continue;
            digests.InformRound = ++_rounds;
            digests.InformSince = _now;
            digests.Inform = InformPhase.Table;
            return;
        }
        digests.InformSince = _now;
        if (digests.InformsOfAll)
            digests.Inform = InformPhase.End;
        else
            EndInforming(peer);
    }

    private void EndInforming(PeerSession peer)
    {
        var digests = peer.Digests;
        StopInforming(peer);
        digests.QuickRounds = TheyDiffer(peer) ? Math.Min(digests.QuickRounds + 1, MostQuickRounds) : 0;
        if (digests.QuickRounds is > 0 and < MostQuickRounds)
            digests.NextInform = _now + _quickRound;
    }

    // Who changes a state tells everybody itself, and only its digest is exact. Nobody else speaks for it while it is heard.
    private bool SpeaksFor(byte speaker, byte listener, byte owner) =>
        owner == speaker
        || (owner != listener && owner != _options.NodeId && _digest.Knows(owner) && !(PeerOf(owner) is { } peer && IsAlive(peer)));

    private bool TheyDiffer(PeerSession peer) => Differs(peer.Digests.TheyDiffer, _options.NodeId, peer.Node);

    private bool WeDiffer(PeerSession peer) => Differs(peer.Digests.WeDiffer, peer.Node, _options.NodeId);

    private bool Differs(int owners, byte speaker, byte listener)
    {
        for (byte owner = 1; owner <= PfsyncLimits.MaxNodeId; owner++)
        {
            if ((owners & (1 << owner)) != 0 && SpeaksFor(speaker, listener, owner))
                return true;
        }
        return false;
    }

    private void TakeWant(PeerSession peer, in PfsyncDigest head, ulong mask)
    {
        var digests = peer.Digests;
        if (head.Round != digests.InformRound)
            return;
        if (!head.IsOfNode && digests.Inform == InformPhase.AwaitNodes)
        {
            digests.TheyCompared = _now;
            if (mask == 0)
            {
                digests.TheyDiffer &= ~(1 << digests.InformOwner);
                NextOwner(peer);
                return;
            }
            digests.TheyDiffer |= 1 << digests.InformOwner;
            digests.NodesDue = mask;
            digests.RangesAsked.AsSpan().Clear();
            digests.Inform = InformPhase.Nodes;
        }
        else if (head.IsOfNode && digests.Inform == InformPhase.AwaitRanges)
        {
            digests.RangesAsked[head.Node] = mask;
            if (!head.IsLast)
                return;
            digests.InformCursor = 0;
            digests.BatchCount = 0;
            digests.IsBatchLast = false;
            digests.Inform = InformPhase.Listing;
            if (!digests.RangesAsked.AsSpan().ContainsAnyExcept(0UL))
                NextOwner(peer);
        }
    }

    private void ListSlice(DigestSession digests)
    {
        var end = Math.Min(_store.High, digests.InformCursor + DigestSlots);
        for (; digests.InformCursor < end && digests.BatchCount < digests.Batch.Length; digests.InformCursor++)
        {
            ref var slot = ref _store[digests.InformCursor];
            if (IsIn(digests.RangesAsked, digests.InformOwner, slot))
                digests.Batch[digests.BatchCount++] = slot.Digest;
        }
        digests.IsBatchLast = digests.InformCursor >= _store.High;
        digests.IsBatchDue = digests.IsBatchLast || digests.BatchCount == digests.Batch.Length;
    }

    private static bool IsIn(ulong[] ranges, byte owner, in StateSlot slot) =>
        slot.CountedFor == owner && (ranges[TableDigest.NodeOf(slot.Digest)] & TableDigest.BitOf(slot.Digest)) != 0;

    private void TakeMissing(PeerSession peer, in PfsyncDigest head, ReadOnlySpan<byte> message)
    {
        var digests = peer.Digests;
        if (head.Round != digests.InformRound || digests.Inform != InformPhase.AwaitMissing)
            return;
        for (var i = 0; i < PfsyncDigest.CountOf(message); i++)
            digests.TheyLack.Add(PfsyncDigest.ValueAt(message, i));
        if (!head.IsLast)
            return;
        digests.TheyHaveMore = head.HasMore;
        digests.TheyLack.Sort();
        digests.InformCursor = 0;
        digests.InformSince = _now;
        digests.Inform = InformPhase.Telling;
    }

    private void TellSlice(PeerSession peer)
    {
        var digests = peer.Digests;
        var end = digests.TheyLack.Count == 0 ? 0 : Math.Min(_store.High, digests.InformCursor + DigestSlots);
        for (; digests.InformCursor < end; digests.InformCursor++)
        {
            ref var slot = ref _store[digests.InformCursor];
            if (slot.CountedFor == digests.InformOwner && digests.TheyLack.Meet(slot.Digest))
                Reconcile(peer, digests.InformCursor, digests.InformsOfAll);
        }
        if (end != 0 && end != _store.High)
            return;
        // A peer that comes back is whole only when all of it was looked into; any other waits for the next comparison.
        if (digests is { InformsOfAll: true, TheyHaveMore: true } && ++digests.RoundsInARow < PfsyncLimits.DigestRoundsInARow)
            digests.InformOwner--;
        else
            digests.RoundsInARow = 0;
        NextOwner(peer);
    }

    private void WriteInforming(PeerSession peer, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var digests = peer.Digests;
        if (digests.Inform == InformPhase.Table && TryWriteSums(digests, ref writer, buffer, node: -1))
            digests.Inform = InformPhase.AwaitNodes;
        while (digests.Inform == InformPhase.Nodes)
        {
            var node = BitOperations.TrailingZeroCount(digests.NodesDue);
            if (!TryWriteSums(digests, ref writer, buffer, node))
                return;
            digests.NodesDue &= digests.NodesDue - 1;
            if (digests.NodesDue == 0)
                digests.Inform = InformPhase.AwaitRanges;
        }
        if (digests.IsBatchDue)
            WriteBatch(digests, ref writer, buffer);
        if (digests.Inform != InformPhase.End)
            return;
        var message = writer.Append(buffer, PfsyncAction.CompareEnd, 4);
        if (message.IsEmpty)
            return;
        BinaryPrimitives.WriteUInt32BigEndian(message, digests.InformRequest);
        EndInforming(peer);
    }

    private bool TryWriteSums(DigestSession digests, ref PfsyncWriter writer, Span<byte> buffer, int node)
    {
        var message = writer.Append(buffer, PfsyncAction.DigestSums, PfsyncDigest.SumsLength);
        if (message.IsEmpty)
            return false;
        var owner = digests.InformOwner;
        new PfsyncDigest
        {
            Round = digests.InformRound,
            Owner = owner,
            IsOfNode = node >= 0,
            Node = (byte)Math.Max(0, node),
            IsLast = (digests.NodesDue & (digests.NodesDue - 1)) == 0,
        }.Write(message);
        for (var i = 0; i < TableDigest.Fan; i++)
            PfsyncDigest.SetValue(message, i, node < 0 ? _digest.NodeSum(owner, i) : _digest.RangeSum(owner, node, i));
        if (node < 0)
            Counters.DigestsSent++;
        return true;
    }

    private static void WriteBatch(DigestSession digests, ref PfsyncWriter writer, Span<byte> buffer)
    {
        var message = writer.Append(buffer, PfsyncAction.DigestEntries, PfsyncDigest.HeadLength + (8 * digests.BatchCount));
        if (message.IsEmpty)
            return;
        new PfsyncDigest
        {
            Round = digests.InformRound,
            Owner = digests.InformOwner,
            IsLast = digests.IsBatchLast,
        }.Write(message);
        for (var i = 0; i < digests.BatchCount; i++)
            PfsyncDigest.SetValue(message, i, digests.Batch[i]);
        digests.BatchCount = 0;
        digests.IsBatchDue = false;
        if (!digests.IsBatchLast)
            return;
        digests.TheyLack.Clear();
        digests.Inform = InformPhase.AwaitMissing;
    }
}
