namespace Redoubt.Core.StateSync;

/// <summary>How a slot of the store is used.</summary>
internal enum SlotUse : byte
{
    /// <summary>Not at all.</summary>
    Free,

    /// <summary>A state that lives.</summary>
    Live,

    /// <summary>A life that ended; kept for a while so that what is still under way does not revive it.</summary>
    Ended,
}

/// <summary>One state as this node knows it.</summary>
internal struct StateSlot
{
    public ReplicatedState State;

    /// <summary>When the kernel's timeout was last set here, or the state last told to the peers.</summary>
    public Instant SetAt;

    /// <summary>When a peer last told of it.</summary>
    public Instant HeardAt;

    /// <summary>When an ended slot may go; no meaning for others.</summary>
    public Instant EndsAt;

    /// <summary>The timeout that was set at <see cref="SetAt"/>, in this kernel or by the rule in the peers', seconds.</summary>
    public uint SetSeconds;

    /// <summary>The walk that last saw it in the kernel.</summary>
    public uint SeenInScan;

    /// <summary>Next free slot.</summary>
    public int NextFree;

    public SlotUse Use;

    /// <summary>One bit for each peer in whose queue it stands.</summary>
    public byte QueuedFor;

    /// <summary>One bit for each peer that is asked about it instead of told.</summary>
    public byte AskedFrom;

    /// <summary>This node's kernel has it, as far as is known.</summary>
    public bool IsInKernel;

    /// <summary>Nobody is told of its end: it was dropped here, not destroyed.</summary>
    public bool IsSilent;
}

/// <summary>
/// All states, by original tuple: flat arrays, no object for each. An ended slot stays until its time is over and no queue holds it.
/// </summary>
internal sealed class StateStore(int limit)
{
    private readonly Dictionary<ConntrackTuple, int> _index = [];
    private readonly Queue<int> _ended = new();
    private StateSlot[] _slots = new StateSlot[1024];
    private int _used;
    private int _free = -1;

    /// <summary>States that live.</summary>
    public int LiveCount { get; private set; }

    /// <summary>Slots that were ever used: the end of a walk by index.</summary>
    public int Length => _used;

    public ref StateSlot this[int index] => ref _slots[index];

    /// <summary>The slot of a tuple, living or ended; -1 where there is none.</summary>
    public int Find(in ConntrackTuple original) => _index.TryGetValue(original, out var index) ? index : -1;

    /// <summary>A slot for a tuple that has none; -1 when the store is full.</summary>
    public int Add(in ConntrackTuple original)
    {
        if (_index.Count >= limit)
            return -1;
        int index;
        if (_free >= 0)
        {
            index = _free;
            _free = _slots[index].NextFree;
        }
        else
        {
            if (_used == _slots.Length)
                Array.Resize(ref _slots, _slots.Length * 2);
            index = _used++;
        }
        _slots[index] = new StateSlot { Use = SlotUse.Live };
        _index.Add(original, index);
        LiveCount++;
        return index;
    }

    /// <summary>Ends a life.</summary>
    public void End(int index, Instant until, bool silent)
    {
        ref var slot = ref _slots[index];
        if (slot.Use == SlotUse.Live)
            LiveCount--;
        slot.Use = SlotUse.Ended;
        slot.IsInKernel = false;
        slot.IsSilent = silent;
        slot.EndsAt = until;
        _ended.Enqueue(index);
    }

    /// <summary>A later life begins in the slot of an ended one.</summary>
    public void Revive(int index)
    {
        ref var slot = ref _slots[index];
        if (slot.Use == SlotUse.Ended)
            LiveCount++;
        slot.Use = SlotUse.Live;
        slot.IsSilent = false;
        slot.AskedFrom = 0;
    }

    /// <summary>Frees ended slots whose time is over; looks at so many at most.</summary>
    public void Reap(Instant now, int count)
    {
        while (count-- > 0 && _ended.TryPeek(out var index))
        {
            ref var slot = ref _slots[index];
            if (slot.Use == SlotUse.Ended && (slot.EndsAt > now || slot.QueuedFor != 0))
            {
                if (slot.EndsAt > now)
                    return;
                // A peer that takes nothing holds it: look again later, behind the others.
                slot.EndsAt = now + TimeSpan.FromSeconds(1);
                _ended.Enqueue(_ended.Dequeue());
                continue;
            }
            _ended.Dequeue();
            if (slot.Use == SlotUse.Ended)
                Remove(index);
        }
    }

    private void Remove(int index)
    {
        _index.Remove(_slots[index].State.Entry.Original);
        _slots[index] = new StateSlot { NextFree = _free };
        _free = index;
    }
}
