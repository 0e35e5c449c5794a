using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Vrrp;
using static Redoubt.Tests.Vrrp.Bench;

namespace Redoubt.Tests.Vrrp;

public class VrrpStateMachineTests
{
    [Fact]
    public void ABackupClaimsAfterTheMasterDownTimeAndNotBefore()
    {
        var machine = Backup();
        Assert.Equal(CarpActions.None, machine.OnTurn(At(3.609374)));
        Assert.Equal(TakeOver, machine.OnTurn(At(3.609375)));
        Assert.Equal((CarpState.Master, CarpReason.MasterTimedOut), (machine.State, machine.Reason));
        Assert.Equal(At(3.609375) + TimeSpan.FromSeconds(1), machine.Deadline);
    }

    [Fact]
    public void TheOwnerOfTheAddressesIsMasterAtOnceAndNobodyElse()
    {
        var owner = new VrrpStateMachine(Options(priority: 255));
        Assert.Equal(TakeOver, owner.OnReady(At(0)));
        Assert.Equal(CarpReason.Owner, owner.Reason);
        Assert.Equal(CarpActions.None, new VrrpStateMachine(Options(priority: 254)).OnReady(At(0)));
    }

    [Fact]
    public void ADemotedOwnerListensFirst()
    {
        var owner = new VrrpStateMachine(Options(priority: 255));
        owner.OnDemotion(240, At(0));
        Assert.Equal((15, CarpActions.None), (owner.EffectivePriority, owner.OnReady(At(0))));
    }

    [Fact]
    public void WithoutAddressesNothingBegins()
    {
        var machine = new VrrpStateMachine(Options() with { Addresses = [] });
        machine.OnReady(At(0));
        Assert.Equal((CarpState.Init, Instant.Never), (machine.State, machine.Deadline));
    }

    [Theory]
    [InlineData(101, true)]
    [InlineData(100, true)]
    [InlineData(99, false)]
    public void OnlyAnEqualOrBetterMasterHoldsABackupBack(byte priority, bool holds)
    {
        var machine = Backup();
        var before = machine.Deadline;
        Assert.Equal(CarpActions.None, machine.OnAdvertisement(Heard(priority), At(2)));
        Assert.Equal(holds ? At(2) + machine.MasterDownTime : before, machine.Deadline);
    }

    [Fact]
    public void WithoutPreemptionAWorseMasterHoldsABackupBack()
    {
        var machine = Backup(Options() with { Preempt = false });
        machine.OnAdvertisement(Heard(1), At(2));
        Assert.Equal(At(2) + machine.MasterDownTime, machine.Deadline);
        // The delay is over: the same master no longer does.
        machine.Preempt = true;
        machine.OnAdvertisement(Heard(1, Low), At(3));
        Assert.Equal(At(2) + machine.MasterDownTime, machine.Deadline);
    }

    [Fact]
    public void AWorseMasterIsPreemptedWhenTheTimeIsOverAndThatIsSaid()
    {
        var machine = Backup();
        for (var second = 1; second < 4; second++)
            machine.OnAdvertisement(Heard(99), At(second));
        Assert.Equal(TakeOver, machine.OnTurn(machine.Deadline));
        Assert.Equal(CarpReason.PreemptedSlowerMaster, machine.Reason);
    }

    [Fact]
    public void AMasterThatLowersItselfIsRelievedAtOnceAndAStrangerIsNot()
    {
        var machine = Backup();
        machine.OnAdvertisement(Heard(200, High), At(1));
        Assert.Equal(CarpActions.None, machine.OnAdvertisement(Heard(10, Low), At(1.5)));
        Assert.Equal(TakeOver, machine.OnAdvertisement(Heard(10, High), At(2)));
        Assert.Equal(CarpReason.PreemptedSlowerMaster, machine.Reason);
    }

    [Fact]
    public void AMasterThatLeavesIsRelievedAfterTheSkew()
    {
        var machine = Backup();
        machine.OnAdvertisement(Heard(200), At(1));
        machine.OnAdvertisement(Heard(0), At(2));
        Assert.Equal(At(2) + TimeSpan.FromMicroseconds(609375), machine.Deadline);
        Assert.Equal(TakeOver, machine.OnTurn(machine.Deadline));
        Assert.Equal(CarpReason.MasterTooSlow, machine.Reason);
    }

    [Fact]
    public void RepeatedLeavingDoesNotPutTheTakeOverOff()
    {
        var machine = Backup();
        machine.OnAdvertisement(Heard(0), At(1));
        var deadline = machine.Deadline;
        for (var i = 1; i < 6; i++)
            machine.OnAdvertisement(Heard(0), At(1 + (i * 0.1)));
        Assert.Equal(deadline, machine.Deadline);
    }

