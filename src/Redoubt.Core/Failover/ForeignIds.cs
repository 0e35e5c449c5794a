using Redoubt.Core.Vrrp;

namespace Redoubt.Core.Failover;

/// <summary>Somebody else's virtual router that was heard on an interface.</summary>
/// <param name="Id">Its vhid or VRID.</param>
/// <param name="IsVrrp">VRRP; false: CARP.</param>
/// <param name="IsIPv6">Family of its advertisements.</param>
/// <param name="Source">Who sends them.</param>
/// <param name="First">When it was first heard.</param>
/// <param name="Last">When it was heard last.</param>
/// <param name="Count">How many advertisements.</param>
public readonly record struct ForeignId(byte Id, bool IsVrrp, bool IsIPv6, IpAddressValue Source, Instant First, Instant Last, long Count);

/// <summary>
/// Who else uses virtual router ids on one interface: noted from advertisements that are nobody's here. Bounded; the entry that was silent for longest makes
/// room. Only packets with TTL 255 count: others come from another network. Owned by one thread; notes without allocating.
/// </summary>
public sealed class ForeignIds
{
    /// <summary>Entries that are kept.</summary>
    public const int Capacity = 64;

    private readonly ForeignId[] _entries = new ForeignId[Capacity];
    private int _count;

    /// <summary>The entries, in no order.</summary>
    public ReadOnlySpan<ForeignId> Entries => _entries.AsSpan(0, _count);

    /// <summary>Notes an advertisement that no virtual host of ours has the id of.</summary>
    /// <param name="payload">What stands behind the IP header.</param>
    /// <param name="ipv6">The family.</param>
    /// <param name="source">Who sent it.</param>
    /// <param name="ttl">TTL or hop limit that it arrived with.</param>
    /// <param name="now">The time.</param>
    public void Note(ReadOnlySpan<byte> payload, bool ipv6, IpAddressValue source, int ttl, Instant now)
    {
        if (payload.Length < 8 || ttl != 255 || payload[1] == 0)
            return;
        var (id, isVrrp) = (payload[1], Protocol112.Classify(payload, ipv6) != Protocol112Kind.Carp);
        var oldest = 0;
        for (var i = 0; i < _count; i++)
        {
            ref var entry = ref _entries[i];
            if (entry.Id == id && entry.IsVrrp == isVrrp && entry.IsIPv6 == ipv6 && entry.Source == source)
            {
                entry = entry with { Last = now, Count = entry.Count + 1 };
                return;
            }
            if (entry.Last < _entries[oldest].Last)
                oldest = i;
        }
        _entries[_count < Capacity ? _count++ : oldest] = new ForeignId(id, isVrrp, ipv6, source, now, now, 1);
    }
}
