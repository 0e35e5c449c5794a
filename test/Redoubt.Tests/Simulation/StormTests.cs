namespace Redoubt.Tests.Simulation;

public class StormTests
{
    private const int UsualStorms = 6000;
    private const int UsualVrrpStorms = 2000;

    [Fact]
    public void NoStormLeavesTwoOwnersOrNone() => RunStorms(UsualStorms, vrrp: false);

    [Fact]
    public void NoStormLeavesTwoOwnersOrNoneInVrrp() => RunStorms(UsualVrrpStorms, vrrp: true);

    private static void RunStorms(int usual, bool vrrp)
    {
        long events = 0;
        long claims = 0;
        Seeds.ForEach(
            usual,
            seed =>
            {
                var storm = new Storm(seed, vrrp);
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
