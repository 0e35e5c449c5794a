using Redoubt.Core.Configuration;
using Redoubt.Daemon.Configuration;

namespace Redoubt.Tests.Store;

public sealed class RecentLoginTests
{
    private readonly ManualTime _clock = new();
    private readonly RecentLogins _logins;

    public RecentLoginTests() => _logins = new RecentLogins(_clock);

    [Fact]
    public void The_password_that_was_right_is_known_and_no_other_one()
    {
        _logins.Remember(Named("sync"), "right");

        Assert.True(_logins.Knows(Named("sync"), "right"));
        Assert.False(_logins.Knows(Named("sync"), "Right"));
        Assert.False(_logins.Knows(Named("sync"), ""));
        Assert.True(_logins.Knows(Named("sync"), "right")); // a wrong one took nothing away
    }

    [Fact]
    public void It_is_known_for_its_account_alone()
    {
        _logins.Remember(Named("sync"), "right");

        Assert.False(_logins.Knows(Named("admin"), "right"));
        Assert.False(_logins.Knows(Named("syn"), "cright"));
    }

    [Fact]
    public void A_changed_password_ends_it_at_once()
    {
        _logins.Remember(Named("sync"), "right");

        Assert.False(_logins.Knows(Named("sync", "another hash"), "right"));
        Assert.False(_logins.Knows(Named("sync"), "right")); // and it does not come back with the old hash
    }

    [Fact]
    public void It_ends_after_a_minute_however_often_it_is_used()
    {
        _logins.Remember(Named("sync"), "right");
        for (var i = 0; i < 5; i++)
        {
            _clock.Pass(11);
            Assert.True(_logins.Knows(Named("sync"), "right"));
        }
        _clock.Pass(5);

        Assert.False(_logins.Knows(Named("sync"), "right"));
    }

    [Fact]
    public void The_oldest_gives_way_where_there_are_too_many()
    {
        for (var i = 0; i <= RecentLogins.Most; i++)
        {
            _logins.Remember(Named($"user{i}"), "right");
            _clock.Pass(0.1);
        }

        Assert.False(_logins.Knows(Named("user0"), "right"));
        Assert.True(_logins.Knows(Named("user1"), "right"));
        Assert.True(_logins.Knows(Named($"user{RecentLogins.Most}"), "right"));
    }

    private static Account Named(string name, string hash = "hash") =>
        new()
        {
            Name = name,
            Uid = 2000,
            Hash = new Secret(hash),
        };
}
