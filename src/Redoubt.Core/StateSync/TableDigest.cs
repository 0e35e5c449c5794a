using System.Buffers.Binary;
using Redoubt.Core.Cluster;
using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>
/// Digests of the live states, per owner and range of tuples, kept up to date with every change: one subtraction and one addition, no walk. A range's
/// digest is the sum of its states' digests modulo 2^64, so order makes no difference. All nodes of a cluster compute the same.
/// </summary>
/// <remarks><code>
/// digest of a state: 63..52  51..32               31..0
///                    range   rest of tuple's hash  hash of what StateMerge compares: identity, term, revision, TCP state, status, mark
/// </code>Ranges are told of in two steps: 64 nodes of 64 ranges. The hash is keyed from the cluster's secret, so that who makes flows can neither crowd a range nor
/// make two tables look alike; without a secret the key is known to everybody.</remarks>
internal sealed class TableDigest
{
    /// <summary>Nodes of the table, and ranges of a node.</summary>
    public const int Fan = PfsyncLimits.DigestFan;

    private const int RangeShift = 52;
    private const int NodeShift = 58;
    private const ulong PlaceMask = 0xffffffff_00000000;
    private const uint StatusMask = 0xfff;
    private readonly ulong _placeKey;
    private readonly ulong _contentKey;
    private readonly ulong[]?[] _sums = new ulong[PfsyncLimits.MaxNodeId + 1][];

    /// <summary>Digests of an empty table.</summary>
    public TableDigest(ClusterSecret? secret)
    {
        (_placeKey, _contentKey) = (0x243f6a8885a308d3, 0x13198a2e03707344);
        if (secret is null)
            return;
        Span<byte> keys = stackalloc byte[16];
        secret.Derive("redoubt sync digest 1", [], keys);
        _placeKey = BinaryPrimitives.ReadUInt64BigEndian(keys);
        _contentKey = BinaryPrimitives.ReadUInt64BigEndian(keys[8..]);
    }

    /// <summary>Counts the slot as it is now, in place of what it was counted as before.</summary>
    public void Note(ref StateSlot slot)
    {
        if (slot.CountedFor != 0)
            _sums[slot.CountedFor]![RangeOf(slot.Digest)] -= slot.Digest;
        slot.CountedFor = 0;
        if (slot.Phase != SlotPhase.Live || slot.State.Owner is 0 or > PfsyncLimits.MaxNodeId)
            return;
        // The tuple stays for as long as the slot is in use, and with it the upper half.
        var place = slot.Digest == 0 ? Place(slot.State.Entry.Original) : slot.Digest & PlaceMask;
        slot.Digest = place | Content(slot.State);
        slot.CountedFor = slot.State.Owner;
        (_sums[slot.CountedFor] ??= new ulong[Fan * Fan])[RangeOf(slot.Digest)] += slot.Digest;
    }

    /// <summary>States of this owner were counted here.</summary>
    public bool Knows(byte owner) => _sums[owner] is not null;

    /// <summary>The digest of a node's 64 ranges.</summary>
    public ulong NodeSum(byte owner, int node)
    {
        var sum = 0UL;
        if (_sums[owner] is { } sums)
        {
            foreach (var range in sums.AsSpan(node * Fan, Fan))
                sum += range;
        }
        return sum;
    }

    /// <summary>The digest of one range.</summary>
    public ulong RangeSum(byte owner, int node, int range) => _sums[owner]?[(node * Fan) + range] ?? 0;

    /// <summary>The node that a state's range belongs to.</summary>
    public static int NodeOf(ulong digest) => (int)(digest >> NodeShift);

    /// <summary>The bit of a state's range within its node.</summary>
    public static ulong BitOf(ulong digest) => 1UL << (int)((digest >> RangeShift) & (Fan - 1));

    /// <summary>Two digests speak of the same tuple.</summary>
    public static bool IsSameTuple(ulong a, ulong b) => ((a ^ b) & PlaceMask) == 0;

    /// <summary>The least digest that this one's tuple can have.</summary>
    public static ulong FirstOfTuple(ulong digest) => digest & PlaceMask;

    private static int RangeOf(ulong digest) => (int)(digest >> RangeShift);

    private ulong Place(in ConntrackTuple tuple)
    {
        var hash = StateStore.Mix(_placeKey ^ tuple.Source.High, tuple.Source.Low);
        hash = StateStore.Mix(hash ^ tuple.Destination.High, tuple.Destination.Low);
        var ports = ((ulong)tuple.SourcePort << 48) | ((ulong)tuple.DestinationPort << 32);
        return StateStore.Mix(hash, ports | ((ulong)tuple.Zone << 16) | ((ulong)tuple.Protocol << 8) | tuple.Family) & PlaceMask;
    }

    private uint Content(in ReplicatedState state)
    {
        var hash = StateStore.Mix(_contentKey ^ state.Identity.Incarnation, ((ulong)state.Identity.Creator << 32) | state.Term);
        var rest = ((ulong)state.Entry.Mark << 32) | ((ulong)state.Revision << 16) | ((state.Entry.TcpState & 15UL) << 12);
        return (uint)StateStore.Mix(hash, rest | (state.Entry.Status & StatusMask));
    }
}
