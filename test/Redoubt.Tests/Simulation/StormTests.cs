namespace Redoubt.Tests.Simulation;

public class StormTests
{
    private const int UsualStorms = 6000;

    [Fact]
    public void NoStormLeavesTwoOwnersOrNone()
    {
        long events = 0;
        long claims = 0;
        Seeds.ForEach(
            UsualStorms,
            seed =>
            {
                var storm = new Storm(seed);
                storm.Run();
                events += storm.Events;
                claims += storm.Claims;
            }
        );
        Console.WriteLine($"storms: {events} events, {claims} claims");
        Assert.True(claims > 0);
    }

    [Fact]
    public void AStormRunsTheSameWayEveryTime()
    {
        var (a, b) = (new Storm(42), new Storm(42));
        a.Run();
        b.Run();
        Assert.Equal((a.Events, a.Claims), (b.Events, b.Claims));
    }
}
