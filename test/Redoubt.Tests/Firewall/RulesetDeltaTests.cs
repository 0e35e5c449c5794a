using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Tests.Configuration;

namespace Redoubt.Tests.Firewall;

public class RulesetDeltaTests
{
    private static readonly NodeConfiguration Pair = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!;

    [Fact]
    public void Nothing_differs_from_itself() => Assert.Equal("", RulesetDelta.Between(Build(Pair), Build(Pair)));

    [Fact]
    public void Two_rulesets_have_the_same_text_where_what_they_write_is_equal()
    {
        var one = new AddressPrefix(new(0, 0x0a00_0001u), false, 32);
        Ruleset[] all =
        [
            Build(Pair),
            Build(Pair),
            Build(Pair with { FilterRules = Pair.FilterRules.RemoveAt(7) }),
            Build(Pair with { FilterRules = Pair.FilterRules.SetItem(1, Pair.FilterRules[1] with { Description = "other" }) }),
            Build(WithOffice([one])),
            Build(WithOffice([one, one with { Address = new(0, 0x0a00_0005u) }])),
            Build(new NodeConfiguration()),
        ];
        foreach (var a in all)
        {
            foreach (var b in all)
                Assert.Equal(a.ToString() == b.ToString(), a.HasTextOf(b));
        }
    }

    [Fact]
    public void One_edited_rule_rewrites_its_chain_and_no_other()
    {
        var edited = Pair with { FilterRules = Pair.FilterRules.SetItem(1, Pair.FilterRules[1] with { Action = RuleAction.Pass }) };

        var delta = RulesetDelta.Between(Build(Pair), Build(edited))!;

        Assert.StartsWith("flush chain inet redoubt rules_lan\ntable inet redoubt {\n\t# ", delta, StringComparison.Ordinal);
        Assert.Single(delta.Split('\n'), l => l.StartsWith("\tchain ", StringComparison.Ordinal));
        Assert.DoesNotContain("counter rule", delta, StringComparison.Ordinal);
        Assert.DoesNotContain("set ", delta, StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_rule_brings_its_counter_and_a_removed_one_takes_it_away()
    {
        var fewer = Pair with { FilterRules = Pair.FilterRules.RemoveAt(7) };

        var added = RulesetDelta.Between(Build(fewer), Build(Pair))!;
        var removed = RulesetDelta.Between(Build(Pair), Build(fewer))!;

        Assert.Contains("\tcounter rule_n8 { }\n", added, StringComparison.Ordinal);
        Assert.DoesNotContain("delete", added, StringComparison.Ordinal);
        Assert.EndsWith("delete counter inet redoubt rule_n8\n", removed, StringComparison.Ordinal);
    }

    [Fact]
    public void An_alias_of_a_hundred_thousand_addresses_loses_one_element_by_one_command()
    {
        var many = Enumerable.Range(0, 100_000).Select(i => new AddressPrefix(new(0, 0x0a00_0000u + (2 * (uint)i)), false, 32)).ToArray();
        var first = Build(WithOffice([.. many]));
        var second = Build(WithOffice([.. many.Skip(1)]));

        Assert.Equal(100_000, first.Sets.Single(s => s.Name == "alias_Office_4").Elements.Length);
        Assert.Equal("delete element inet redoubt alias_Office_4 { 10.0.0.0 }\n", RulesetDelta.Between(first, second));
    }

    [Fact]
    public void In_a_long_list_an_insertion_touches_a_small_part_wherever_it_is()
    {
        var rules = Enumerable.Range(0, 5000).Select(i => Pair.FilterRules[1] with { Tracker = $"{1_760_000_000 + i}" }).ToArray();
        var before = Build(Pair with { FilterRules = [.. rules] });
        foreach (var at in new[] { 0, 1, 2499, 4999 })
        {
            var inserted = rules.ToList();
            inserted.Insert(at, Pair.FilterRules[0] with { Tracker = "42" });

            var delta = RulesetDelta.Between(before, Build(Pair with { FilterRules = [.. inserted] }))!;

            Assert.InRange(delta.Split('\n').Count(l => l.Contains("counter name", StringComparison.Ordinal)), 1, 600);
        }
    }

    [Fact]
    public void What_cannot_change_in_place_asks_for_the_whole_table()
    {
        var ruleset = Build(Pair);
        var otherType = ruleset with { Sets = ruleset.Sets.SetItem(0, ruleset.Sets[0] with { Definition = "type mark;" }) };
        var hook = ruleset.Chains.IndexOf(ruleset.Chains.First(c => c.Name == "forward"));
        var otherHook = ruleset with { Chains = ruleset.Chains.SetItem(hook, ruleset.Chains[hook] with { Head = "" }) };

        Assert.Null(RulesetDelta.Between(ruleset, otherType));
        Assert.Null(RulesetDelta.Between(ruleset, otherHook));
    }

    private static Ruleset Build(NodeConfiguration configuration) => RulesetCompiler.Build(configuration, new RulesetContext());

    private static NodeConfiguration WithOffice(System.Collections.Immutable.ImmutableArray<AddressPrefix> prefixes) =>
        Pair with
        {
            Aliases = Pair.Aliases.SetItem("Office", Pair.Aliases["Office"] with { Prefixes = prefixes }),
        };
}
