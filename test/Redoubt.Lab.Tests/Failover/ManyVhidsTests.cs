using Redoubt.Lab.Bench.Vhids;

namespace Redoubt.Lab.Tests.Failover;

/// <summary>More macvlans than one chain of nf_tables takes, and more work for a take-over than the shortest lease lasts.</summary>
public class ManyVhidsTests
{
    [Fact]
    public void All_of_300_vhids_move_when_their_master_crashes() => MoveAll(segments: 2, vhids: 150);

    [Fact(Explicit = true)]
    public void All_255_vhids_of_each_of_four_segments_move_when_their_master_crashes() => MoveAll(segments: 4, vhids: 255);

    private static void MoveAll(int segments, int vhids)
    {
        var sample = VhidBench.Run(segments, vhids, "fast", steady: TimeSpan.FromSeconds(2));
        TestContext.Current.TestOutputHelper?.WriteLine($"{sample}");
        Assert.Equal(segments * vhids, sample.Moved);
    }
}
