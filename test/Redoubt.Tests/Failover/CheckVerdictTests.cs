using Redoubt.Core;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public class CheckVerdictTests
{
    private readonly CheckVerdict _verdict = new(rise: 2, fall: 3);

    private bool Result(double second, string? error = null) => _verdict.OnResult(error, new Instant((long)(second * 1e9)));

    [Theory]
    [InlineData(null, true)]
    [InlineData("no answer", false)]
    public void The_first_result_decides(string? error, bool passes)
    {
        Assert.Null(_verdict.Passes);
        Assert.True(Result(1, error));
        Assert.Equal((passes, new Instant(1_000_000_000), error ?? ""), (_verdict.Passes, _verdict.Since, _verdict.Error));
    }

    [Fact]
    public void So_many_failures_in_a_row_begin_a_failure_and_so_many_successes_end_it()
    {
        Result(1);
        Assert.False(Result(2, "a") || Result(3, "b"));
        Assert.True(_verdict.Passes);
        Assert.True(Result(4, "c"));
        Assert.Equal((false, "c"), (_verdict.Passes, _verdict.Error));

        Assert.False(Result(5));
        Assert.False(_verdict.Passes);
        Assert.True(Result(6));
        Assert.Equal((true, new Instant(6_000_000_000), ""), (_verdict.Passes, _verdict.Since, _verdict.Error));
    }

    [Fact]
    public void Failures_with_a_success_between_begin_nothing()
    {
        Result(0);
        for (var i = 1; i < 50; i++)
            Assert.False(Result(i, i % 3 == 0 ? null : "now and then"));
        Assert.True(_verdict.Passes);
    }
}
