namespace Redoubt.Tests;

/// <summary>What this thread allocates.</summary>
internal static class Allocated
{
    // A collection that another thread causes charges this one with the rest of its allocation context.
    private const long Context = 8192;

    /// <summary>Bytes allocated by so many rounds, each of which would show as more than a context; what is less is not ours.</summary>
    public static long During(int rounds, Action<int> round)
    {
        Assert.True(rounds * 24L > Context, "too few rounds: 24 bytes in each, an object without fields, would not show");
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < rounds; i++)
            round(i);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        return bytes <= Context ? 0 : bytes;
    }
}
