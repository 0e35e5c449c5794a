using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Loops, versions, edits apart, coverage.</summary>
public sealed class DecisionTests
{
    private static AddressPrefix Address(string text)
    {
        Assert.True(AddressPrefix.TryParse(text, out var prefix));
        return prefix;
    }

    [Theory]
    [InlineData("", "", "192.0.2.9", SyncAdmission.Taken)]
    [InlineData("", "", "192.0.2.1", SyncAdmission.LoopWithTarget)]
    [InlineData("", "", "::ffff:192.0.2.1", SyncAdmission.LoopWithTarget)]
    [InlineData("1", "1", "192.0.2.9", SyncAdmission.Taken)]
    [InlineData("1", "1,2,4", "192.0.2.9", SyncAdmission.Taken)]
    [InlineData("3", "3,1", "192.0.2.9", SyncAdmission.LoopToOrigin)]
    [InlineData("1", "1,3,2", "192.0.2.9", SyncAdmission.LoopOnPath)]
    [InlineData("", "3,1", "192.0.2.9", SyncAdmission.LoopToOrigin)]
    [InlineData("1", "1,2,4,5,6,7,8,1", "192.0.2.9", SyncAdmission.TooFar)]
    public void ARingIsSeenByItsPath(string origin, string path, string caller, SyncAdmission expected)
    {
        Assert.True(SyncPath.TryParse(origin, path, out var way));
        Assert.Equal(expected, way.Admit(3, Core.IpAddressValue.From(System.Net.IPAddress.Parse(caller)), Address("192.0.2.1")));
    }

    [Theory]
    [InlineData("x", "")]
    [InlineData("0", "")]
    [InlineData("9", "")]
    [InlineData("1", "1,,2")]
    [InlineData("1", "1,2,3,4,5,6,7,8,1")]
    [InlineData("1", "-1")]
    public void NonsenseInTheHeadersIsRefused(string origin, string path) => Assert.False(SyncPath.TryParse(origin, path, out _));

    [Fact]
    public void APathGrowsByEachNodeAndNeverGoesBack()
    {
        var way = SyncPath.Unknown.Through(1).Through(2);
        Assert.Equal(("1,2", 1), (way.Text, way.Origin));
        Assert.Equal((false, false, true, true), (way.MayReach(1), way.MayReach(2), way.MayReach(3), way.MayReach(0)));
        Assert.Equal(SyncAdmission.Taken, SyncPath.Unknown.Admit(3, default, null));
    }

    [Theory]
    [InlineData("24.5", "24.5", VersionVerdict.Same)]
    [InlineData("24.5", "24.50", VersionVerdict.Same)]
    [InlineData("24.5", " 24.5 ", VersionVerdict.Same)]
    [InlineData("24.5", "24.4", VersionVerdict.Different)]
    [InlineData("24.5", "x", VersionVerdict.Different)]
    [InlineData("24.5", "", VersionVerdict.Unknown)]
    [InlineData("24.5", null, VersionVerdict.Unknown)]
    public void VersionsAreComparedAsNumbers(string own, string? peer, VersionVerdict expected)
    {
        var verdict = ConfigVersion.Compare(own, peer);
        Assert.Equal(expected, verdict);
        Assert.Equal(expected == VersionVerdict.Same, ConfigVersion.Message(verdict, own, peer).Length == 0);
    }

    [Theory]
    [InlineData("a", "a", "a", AreaState.InSync)]
    [InlineData("a", "b", "b", AreaState.InSync)]
    [InlineData("a", "b", "a", AreaState.ChangedHere)]
    [InlineData("a", "a", "b", AreaState.ChangedThere)]
    [InlineData("a", "b", "c", AreaState.Conflict)]
    [InlineData(null, "b", "c", AreaState.NeverSynchronised)]
    [InlineData("a", "b", null, AreaState.NeverSynchronised)]
    public void EditsApartAreSeen(string? agreed, string here, string? there, AreaState expected)
    {
        var state = SyncConflict.Decide(agreed, here, there);
        Assert.Equal(expected, state);
        Assert.Equal(expected is AreaState.ChangedThere or AreaState.Conflict, SyncConflict.NeedsChoice([AreaState.ChangedHere, state]));
    }

    [Fact]
    public void CoverageSaysOfEachSectionWhetherItTravelsAndWhyNot()
    {
        var rows = SyncCoverage.Of(Vector("primary.config.xml")).ToDictionary(r => r.Section);
        Assert.Equal(CoverageState.Synchronised, rows["schedules"].State);
        Assert.Equal(CoverageState.Partly, rows["virtualip"].State);
        Assert.Contains("not on a CARP address", rows["virtualip"].Reason, StringComparison.Ordinal);
        Assert.Equal(CoverageState.NodeLocal, rows["interfaces"].State);
        Assert.Equal((CoverageState.Partly, CoverageState.NodeLocal), (rows["system/user"].State, rows["system"].State));
        Assert.All(rows.Values.Where(r => r.State != CoverageState.Synchronised), r => Assert.NotEqual("", r.Reason));
        var unticked = SyncCoverage.Of(Vector("secondary.config.xml")).ToDictionary(r => r.Section);
        Assert.Equal(CoverageState.NotTicked, unticked["filter"].State);
        Assert.Contains("rules", unticked["filter"].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckSaysOfEachSectionWhatIsDoneAboutIt()
    {
        var report = ConfigurationReader
            .Read(Document("<interfaces><lan><if>eth0</if></lan></interfaces><wol></wol><strange></strange><wol></wol>"), "x")
            .Sections;
        Assert.Equal(["interfaces Applied", "wol Kept", "strange Unknown"], report.Select(s => $"{s.Name} {s.Role}"));
    }
}
