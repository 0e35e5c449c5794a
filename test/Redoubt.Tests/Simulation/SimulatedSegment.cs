using Redoubt.Core;

namespace Redoubt.Tests.Simulation;

/// <summary>A wire between all nodes: loses, delays, duplicates, and is cut per direction.</summary>
public sealed class SimulatedSegment(int nodes, Random random)
{
    private readonly bool[,] _cut = new bool[nodes, nodes];

    public double Loss { get; set; }

    public double Duplication { get; set; }

    public TimeSpan LongestDelay { get; set; } = TimeSpan.FromMilliseconds(2);

    public bool Hears(int from, int to) => !_cut[from, to];

    public void Cut(int from, int to) => _cut[from, to] = true;

    public void Heal()
    {
        Array.Clear(_cut);
        (Loss, Duplication, LongestDelay) = (0, 0, TimeSpan.FromMilliseconds(2));
    }

    /// <summary>When the copies of a packet arrive; none where it is lost.</summary>
    public IEnumerable<Instant> Arrivals(int from, int to, Instant now)
    {
        if (_cut[from, to] || random.NextDouble() < Loss)
            yield break;
        yield return now + Delay();
        if (random.NextDouble() < Duplication)
            yield return now + Delay();
    }

    private TimeSpan Delay() => TimeSpan.FromMicroseconds(50 + random.NextDouble() * (LongestDelay.TotalMicroseconds - 50));
}
