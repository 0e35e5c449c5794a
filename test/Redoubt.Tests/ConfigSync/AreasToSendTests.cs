using Redoubt.Core.ConfigSync;

namespace Redoubt.Tests.ConfigSync;

public sealed class AreasToSendTests
{
    private static readonly Dictionary<string, string> _here = new()
    {
        ["rules"] = "r1",
        ["aliases"] = "a1",
        ["nat"] = "n1",
    };

    [Fact]
    public void Only_what_differs_is_sent()
    {
        var there = new Dictionary<string, string>
        {
            ["rules"] = "r0",
            ["aliases"] = "a1",
            ["nat"] = "n1",
        };

        Assert.Equal(SyncAreas.Rules, SyncArea.ToSend(SyncAreas.Rules | SyncAreas.Aliases | SyncAreas.Nat, _here, there));
    }

    [Fact]
    public void What_the_peer_never_had_is_sent()
    {
        Assert.Equal(
            SyncAreas.Rules | SyncAreas.Aliases | SyncAreas.Nat,
            SyncArea.ToSend(SyncAreas.Rules | SyncAreas.Aliases | SyncAreas.Nat, _here, new Dictionary<string, string>())
        );
    }

    [Fact]
    public void What_is_not_asked_for_is_not_sent_though_it_differs()
    {
        Assert.Equal(SyncAreas.Nat, SyncArea.ToSend(SyncAreas.Nat, _here, new Dictionary<string, string> { ["rules"] = "r0" }));
    }

    [Fact]
    public void Accounts_and_certificates_go_with_everything_because_what_is_kept_of_them_depends_on_each_other()
    {
        var here = new Dictionary<string, string>(_here) { ["users"] = "u1", ["certificates"] = "c1" };
        var there = new Dictionary<string, string>(here) { ["aliases"] = "a0" };

        Assert.Equal(
            SyncAreas.Users | SyncAreas.Certificates | SyncAreas.Aliases,
            SyncArea.ToSend(SyncAreas.Users | SyncAreas.Certificates | SyncAreas.Rules | SyncAreas.Aliases, here, there)
        );
    }

    [Fact]
    public void An_area_that_holds_nothing_that_travels_goes_with_the_others()
    {
        var there = new Dictionary<string, string>(_here) { ["nat"] = "n0" };

        Assert.Equal(SyncAreas.Nat | SyncAreas.Dhcp, SyncArea.ToSend(SyncAreas.Nat | SyncAreas.Dhcp | SyncAreas.Rules, _here, there));
    }
}
