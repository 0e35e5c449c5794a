using Redoubt.Core;
using Redoubt.Daemon.StateSync;

namespace Redoubt.Tests.StateSync;

public sealed class PaceTests
{
    private static bool After(Pace pace, ref Instant now, ref long news, int perSecond)
    {
        for (var i = 0; i < 10; i++)
        {
            now += TimeSpan.FromMilliseconds(1);
            news += perSecond / 1000;
            pace.Take(now, news);
        }
        return pace.IsFast;
    }

    [Fact]
    public void Much_news_is_fast_and_little_is_not()
    {
        var pace = new Pace();
        var now = new Instant(1_000_000_000);
        long news = 500_000;
        pace.Take(now, news);
        Assert.False(After(pace, ref now, ref news, 10_000));
        Assert.True(After(pace, ref now, ref news, 20_000));
        Assert.False(After(pace, ref now, ref news, 10_000));
    }

    [Fact]
    public void After_a_long_silence_one_burst_is_not_fast()
    {
        var pace = new Pace();
        var now = new Instant(1_000_000_000);
        pace.Take(now, 0);
        pace.Take(now + TimeSpan.FromSeconds(5), 1000);
        Assert.False(pace.IsFast);
    }
}
