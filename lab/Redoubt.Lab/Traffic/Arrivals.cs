namespace Redoubt.Lab.Traffic;

/// <summary>When data arrived, how much, and how long it did not. Safe for use by several threads.</summary>
public sealed class Arrivals
{
    /// <summary>Shorter gaps are not listed.</summary>
    public static readonly TimeSpan Threshold = TimeSpan.FromMilliseconds(10);

    private const int GapLimit = 100_000;
    private const int MarkLimit = 1000;
    private readonly Lock _lock = new();
    private readonly long _started = Pacing.Now;
    private readonly List<ProbeGap> _gaps = [];
    private readonly List<ProbeMark> _marks = [];
    private long _last = Pacing.Now;
    private long _longest;
    private long _bytes;

    /// <summary>Bytes so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>What was wrong with what arrived; null where nothing was.</summary>
    public string? Error { get; private set; }

    internal void Add(int bytes)
    {
        var now = Pacing.Now;
        lock (_lock)
        {
            var gap = now - _last;
            _longest = Math.Max(_longest, gap);
            if (gap > Threshold.Ticks * 100 && _gaps.Count < GapLimit)
                _gaps.Add(new ProbeGap(Since(_last), new TimeSpan(gap / 100), 0));
            _last = now;
            Interlocked.Add(ref _bytes, bytes);
        }
    }

    internal void Fail(string error) => Error = error;

    internal void Mark(string name)
    {
        lock (_lock)
        {
            if (_marks.Count == MarkLimit)
                throw new InvalidOperationException($"more than {MarkLimit} marks");
            _marks.Add(new ProbeMark(name, Since(Pacing.Now)));
        }
    }

    // The silence at the end counts too while not everything has arrived.
    internal TransferResult Result(Flow flow, string? error)
    {
        var length = flow.FinalLength is >= 0 and var final ? final : flow.Request.Length;
        lock (_lock)
        {
            var silence = Bytes < length ? Pacing.Now - _last : 0;
            IReadOnlyList<ProbeGap> gaps =
                silence > Threshold.Ticks * 100 ? [.. _gaps, new ProbeGap(Since(_last), new TimeSpan(silence / 100), 0)] : [.. _gaps];
            var longest = new TimeSpan(Math.Max(_longest, silence) / 100);
            return new TransferResult(flow.Request.Direction, Bytes, length, Error ?? error, longest, gaps, [.. _marks]);
        }
    }

    private TimeSpan Since(long moment) => new((moment - _started) / 100);
}
