namespace Redoubt.Tests.Failover.Simulation;

public class ClusterStormTests
{
    private const int UsualStorms = 1000; // of 24 virtual seconds

    [Fact]
    public void Whatever_happens_nobody_holds_an_address_twice_and_somebody_holds_it_soon()
    {
        long events = 0;
        long transitions = 0;
        var vacancy = TimeSpan.Zero;
        Seeds.ForEach(
            UsualStorms,
            seed =>
            {
                var storm = ClusterStorm.Of(seed);
                storm.Run();
                events += storm.Events;
                transitions += storm.Transitions;
                if (storm.LongestVacancy > vacancy)
                    vacancy = storm.LongestVacancy;
            }
        );
        Console.WriteLine($"cluster storms: {events} events, {transitions} transitions, longest vacancy {vacancy.TotalMilliseconds:F0} ms");
        Assert.True(transitions > 0);
    }

    [Fact]
    public void A_storm_runs_the_same_way_every_time()
    {
        var (a, b) = (ClusterStorm.Of(42), ClusterStorm.Of(42));
        a.Run();
        b.Run();
        Assert.Equal((a.Events, a.Transitions), (b.Events, b.Transitions));
    }
}