    [Fact]
    public void ABackupWaitsByTheMastersIntervalInVersion3AndByItsOwnInVersion2()
    {
        var v3 = Backup();
        v3.OnAdvertisement(Heard(200, interval: 0.1), At(1));
        Assert.Equal(TimeSpan.FromMicroseconds(360937), v3.Deadline - At(1));
        var v2 = Backup(Options(version: 2));
        v2.OnAdvertisement(Heard(200, interval: 0.1), At(1));
        Assert.Equal(TimeSpan.FromMicroseconds(3609375), v2.Deadline - At(1));
        // Who becomes master, advertises in its own interval again.
        v3.OnTurn(v3.Deadline);
        Assert.Equal(TimeSpan.FromSeconds(1), v3.Deadline - v3.Since);
    }

    [Theory]
    [InlineData(101, false, CarpState.Backup)]
    [InlineData(100, true, CarpState.Backup)]
    [InlineData(100, false, CarpState.Master)]
    [InlineData(99, true, CarpState.Master)]
    public void AMasterYieldsToABetterOneAndToAnEqualOneWithTheHigherAddress(byte priority, bool winsTie, CarpState state)
    {
        var machine = Master();
        var actions = machine.OnAdvertisement(Heard(priority, winsTie: winsTie), At(4.2));
        Assert.Equal((state, state == CarpState.Backup ? CarpActions.Release : CarpActions.Advertise), (machine.State, actions));
    }

    [Fact]
    public void AMasterAnswersOneThatLeavesOrIsWorseButNotAFlood()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Advertise, machine.OnAdvertisement(Heard(0), At(4)));
        Assert.Equal(At(5), machine.Deadline);
        Assert.Equal(CarpActions.None, machine.OnAdvertisement(Heard(99), At(4.1)));
        Assert.Equal(At(5), machine.Deadline);
        // The second master may have drawn the traffic to itself.
        Assert.Equal(CarpActions.Advertise | CarpActions.Announce, machine.OnTurn(At(5)));
        Assert.Equal(CarpActions.Advertise, machine.OnTurn(At(6)));
    }

    [Fact]
    public void NoFloodOfWorseAdvertisementsSilencesAMaster()
    {
        var machine = Master();
        var sent = 0;
        for (var i = 0; i < 1000; i++)
        {
            var now = At(4 + (i * 0.01));
            if (machine.OnAdvertisement(Heard(1), now).HasFlag(CarpActions.Advertise))
                sent++;
            if (now >= machine.Deadline && machine.OnTurn(now).HasFlag(CarpActions.Advertise))
                sent++;
        }
        Assert.InRange(sent, 10, 41);
        Assert.Equal(CarpState.Master, machine.State);
    }

    [Fact]
    public void DemotionLowersThePriorityAndIsSaidAtOnce()
    {
        var machine = Master(Options(priority: 254));
        Assert.Equal(CarpActions.Advertise, machine.OnDemotion(240, At(4)));
        Assert.Equal(14, machine.EffectivePriority);
        machine.OnDemotion(1000, At(5));
        Assert.Equal(1, machine.EffectivePriority);
        machine.OnDemotion(-1000, At(6));
        Assert.Equal(254, machine.EffectivePriority);
        Assert.Equal(CarpActions.None, machine.OnDemotion(-1000, At(6)));
    }

    [Fact]
    public void AMasterThatStopsResignsAndABackupJustLeaves()
    {
        Assert.Equal(CarpActions.Resign | CarpActions.Release, Master().OnStop(At(5)));
        Assert.Equal(CarpActions.None, Backup().OnStop(At(1)));
    }

    [Fact]
    public void TheOperatorMovesItAndABetterPeerMovesItBack()
    {
        var machine = Backup();
        Assert.Equal(TakeOver, machine.OnOperator(CarpState.Master, At(1)));
        Assert.Equal(CarpActions.Release, machine.OnAdvertisement(Heard(200), At(1.1)));
        machine = Master();
        Assert.Equal(CarpActions.Resign | CarpActions.Release, machine.OnOperator(CarpState.Backup, At(5)));
        Assert.Equal(TakeOver, machine.OnTurn(machine.Deadline));
    }

    [Fact]
    public void ASleeperListensAgainInsteadOfUsurping()
    {
        var machine = Backup();
        Assert.Equal(CarpActions.None, machine.OnTurn(machine.Deadline + TimeSpan.FromSeconds(1.1)));
        Assert.Equal(CarpState.Backup, machine.State);
        Assert.Equal(CarpActions.Release, Master().OnTurn(At(3.609375 + 3)));
        Assert.Equal(CarpActions.Release, Master().OnLeaseLost(At(5)));
    }

    [Fact]
    public void ALostLinkEndsItAndTheLeaseIsShorterThanAnyPeersWait()
    {
        var machine = Master();
        Assert.Equal(CarpActions.Release, machine.OnNotReady(At(5)));
        Assert.Equal((CarpState.Init, Instant.Never), (machine.State, machine.Deadline));
        // A peer that missed the last advertisement counts from the one before.
        var best = VrrpTimes.MasterDown(3, 254, TimeSpan.FromSeconds(1));
        Assert.True(machine.LeaseTime < best - machine.AdvertInterval);
        Assert.True(machine.LeaseTime > machine.AdvertInterval);
    }
}
