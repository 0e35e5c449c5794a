using System.Numerics;

namespace Redoubt.Core.StateSync;

/// <summary>
/// How long peers took to acknowledge, over the last one to two minutes. Buckets of a quarter of an octave, from a microsecond to a minute: a quantile is at most 25 %
/// above the truth. Allocates nothing after its making.
/// </summary>
internal sealed class LagHistogram
{
    private const int PerOctave = 4;
    private const int Octaves = 26;
    private static readonly TimeSpan _period = TimeSpan.FromMinutes(1);
    private uint[] _present = new uint[Octaves * PerOctave];
    private uint[] _past = new uint[Octaves * PerOctave];
    private Instant _since;

    /// <summary>Counts one acknowledgement.</summary>
    public void Add(Instant now, TimeSpan lag)
    {
        Turn(now);
        var bucket = BucketOf(lag);
        if (_present[bucket] < uint.MaxValue)
            _present[bucket]++;
    }

    /// <summary>The time within which that part of all were acknowledged; null where there was none.</summary>
    /// <param name="now">The time.</param>
    /// <param name="part">0 to 1.</param>
    public TimeSpan? Quantile(Instant now, double part)
    {
        Turn(now);
        ulong total = 0;
        for (var i = 0; i < _present.Length; i++)
            total += (ulong)_present[i] + _past[i];
        if (total == 0)
            return null;
        var wanted = (ulong)Math.Ceiling(total * part);
        ulong seen = 0;
        for (var i = 0; i < _present.Length; i++)
        {
            seen += (ulong)_present[i] + _past[i];
            if (seen >= wanted)
                return Upper(i);
        }
        return Upper(_present.Length - 1);
    }

    private void Turn(Instant now)
    {
        var age = now - _since;
        if (age < _period)
            return;
        (_present, _past) = (_past, _present);
        _present.AsSpan().Clear();
        if (age >= 2 * _period)
            _past.AsSpan().Clear();
        _since = now;
    }

    private static int BucketOf(TimeSpan lag)
    {
        var micros = (ulong)Math.Clamp(lag.TotalMicroseconds, 1, (1UL << Octaves) - 1);
        var octave = BitOperations.Log2(micros);
        var quarter = octave >= 2 ? (int)(micros >> (octave - 2)) & 3 : (int)(micros << (2 - octave)) & 3;
        return (octave * PerOctave) + quarter;
    }

    // Where the next bucket begins.
    private static TimeSpan Upper(int bucket) =>
        TimeSpan.FromMicroseconds(Math.ScaleB(1 + ((bucket % PerOctave) + 1) / 4.0, bucket / PerOctave));
}
