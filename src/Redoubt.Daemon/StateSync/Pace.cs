using Redoubt.Core;

namespace Redoubt.Daemon.StateSync;

/// <summary>How fast news comes, over windows of a few milliseconds.</summary>
internal sealed class Pace
{
    /// <summary>News a second above which turns wait a moment, so that each carries several: below it, latency counts for more.</summary>
    public const int Fast = 14_000;

    private static readonly TimeSpan _window = TimeSpan.FromMilliseconds(4);
    private Instant _since;
    private long _before;

    /// <summary>In the last window news came that fast.</summary>
    public bool IsFast { get; private set; }

    /// <summary>So much news came until now.</summary>
    public void Take(Instant now, long news)
    {
        var span = now - _since;
        if (span < _window)
            return;
        IsFast = (news - _before) * TimeSpan.TicksPerSecond >= Fast * span.Ticks;
        (_since, _before) = (now, news);
    }
}
