using Redoubt.Core;
using Redoubt.Core.Carp;
using static Redoubt.Tests.Carp.Bench;

namespace Redoubt.Tests.Carp;

public class CarpStateMachineTests
{
    private const CarpActions TakeOver = CarpActions.Claim | CarpActions.Advertise | CarpActions.Announce;

    [Fact]
    public void ABackupClaimsAfterThreeSilentIntervalsAndNotBefore()
    {
        var machine = new CarpStateMachine(Options());
        Assert.Equal(CarpActions.None, machine.OnReady(At(0)));
        Assert.Equal(At(3), machine.Deadline);
        Assert.Equal(CarpActions.None, machine.OnTurn(At(2.999)));
        Assert.Equal(TakeOver, machine.OnTurn(At(3)));
        Assert.Equal((CarpState.Master, CarpReason.MasterTimedOut), (machine.State, machine.Reason));
        Assert.Equal("no advertisement heard for 3.0 s", CarpReasonText.Text(machine.Reason, null, machine.Silence));
    }

    [Fact]
    public void AHostWithoutAddressesStaysInInit()
    {
        var machine = new CarpStateMachine(Options() with { IPv4Addresses = [] });
        machine.OnReady(At(0));
        Assert.Equal((CarpState.Init, Instant.Never), (machine.State, machine.Deadline));
    }

    [Fact]
    public void EachFamilyHasItsOwnTimerAndEitherFires()
    {
        var machine = new CarpStateMachine(Options(preempt: false, ipv6: true));
        machine.OnReady(At(0));
        machine.OnAdvertisement(false, new CarpPeerAdvertisement(1, 0, 0), At(2));
        Assert.Equal(At(3), machine.Deadline);
        machine.OnAdvertisement(true, new CarpPeerAdvertisement(1, 0, 0), At(2.5));
        Assert.Equal(At(5), machine.Deadline);
        Assert.Equal(TakeOver, machine.OnTurn(At(5)));
    }

    [Fact]
    public void AMasterWhoseLinkFallsReleasesAndABackupHasNothingToRelease()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Release, machine.OnNotReady(At(10)));
        machine.OnReady(At(11));
        Assert.Equal(CarpActions.None, machine.OnNotReady(At(12)));
        Assert.Equal(CarpState.Init, machine.State);
    }

    [Fact]
    public void AMasterThatStopsResignsAndABackupJustLeaves()
    {
        Assert.Equal(CarpActions.Resign | CarpActions.Release, Master().OnStop(At(4)));
        var backup = new CarpStateMachine(Options());
        backup.OnReady(At(0));
        Assert.Equal(CarpActions.None, backup.OnStop(At(1)));
    }

    [Fact]
    public void AMasterWithoutLeaseIsABackupThatListensAgain()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Release, machine.OnLeaseLost(At(3.5)));
        Assert.Equal((CarpState.Backup, CarpReason.LeaseLost, At(6.5)), (machine.State, machine.Reason, machine.Deadline));
        Assert.Equal(CarpActions.None, machine.OnLeaseLost(At(3.6)));
    }

    [Fact]
    public void AMasterThatSleptAsLongAsItsPeersWaitStepsBack()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Advertise, machine.OnTurn(At(5.9)));
        Assert.Equal(CarpActions.Release, machine.OnTurn(At(8.9)));
        Assert.Equal(CarpReason.Overslept, machine.Reason);
    }

    [Fact]
    public void ABackupThatComesLateListensOnceMore()
    {
        var machine = new CarpStateMachine(Options());
        machine.OnReady(At(0));
        Assert.Equal(CarpActions.None, machine.OnTurn(At(4.5)));
        Assert.Equal((CarpState.Backup, At(7.5)), (machine.State, machine.Deadline));
        Assert.Equal(TakeOver, machine.OnTurn(At(7.6)));
    }

    [Fact]
    public void ADemotedMasterSaysSoAtOnceAndOnlyWhenSomethingChanged()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Advertise, machine.OnDemotion(240, At(3.2)));
        Assert.Equal(240, machine.EffectiveSkew);
        Assert.Equal(CarpActions.None, machine.OnDemotion(240, At(3.3)));
        Assert.Equal(CarpActions.Advertise, machine.OnDemotion(-500, At(3.4)));
        Assert.Equal(0, machine.EffectiveSkew);
    }

    [Fact]
    public void TheOperatorMovesTheRoleEitherWay()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Resign | CarpActions.Release, machine.OnOperator(CarpState.Backup, At(4)));
        Assert.Equal(TakeOver, machine.OnOperator(CarpState.Master, At(5)));
        Assert.Equal(CarpActions.None, machine.OnOperator(CarpState.Master, At(6)));
        Assert.Equal(CarpReason.Operator, machine.Reason);
    }

    [Fact]
    public void AResignationIsAnsweredAtOnceEvenWithoutPreemption()
    {
        var machine = new CarpStateMachine(Options(advSkew: 200, preempt: false));
        machine.OnReady(At(0));
        Assert.Equal(TakeOver, machine.OnAdvertisement(false, new CarpPeerAdvertisement(255, 255, 0), At(1)));
        Assert.Equal(CarpReason.MasterTooSlow, machine.Reason);
    }

    [Theory]
    [InlineData(CarpTie.Unknown, CarpState.Backup)]
    [InlineData(CarpTie.Loses, CarpState.Backup)]
    [InlineData(CarpTie.Wins, CarpState.Master)]
    public void OfTwoEqualMastersTheTieDecides(CarpTie tie, CarpState expected)
    {
        var machine = Master();
        machine.OnAdvertisement(false, new CarpPeerAdvertisement(1, 0, 0, tie), At(3.5));
        Assert.Equal(expected, machine.State);
    }

    [Fact]
    public void AMasterThatHeardASecondOneAnnouncesAgainWithItsNextAdvert()
    {
        var machine = Master();
        Assert.Equal(CarpActions.None, machine.OnAdvertisement(false, new CarpPeerAdvertisement(1, 100, 0), At(3.5)));
        Assert.Equal(CarpActions.Advertise | CarpActions.Announce, machine.OnTurn(At(4)));
        Assert.Equal(CarpActions.Advertise, machine.OnTurn(At(5)));
    }

    [Fact]
    public void ALeaseIsLongerThanAnIntervalAndEndsBeforeAnyPeerClaims()
    {
        for (var advBase = 1; advBase <= 255; advBase++)
        {
            for (var skew = 0; skew <= CarpTimes.SkewLimit; skew++)
            {
                var interval = CarpTimes.Interval((byte)advBase, (byte)skew);
                var lease = CarpTimes.Lease((byte)advBase, interval);
                Assert.InRange(lease, interval + TimeSpan.FromTicks(1), TimeSpan.FromSeconds(3 * advBase) - TimeSpan.FromTicks(1));
            }
        }
    }

    [Fact]
    public void EveryReasonHasWords() =>
        Assert.All(Enum.GetValues<CarpReason>(), reason => Assert.NotEqual("unknown", CarpReasonText.Text(reason)));

    private static CarpStateMachine Master()
    {
        var machine = new CarpStateMachine(Options());
        machine.OnReady(At(0));
        machine.OnTurn(At(3));
        Assert.Equal(CarpState.Master, machine.State);
        return machine;
    }
}
