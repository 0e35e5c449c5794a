using Redoubt.Core.Firewall;

namespace Redoubt.Tests.Firewall;

public class RuleCountsTests
{
    [Fact]
    public void Counters_are_joined_with_their_rules()
    {
        var ruleset = new Ruleset
        {
            Rules =
            [
                new CompiledRule("rule_77", "filter", "77", "lan", "pass", "x", 1, RuleStanding.Active),
                new CompiledRule("rule_78", "filter", "78", "lan", "pass", "y", 2, RuleStanding.Disabled),
            ],
        };
        var counts = RuleCounts.Read(
            """
            {"nftables": [{"metainfo": {"version": "1.0.6"}},
              {"counter": {"family": "inet", "name": "rule_77", "table": "redoubt", "handle": 5, "packets": 7, "bytes": 420}},
              {"counter": {"family": "inet", "name": "rule_78", "table": "other", "handle": 5, "packets": 9, "bytes": 9}}]}
            """
        );

        Assert.Equal(
            [("77", (RuleCount?)new RuleCount(7, 420)), ("78", null)],
            RuleCounts.Of(ruleset, counts).Select(r => (r.Rule.Tracker, r.Count))
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"nftables\": 7}")]
    [InlineData("{\"nftables\": [7, {\"counter\": []}, {\"counter\": {\"name\": 1, \"table\": \"redoubt\"}}]}")]
    [InlineData("{\"nftables\": [{\"counter\": {\"name\": \"a\", \"table\": \"redoubt\", \"packets\": 1e99, \"bytes\": 1}}]}")]
    public void What_is_no_list_of_counters_gives_none(string json) => Assert.Empty(RuleCounts.Read(json));
}
