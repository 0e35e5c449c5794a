using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

public sealed class LagHistogramTests
{
    private static readonly Instant _start = new(1_000_000_000_000);

    [Fact]
    public void A_quantile_is_never_below_the_truth_and_at_most_a_quarter_above() =>
        Seeds.ForEach(
            100,
            seed =>
            {
                var random = new Random(seed);
                var lags = new LagHistogram();
                var micros = Enumerable
                    .Range(0, 1 + random.Next(2000))
                    .Select(_ => Math.Round(Math.Exp(random.NextDouble() * 17)))
                    .Order()
                    .ToArray();
                foreach (var value in micros)
                    lags.Add(_start, TimeSpan.FromMicroseconds(value));
                foreach (var part in new[] { 0.01, 0.5, 0.9, 0.99, 1 })
                {
                    var truth = micros[(int)Math.Ceiling(part * micros.Length) - 1];
                    Assert.InRange(lags.Quantile(_start, part)!.Value.TotalMicroseconds, truth, (truth * 1.25) + 1);
                }
            }
        );

    [Fact]
    public void What_was_is_forgotten_after_two_minutes_and_nothing_has_no_quantile()
    {
        var lags = new LagHistogram();
        Assert.Null(lags.Quantile(_start, 0.5));
        lags.Add(_start, TimeSpan.FromSeconds(10));
        lags.Add(_start + TimeSpan.FromSeconds(70), TimeSpan.FromMilliseconds(1));
        Assert.True(lags.Quantile(_start + TimeSpan.FromSeconds(71), 1) >= TimeSpan.FromSeconds(10));
        Assert.True(lags.Quantile(_start + TimeSpan.FromSeconds(131), 1) < TimeSpan.FromSeconds(1));
        Assert.Null(lags.Quantile(_start + TimeSpan.FromSeconds(400), 0.5));
    }

    [Fact]
    public void Nonsense_has_a_place_too()
    {
        var lags = new LagHistogram();
        lags.Add(_start, TimeSpan.FromSeconds(-5));
        lags.Add(_start, TimeSpan.Zero);
        lags.Add(_start, TimeSpan.FromDays(400));
        Assert.NotNull(lags.Quantile(_start, 0.99));
    }
}
