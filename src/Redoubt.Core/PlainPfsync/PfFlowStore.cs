using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>Flows in flat memory, found by the kernel's tuple, by the inner tuple and by the names of their states. Grows up to its capacity.</summary>
internal sealed class PfFlowStore(int capacity)
{
    private const int ChunkBits = 10;
    private const int ChunkSize = 1 << ChunkBits;
    private readonly PfFlow[][] _chunks = new PfFlow[((Math.Max(1, capacity) - 1) >> ChunkBits) + 1][];
    private readonly Dictionary<ConntrackTuple, int> _byOriginal = [];
    private readonly Dictionary<ConntrackTuple, int> _byInner = [];
    private readonly Dictionary<PfReference, int> _byReference = [];
    private readonly Stack<int> _free = new();

    /// <summary>Flows in it.</summary>
    public int Count { get; private set; }

    /// <summary>Numbers that were ever used: walks go from 0 up to here.</summary>
    public int High { get; private set; }

    public ref PfFlow this[int number] => ref _chunks[number >> ChunkBits][number & (ChunkSize - 1)];

    public int FindOriginal(in ConntrackTuple tuple) => _byOriginal.GetValueOrDefault(tuple, -1);

    public int FindInner(in ConntrackTuple tuple) => _byInner.GetValueOrDefault(tuple, -1);

    /// <summary>The flow that has this state, and whether it is its outgoing half.</summary>
    public int Find(PfReference reference, out bool isOut)
    {
        var found = _byReference.GetValueOrDefault(reference, -1);
        isOut = (found & 1) != 0;
        return found < 0 ? -1 : found >> 1;
    }

    /// <summary>A new flow, -1 where the store is full.</summary>
    public int Add(in ConntrackTuple inner, Instant now)
    {
        if (Count == capacity)
            return -1;
        if (!_free.TryPop(out var number))
        {
            number = High++;
            _chunks[number >> ChunkBits] ??= new PfFlow[ChunkSize];
        }
        this[number] = new PfFlow
        {
            IsLive = true,
            Inner = inner,
            Since = now,
        };
        _byInner.TryAdd(inner, number);
        Count++;
        return number;
    }

    /// <summary>Gives the flow the entry's two tuples and makes it found by the first; whoever was found by it before is not any more.</summary>
    public void SetEntry(int number, in ConntrackEntry entry)
    {
        ref var flow = ref this[number];
        if (flow.Entry.Original != entry.Original)
        {
            Unindex(_byOriginal, flow.Entry.Original, number);
            _byOriginal[entry.Original] = number;
        }
        flow.Entry = entry;
    }

    /// <summary>Names one of the flow's states; a name that another flow bears goes over to this one.</summary>
    public void SetReference(int number, bool isOut, PfReference reference)
    {
        var place = (number << 1) | (isOut ? 1 : 0);
        ref var half = ref isOut ? ref this[number].Out : ref this[number].In;
        if (half.IsKnown)
            Unindex(_byReference, half.Reference, place);
        half.Reference = reference;
        if (half.IsKnown)
            _byReference[reference] = place;
    }

    public void Free(int number)
    {
        ref var flow = ref this[number];
        SetReference(number, isOut: false, default);
        SetReference(number, isOut: true, default);
        Unindex(_byOriginal, flow.Entry.Original, number);
        Unindex(_byInner, flow.Inner, number);
        flow = default;
        _free.Push(number);
        Count--;
    }

    private static void Unindex<TKey>(Dictionary<TKey, int> index, TKey key, int value)
        where TKey : notnull
    {
        if (index.TryGetValue(key, out var held) && held == value)
            index.Remove(key);
    }
}
