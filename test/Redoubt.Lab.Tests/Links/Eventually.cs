using Redoubt.Core;
using Redoubt.Linux;
using Redoubt.Linux.Links;

namespace Redoubt.Lab.Tests.Links;

/// <summary>Waiting for what the kernel does, with an end.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(10);

    /// <summary>Looks again until the condition holds; fails the test after the deadline.</summary>
    public static void Until(Func<bool> condition, string what, TimeSpan? within = null)
    {
        var end = BootClock.Now + (within ?? Usual);
        using var poller = new Poller();
        while (!condition())
        {
            Assert.True(BootClock.Now < end, $"not within {within ?? Usual}: {what}");
            poller.Wait(BootClock.Now + TimeSpan.FromMilliseconds(10));
        }
    }

    /// <summary>The first news that fits; what does not is skipped.</summary>
    public static LinkNews News(LinkMonitor monitor, Func<LinkNews, bool> fits, string what)
    {
        var end = BootClock.Now + Usual;
        using var poller = new Poller();
        poller.Add(monitor.Handle);
        while (true)
        {
            while (monitor.TryRead(out var news))
            {
                if (fits(news))
                    return news;
            }
            Assert.True(BootClock.Now < end, $"no news of {what}");
            poller.Wait(end);
        }
    }
}
