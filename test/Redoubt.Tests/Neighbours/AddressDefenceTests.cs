using Redoubt.Core;
using Redoubt.Core.Neighbours;

namespace Redoubt.Tests.Neighbours;

/// <summary>What is done about others' claims, and how often.</summary>
public class AddressDefenceTests
{
    private static readonly Instant _masterSince = Instant.Zero + TimeSpan.FromMinutes(1);
    private readonly AddressDefence _defence = new();
    private Instant _now = Instant.Zero + TimeSpan.FromHours(1);

    // Lets time pass in steps of 10 ms; how often the neighbours were told.
    private int Go(double seconds, Instant masterSince, bool claimed = false)
    {
        var told = 0;
        for (var i = 0; i < seconds * 100; i++)
        {
            if (claimed)
                _defence.OnClaim(_now);
            if (_now >= _defence.Deadline && _defence.OnTurn(masterSince, _now))
                told++;
            _now += TimeSpan.FromMilliseconds(10);
        }
        return told;
    }

    [Fact]
    public void One_claim_is_answered_once_and_over_after_five_quiet_seconds()
    {
        _defence.OnClaim(_now);
        Assert.False(_defence.IsClaimed);
        Assert.Equal(1, Go(1, _masterSince));
        Assert.True(_defence.IsClaimed);
        Assert.Equal(0, Go(3.9, _masterSince));
        Assert.True(_defence.IsClaimed);
        Assert.Equal(0, Go(0.2, _masterSince));
        Assert.False(_defence.IsClaimed);
        Assert.Equal(Instant.Never, _defence.Deadline);
    }

    [Fact]
    public void Endless_claims_are_answered_every_three_seconds_and_the_last_one_too()
    {
        Assert.InRange(Go(30, _masterSince, claimed: true), 10, 11);
        Assert.Equal(1, Go(3, _masterSince));
        Assert.Equal(0, Go(20, _masterSince));
        Assert.False(_defence.IsClaimed);
    }

    [Fact]
    public void The_claim_of_who_took_over_is_none()
    {
        _defence.OnClaim(_now);
        Assert.Equal(0, Go(1, Instant.Never)); // this node stopped being master meanwhile
        Assert.False(_defence.IsClaimed);

        _defence.OnClaim(_now);
        Assert.Equal(0, Go(1, _now + TimeSpan.FromMilliseconds(1))); // or became it after the claim
        Assert.False(_defence.IsClaimed);

        _defence.OnClaim(_now);
        Assert.Equal(0, Go(1, _now - TimeSpan.FromSeconds(0.9))); // or so shortly before that the claim may be older
        Assert.False(_defence.IsClaimed);
        _defence.OnClaim(_now);
        Assert.Equal(1, Go(1, _now - TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void It_is_over_when_the_addresses_are_given_away()
    {
        _defence.OnClaim(_now);
        Go(1, _masterSince);
        Assert.True(_defence.IsClaimed);
        Go(10, Instant.Never);
        Assert.False(_defence.IsClaimed);
    }
}
