namespace Redoubt.Core.StateSync;

/// <summary>
/// All states in flat memory: slots in chunks that never move, found by original tuple through open addressing. No object per state;
/// grows in steps up to its capacity.
/// </summary>
internal sealed class StateStore
{
    private const int ChunkBits = 12;
    private const int ChunkSize = 1 << ChunkBits;

    private readonly ulong _seed;
    private readonly StateSlot[][] _chunks;
    private int[] _index = new int[1024];
    private int[] _free = new int[ChunkSize];
    private int _freeCount;

    /// <summary>A store for <paramref name="capacity"/> states; <paramref name="seed"/> makes tuple hashes unpredictable.</summary>
    public StateStore(int capacity, ulong seed)
    {
        Capacity = Math.Max(1, capacity);
        _seed = seed;
        _chunks = new StateSlot[((Capacity - 1) >> ChunkBits) + 1][];
    }

    /// <summary>Most slots in use at once.</summary>
    public int Capacity { get; }

    /// <summary>Slots in use.</summary>
    public int Count { get; private set; }

    /// <summary>Slots that were ever used: walks go from 0 up to here.</summary>
    public int High { get; private set; }

    /// <summary>The slot of this number.</summary>
    public ref StateSlot this[int slot] => ref _chunks[slot >> ChunkBits][slot & (ChunkSize - 1)];

    /// <summary>The slot that holds this original tuple, -1 when none does.</summary>
    public int Find(in ConntrackTuple original)
    {
        var hash = Hash(original);
        var mask = _index.Length - 1;
        for (var at = hash & mask; _index[at] != 0; at = (at + 1) & mask)
        {
            ref var slot = ref this[_index[at] - 1];
            if (slot.Hash == hash && slot.State.Entry.Original == original)
                return _index[at] - 1;
        }
        return -1;
    }

    /// <summary>A slot for a tuple that has none, holding nothing but its place; -1 when the store is full.</summary>
    public int Add(in ConntrackTuple original)
    {
        if (Count == Capacity)
            return -1;
        if ((Count + 1) * 2 > _index.Length)
            GrowIndex();
        int number;
        if (_freeCount > 0)
            number = _free[--_freeCount];
        else
        {
            number = High++;
            _chunks[number >> ChunkBits] ??= new StateSlot[ChunkSize];
        }
        ref var slot = ref this[number];
        slot = new StateSlot { Hash = Hash(original), Phase = SlotPhase.Live };
        slot.State.Entry = new ConntrackEntry { Original = original };
        Count++;
        Insert(number, slot.Hash);
        return number;
    }

    /// <summary>Gives a slot back.</summary>
    public void Free(int number)
    {
        ref var slot = ref this[number];
        Remove(number, slot.Hash);
        slot = default;
        if (_freeCount == _free.Length)
            Array.Resize(ref _free, _free.Length * 2);
        _free[_freeCount++] = number;
        Count--;
    }

    private void Insert(int number, int hash)
    {
        var mask = _index.Length - 1;
        var at = hash & mask;
        while (_index[at] != 0)
            at = (at + 1) & mask;
        _index[at] = number + 1;
    }

    // Open addressing without marks of removed places: followers of the run move up.
    private void Remove(int number, int hash)
    {
        var mask = _index.Length - 1;
        var hole = hash & mask;
        while (_index[hole] != number + 1)
            hole = (hole + 1) & mask;
        for (var at = (hole + 1) & mask; _index[at] != 0; at = (at + 1) & mask)
        {
            var home = this[_index[at] - 1].Hash & mask;
            if (((at - home) & mask) < ((at - hole) & mask))
                continue;
            _index[hole] = _index[at];
            hole = at;
        }
        _index[hole] = 0;
    }

    private void GrowIndex()
    {
        var old = _index;
        _index = new int[old.Length * 2];
        foreach (var entry in old)
        {
            if (entry != 0)
                Insert(entry - 1, this[entry - 1].Hash);
        }
    }

    private int Hash(in ConntrackTuple tuple)
    {
        var hash = _seed;
        hash = Mix(hash ^ tuple.Source.High, tuple.Source.Low);
        hash = Mix(hash ^ tuple.Destination.High, tuple.Destination.Low);
        var rest =
            ((ulong)tuple.SourcePort << 48)
            | ((ulong)tuple.DestinationPort << 32)
            | ((ulong)tuple.Zone << 16)
            | ((ulong)tuple.Protocol << 8)
            | tuple.Family;
        return (int)(Mix(hash, rest) & 0x7fffffff);
    }

    /// <summary>Mixes two words into one; either may be a key.</summary>
    internal static ulong Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a ^ 0x9e3779b97f4a7c15, b ^ 0xd6e8feb86659fd93, out var low);
        return high ^ low ^ (b * 0xff51afd7ed558ccd);
    }
}
