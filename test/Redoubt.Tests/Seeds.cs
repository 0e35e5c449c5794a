using System.Globalization;

namespace Redoubt.Tests;

/// <summary>
/// Where random tests get their seeds. REDOUBT_SEED reruns one seed alone; REDOUBT_STORMS sets how many storms run.
/// Every failure names its seed.
/// </summary>
public static class Seeds
{
    public static int Count(int usual) =>
        int.TryParse(Environment.GetEnvironmentVariable("REDOUBT_STORMS"), CultureInfo.InvariantCulture, out var count) ? count : usual;

    public static int? Only =>
        int.TryParse(Environment.GetEnvironmentVariable("REDOUBT_SEED"), CultureInfo.InvariantCulture, out var seed) ? seed : null;

    public static void ForEach(int usual, Action<int> body)
    {
        var (first, count) = Only is { } only ? (only, 1) : (1, Count(usual));
        for (var seed = first; seed < first + count; seed++)
            Run(seed, body);
    }

    private static void Run(int seed, Action<int> body)
    {
        try
        {
            body(seed);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"REDOUBT_SEED={seed} reruns this failure: {failure.Message}", failure);
        }
    }
}
