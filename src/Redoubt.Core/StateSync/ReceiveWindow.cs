namespace Redoubt.Core.StateSync;

/// <summary>Which datagrams of a stream have arrived: all up to <see cref="Contiguous"/>, and some of the next <see cref="Size"/>.</summary>
internal sealed class ReceiveWindow
{
    /// <summary>Datagrams beyond the first missing one that are remembered; what a sender may have under way.</summary>
    public const int Size = 1024;

    private readonly ulong[] _bits = new ulong[Size / 64];

    /// <summary>Everything up to this number has arrived.</summary>
    public ulong Contiguous { get; private set; }

    /// <summary>The highest number that arrived.</summary>
    public ulong Highest { get; private set; }

    /// <summary>Something is missing in between.</summary>
    public bool HasGap => Highest > Contiguous;

    public void Reset()
    {
        (Contiguous, Highest) = (0, 0);
        Array.Clear(_bits);
    }

    /// <summary>Notes an arrival; false when it has been here before or lies beyond the window.</summary>
    public bool TryAdd(ulong sequence)
    {
        if (sequence <= Contiguous || sequence > Contiguous + Size || Get(sequence))
            return false;
        Set(sequence, true);
        if (sequence > Highest)
            Highest = sequence;
        while (Get(Contiguous + 1))
            Set(++Contiguous, false);
        return true;
    }

    /// <summary>The first missing run of numbers; only where there is a gap.</summary>
    public (ulong First, ulong Last) FirstGap()
    {
        var last = Contiguous + 1;
        while (last + 1 < Highest && !Get(last + 1))
            last++;
        return (Contiguous + 1, last);
    }

    private bool Get(ulong sequence) => sequence <= Contiguous + Size && (_bits[sequence % Size / 64] >> (int)(sequence % 64) & 1) != 0;

    private void Set(ulong sequence, bool value)
    {
        ref var word = ref _bits[sequence % Size / 64];
        var bit = 1UL << (int)(sequence % 64);
        word = value ? word | bit : word & ~bit;
    }
}
