using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Tests.Configuration;

public class AliasTests
{
    [Fact]
    public void A_list_takes_addresses_networks_ranges_and_ports_and_counts_the_rest()
    {
        var file = AliasFile.Parse(
            "# fetched\n192.0.2.1\n 10.0.0.0/8 ; office\n2001:db8::/32 x\n10.1.0.1-10.1.0.6\n443\n8000:8080\n<html>\n10.0.0.9-10.0.0.1\n"
        );

        Assert.Equal(
            ["192.0.2.1/32", "10.0.0.0/8", "2001:db8::/32", "10.1.0.1/32", "10.1.0.2/31", "10.1.0.4/31", "10.1.0.6/32"],
            file.Prefixes.Select(p => p.ToString())
        );
        Assert.Equal(["443", "8000-8080"], file.Ports.Select(p => p.ToString()));
        Assert.Equal(2, file.Refused);
    }

    [Fact]
    public void The_networks_of_a_range_are_exactly_the_range()
    {
        var random = new Random(11);
        for (var round = 0; round < 500; round++)
        {
            var (a, b) = ((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << random.Next(1, 33)));
            var range = new AddressRange(Math.Min(a, b), Math.Max(a, b), false);

            var joined = AddressRange.Joined(range.Prefixes().OrderBy(_ => random.Next()));

            Assert.Equal([range], joined);
        }
    }

    [Fact]
    public void Overlapping_and_touching_networks_become_one_element()
    {
        Assert.True(AddressPrefix.TryParse("10.0.0.0/24", out var a));
        Assert.True(AddressPrefix.TryParse("10.0.1.0/24", out var b));
        Assert.True(AddressPrefix.TryParse("10.0.0.7", out var c));
        Assert.True(AddressPrefix.TryParse("10.0.3.0/24", out var d));

        Assert.Equal(["10.0.0.0/23", "10.0.3.0/24"], AddressRange.Joined([b, d, c, a]).Select(r => r.ToString()));
    }

    [Fact]
    public void A_fetched_table_fills_its_set_and_a_rule_about_the_rest_of_the_world_waits_for_it()
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("<type>network</type>", "<type>urltable</type>", StringComparison.Ordinal)
            .Replace(
                "<filter>",
                "<filter><rule><type>pass</type><interface>wan</interface><ipprotocol>inet</ipprotocol><source><address>Office</address><not/></source><destination><any/></destination><descr>others</descr></rule>",
                StringComparison.Ordinal
            );
        var configuration = ConfigVectors.Read(text).Configuration!;
        var file = AliasFile.Parse("198.51.100.0/24");

        var without = RulesetCompiler.Build(configuration, new RulesetContext());
        var with = RulesetCompiler.Build(configuration, new RulesetContext { Tables = new RulesetContext().Tables.Add("Office", file) });

        Assert.Empty(without.Sets.Single(s => s.Name == "alias_Office_4").Elements);
        Assert.Equal((RuleStanding.Unresolved, RuleStanding.Active), (without.Rules[0].Standing, without.Rules[1].Standing));
        Assert.Equal(["198.51.100.0/24"], with.Sets.Single(s => s.Name == "alias_Office_4").Elements);
        Assert.Equal(RuleStanding.Active, with.Rules[0].Standing);
    }
}
