using Redoubt.Core;
using Redoubt.Core.Failover;

namespace Redoubt.Tests.Failover;

public class DemotionLedgerTests
{
    [Fact]
    public void ReasonsAddUpAndAreStruckOutOneByOne()
    {
        var ledger = new DemotionLedger();
        Assert.True(ledger.Set("link", 240, new Instant(5)));
        Assert.True(ledger.Set("operator", 100, new Instant(6)));
        Assert.Equal((340, 240), (ledger.Total, ledger.Clamped));
        Assert.True(ledger.Clear("link"));
        Assert.False(ledger.Clear("link"));
        Assert.Equal([new Demotion("operator", 100, new Instant(6))], ledger.Entries);
    }

    [Fact]
    public void AReasonSetAgainKeepsItsAge()
    {
        var ledger = new DemotionLedger();
        ledger.Set("check", 10, new Instant(1));
        Assert.False(ledger.Set("check", 10, new Instant(2)));
        Assert.True(ledger.Set("check", -20, new Instant(3)));
        Assert.Equal(new Demotion("check", -20, new Instant(1)), Assert.Single(ledger.Entries));
        Assert.Equal((-20, 0), (ledger.Total, ledger.Clamped));
    }

    [Fact]
    public void ALedgerIsBoundedInReasonsAndSum()
    {
        var ledger = new DemotionLedger();
        for (var i = 0; i < DemotionLedger.ReasonLimit; i++)
            Assert.True(ledger.Set($"r{i}", int.MaxValue, Instant.Zero));
        Assert.False(ledger.Set("one more", 1, Instant.Zero));
        Assert.Equal(int.MaxValue, ledger.Total);
    }
}
