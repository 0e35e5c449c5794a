namespace Redoubt.Core.Pfsync;

/// <summary>Which of the last <see cref="Size"/> numbers were taken already; older ones count as taken.</summary>
public sealed class ReplayWindow
{
    /// <summary>Numbers remembered.</summary>
    public const int Size = 2048;

    private readonly ulong[] _taken = new ulong[Size / 64];
    private ulong _highest;

    /// <summary>The number was not taken and is not too old. 0 is no number.</summary>
    public bool IsNew(ulong number) =>
        number > _highest || (number != 0 && _highest - number < Size && (_taken[Word(number)] & (1UL << (int)(number % 64))) == 0);

    /// <summary>Takes a number, once its datagram has proven genuine.</summary>
    public void Take(ulong number)
    {
        if (number > _highest)
        {
            if (number - _highest >= Size)
                Array.Clear(_taken);
            else
            {
                for (var skipped = _highest + 1; skipped <= number; skipped++)
                    _taken[Word(skipped)] &= ~(1UL << (int)(skipped % 64));
            }
            _highest = number;
        }
        _taken[Word(number)] |= 1UL << (int)(number % 64);
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Array.Clear(_taken);
        _highest = 0;
    }

    private static int Word(ulong number) => (int)(number % Size / 64);
}
