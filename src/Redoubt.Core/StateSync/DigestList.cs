using Redoubt.Core.Pfsync;

namespace Redoubt.Core.StateSync;

/// <summary>Digests of single states that a peer named, at most <see cref="PfsyncLimits.DigestsKept"/>. Collected first, sorted then, looked up last.</summary>
internal sealed class DigestList
{
    private ulong[] _digests = [];
    private ulong[] _met = [];

    /// <summary>Digests held.</summary>
    public int Count { get; private set; }

    /// <summary>There were more than it holds.</summary>
    public bool HasOverflown { get; private set; }

    /// <summary>The digest at a place.</summary>
    public ulong this[int index] => _digests[index];

    public void Clear()
    {
        Count = 0;
        HasOverflown = false;
    }

    public void Add(ulong digest)
    {
        if (Count == PfsyncLimits.DigestsKept)
        {
            HasOverflown = true;
            return;
        }
        if (Count == _digests.Length)
            Array.Resize(ref _digests, Math.Max(1024, _digests.Length * 2));
        _digests[Count++] = digest;
    }

    /// <summary>Makes it ready to be looked up in.</summary>
    public void Sort()
    {
        _digests.AsSpan(0, Count).Sort();
        if (_met.Length * 64 < Count)
            _met = new ulong[(_digests.Length + 63) / 64];
        _met.AsSpan().Clear();
    }

    /// <summary>Whether the digest was named; notes that we have it too.</summary>
    public bool Meet(ulong digest)
    {
        var at = _digests.AsSpan(0, Count).BinarySearch(digest);
        if (at < 0)
            return false;
        _met[at / 64] |= 1UL << (at % 64);
        return true;
    }

    /// <summary>Whether another account of the same tuple was named.</summary>
    public bool HasTuple(ulong digest)
    {
        var first = TableDigest.FirstOfTuple(digest);
        var at = _digests.AsSpan(0, Count).BinarySearch(first);
        if (at < 0)
            at = ~at;
        return at < Count && TableDigest.IsSameTuple(_digests[at], digest);
    }

    /// <summary>Keeps those alone that were not met.</summary>
    public void KeepUnmet()
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if ((_met[i / 64] & (1UL << (i % 64))) == 0)
                _digests[kept++] = _digests[i];
        }
        Count = kept;
    }
}
