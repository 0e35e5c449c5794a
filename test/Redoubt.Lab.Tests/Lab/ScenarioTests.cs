using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;
using Redoubt.Lab.Scenarios;

namespace Redoubt.Lab.Tests.Lab;

/// <summary>The scenarios of the command hold, and one that does not hold says so.</summary>
public sealed class ScenarioTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("demo")]
    [InlineData("no-statesync")]
    [InlineData("election")]
    [InlineData("wrong-password")]
    [InlineData("wrong-password-heartbeats")]
    [InlineData("ucarp-takeover")]
    [InlineData("ucarp-backup")]
    [InlineData("ucarp-wrong-password")]
    public void It_holds(string name)
    {
        LabSession.SkipWithoutNamespaces();
        Assert.SkipWhen(name.StartsWith("ucarp", StringComparison.Ordinal) && !Tool.IsInstalled("ucarp"), "ucarp is not installed");
        using var story = new StringWriter();
        var result = ScenarioList.Find(name).Play(story);
        output.WriteLine(story.ToString());
        Assert.True(result.Passed, $"{result.Error}\n{story}");
    }

    [Fact]
    public void A_scenario_that_does_not_hold_is_reported_with_what_did_not()
    {
        using var story = new StringWriter();
        var scenario = new Scenario(
            "wrong",
            "",
            run =>
            {
                run.Note("figure_ms", 1.5);
                run.Check(true, "one is one");
                run.Check(false, "one is two");
            }
        );
        var result = scenario.Play(story);
        Assert.False(result.Passed);
        Assert.Equal("does not hold: one is two", result.Error);
        Assert.Equal(1.5, result.Figures["figure_ms"]);
        Assert.Contains("holds: one is one", story.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("holds: one is two", story.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Scenarios_have_names_of_their_own_and_an_unknown_one_is_refused()
    {
        Assert.Distinct(ScenarioList.All.Select(s => s.Name));
        Assert.All(ScenarioList.All, s => Assert.DoesNotContain('\n', s.Summary));
        Assert.Contains("election", Assert.Throws<LabException>(() => ScenarioList.Find("none")).Message, StringComparison.Ordinal);
    }
}
