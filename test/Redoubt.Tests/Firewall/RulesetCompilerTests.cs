using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;
using Redoubt.Tests.Configuration;

namespace Redoubt.Tests.Firewall;

public class RulesetCompilerTests
{
    private static readonly RulesetContext Context = new()
    {
        Interfaces =
        [
            new RulesetInterface("wan", ["wan0", "rd2.2"], []),
            new RulesetInterface("lan", ["lan0", "rd3.1"], []),
            new RulesetInterface("opt1", ["sync0"], []),
        ],
        PeerTcpPorts = [7241],
    };

    [Theory]
    [InlineData("pair")]
    [InlineData("pfsense-primary")]
    public void A_ruleset_is_the_golden_one(string name)
    {
        var configuration = ConfigVectors.Read(ConfigVectors.Text($"good/{name}.xml")).Configuration!;
        var context = name == "pair" ? Context : new RulesetContext { LocalTime = new DateTime(2026, 11, 24, 9, 30, 0) };

        var ruleset = RulesetCompiler.Compile(configuration, context);

        RulesetShape.AssertWellFormed(ruleset);
        AssertGolden($"rulesets/{name}.nft", ruleset);
    }

    [Fact]
    public void Without_a_configuration_only_the_nat_hooks_and_counters_are_there()
    {
        var ruleset = RulesetCompiler.Compile(new NodeConfiguration(), new RulesetContext());

        Assert.Equal(RulesetCompiler.Unconfigured(), ruleset);
        Assert.DoesNotContain("drop", ruleset, StringComparison.Ordinal);
        AssertGolden("rulesets/unconfigured.nft", ruleset);
    }

    [Theory]
    [InlineData("x\" accept comment \"")]
    [InlineData("x\n}\n}\ndelete table inet filter\n")]
    [InlineData("x\\\" ; flush ruleset ; #")]
    [InlineData("$(reboot) @if_lan { drop }")]
    [InlineData("\u202e\u2028flush ruleset")]
    public void A_description_never_leaves_its_comment(string description)
    {
        var good = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!;
        var hostile = good with
        {
            Interfaces = [.. good.Interfaces.Select(i => i with { Description = description })],
            FilterRules = [.. good.FilterRules.Select(r => r with { Description = description, Tracker = description })],
            Nat = good.Nat with { Outbound = [.. good.Nat.Outbound.Select(r => r with { Description = description })] },
        };

        var ruleset = RulesetCompiler.Compile(hostile, Context);

        RulesetShape.AssertWellFormed(ruleset);
        Assert.Equal(Bare(RulesetCompiler.Compile(good, Context)), Bare(ruleset));
    }

    [Theory]
    [InlineData("a\"b")]
    [InlineData("eth*")]
    [InlineData("")]
    [InlineData("sixteen-letters-")]
    public void A_device_name_no_kernel_gives_is_a_fault_of_the_caller(string device)
    {
        var good = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!;
        var context = new RulesetContext { Interfaces = [new RulesetInterface("wan", [device], [])] };

        Assert.Throws<ArgumentException>(() => RulesetCompiler.Compile(good, context));
    }

    [Theory]
    [InlineData("automatic", 1, "snat ip to 203.0.113.1 fully-random", "telephones")]
    [InlineData("disabled", 1, "policy accept", "snat")]
    [InlineData("advanced", 1, "snat ip to 203.0.113.1", "automatic")]
    [InlineData("automatic", 2, "counter masquerade fully-random", "snat")]
    public void Outbound_nat_follows_its_mode(string mode, int carpOnWan, string has, string hasNot)
    {
        var text = ConfigVectors.Text("good/pair.xml").Replace("<mode>hybrid</mode>", $"<mode>{mode}</mode>", StringComparison.Ordinal);
        if (carpOnWan == 2)
            text = text.Replace(
                    "</virtualip>",
                    "<vip><mode>carp</mode><interface>wan</interface><vhid>3</vhid><password>p</password><subnet>203.0.113.9</subnet><subnet_bits>24</subnet_bits></vip></virtualip>",
                    StringComparison.Ordinal
                )
                .Replace("<group><name>main</name>", "<group><name>main</name><member>wan@3</member>", StringComparison.Ordinal);

        var ruleset = RulesetCompiler.Compile(ConfigVectors.Read(text).Configuration!, Context);

        var nat = ruleset[ruleset.IndexOf("chain nat_postrouting", StringComparison.Ordinal)..];
        Assert.Contains(has, nat, StringComparison.Ordinal);
        Assert.DoesNotContain(hasNot, nat, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rule_about_a_network_that_is_unknown_is_left_out_and_not_widened()
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("<ipaddr>10.77.3.11</ipaddr>", "<ipaddr>dhcp</ipaddr>", StringComparison.Ordinal);

        var ruleset = RulesetCompiler.Compile(ConfigVectors.Read(text).Configuration!, new RulesetContext());

        Assert.Contains(
            "# not applied, an interface has no address yet or an alias no values: LAN to the world",
            ruleset,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("comment \"LAN to the world\"", ruleset, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Bare(string ruleset) =>
        ruleset
            .Split('\n')
            .Where(l => !l.TrimStart().StartsWith('#'))
            .Select(l => System.Text.RegularExpressions.Regex.Replace(l, " comment \"[^\"]*\"", ""));

    // REDOUBT_GOLDEN=write renews the files; the diff is then reviewed by a person.
    private static void AssertGolden(string file, string actual)
    {
        var path = Path.Combine(ConfigVectors.Folder, file);
        if (Environment.GetEnvironmentVariable("REDOUBT_GOLDEN") == "write")
            File.WriteAllText(path, actual);
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
