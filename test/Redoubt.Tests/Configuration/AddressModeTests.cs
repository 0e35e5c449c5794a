using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.Firewall;
using Redoubt.Core.Neighbours;

namespace Redoubt.Tests.Configuration;

/// <summary>Virtual addresses that are in no election.</summary>
public class AddressModeTests
{
    private static ConfigurationResult With(string vip) =>
        ConfigVectors.Read(
            ConfigVectors.Text("good/pair.xml").Replace("</virtualip>", $"<vip>{vip}</vip></virtualip>", StringComparison.Ordinal)
        );

    private static string Alias(string on, string address, int bits) =>
        $"<mode>ipalias</mode><interface>{on}</interface><subnet>{address}</subnet><subnet_bits>{bits}</subnet_bits>";

    [Fact]
    public void An_alias_on_an_interface_stands_whatever_the_role_with_its_network()
    {
        var result = With(Alias("lan", "192.0.2.7", 24));

        Assert.Empty(result.Problems);
        Assert.Equal("192.0.2.7/24 on lan0", Assert.Single(StandingAddress.Of(result.Configuration!)).ToString());
        Assert.DoesNotContain(result.Configuration!.VirtualHosts, h => h.Addresses.Any(a => a.AddressText == "192.0.2.7"));
    }

    [Theory]
    [InlineData("192.0.2.7", 24, "192.0.2.7/32 on lo")]
    [InlineData("2001:db8:9::7", 64, "2001:db8:9::7/128 on lo")]
    public void An_alias_on_the_loopback_device_is_one_address_and_no_network(string address, int bits, string expected)
    {
        var result = With(Alias("lo0", address, bits));

        Assert.Empty(result.Problems);
        Assert.Equal(expected, Assert.Single(StandingAddress.Of(result.Configuration!)).ToString());
    }

    [Fact]
    public void An_alias_on_a_carp_address_moves_with_its_vhid_and_does_not_stand()
    {
        var configuration = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!;

        Assert.Empty(StandingAddress.Of(configuration));
        Assert.Contains(configuration.VirtualHosts.Single(h => h.Vhid == 1).Addresses, a => a.AddressText == "10.0.0.9");
    }

    [Theory]
    [InlineData("carp", "lo0")]
    [InlineData("proxyarp", "lo0")]
    [InlineData("ipalias", "opt9")]
    public void A_mode_on_what_cannot_carry_it_is_refused(string mode, string on)
    {
        var result = With(Alias(on, "192.0.2.7", 24).Replace("ipalias", mode, StringComparison.Ordinal));

        Assert.Contains(result.Errors, p => p.Element == "virtualip/vip[5]/interface");
    }

    [Fact]
    public void An_alias_with_an_address_that_is_in_use_is_refused()
    {
        var result = With(Alias("lo0", "10.0.0.1", 32));

        Assert.Contains(result.Errors, p => p.Message.Contains("in use already", StringComparison.Ordinal));
    }

    private static string Block(string mode, string rest, string on = "wan") => $"<mode>{mode}</mode><interface>{on}</interface>{rest}";

    [Theory]
    [InlineData("<type>single</type><subnet>203.0.113.9</subnet><subnet_bits>24</subnet_bits>", "203.0.113.9")]
    [InlineData("<type>single</type><subnet>203.0.113.9</subnet>", "203.0.113.9")]
    [InlineData("<subnet>203.0.113.9</subnet><subnet_bits>32</subnet_bits>", "203.0.113.9")]
    [InlineData("<type>network</type><subnet>203.0.113.17</subnet><subnet_bits>28</subnet_bits>", "203.0.113.16/28")]
    [InlineData("<subnet>203.0.113.16</subnet><subnet_bits>28</subnet_bits>", "203.0.113.16/28")]
    [InlineData("<type>network</type><subnet>2001:db8:1::100</subnet><subnet_bits>120</subnet_bits>", "2001:db8:1::100/120")]
    [InlineData("<range><from>203.0.113.9</from><to>203.0.113.12</to></range>", "203.0.113.9-203.0.113.12")]
    [InlineData("<type>range</type><range><from>2001:db8:1::9</from><to>2001:db8:1::9</to></range>", "2001:db8:1::9")]
    public void Blocks_of_addresses_are_read_in_all_their_forms(string block, string expected)
    {
        foreach (var mode in (string[])["proxyarp", "other"])
        {
            var result = With(Block(mode, block));

            Assert.Empty(result.Problems);
            Assert.Equal(expected, result.Configuration!.VirtualAddresses[^1].Range.ToString());
        }
    }

    [Theory]
    [InlineData("<type>network</type><subnet>203.0.113.16</subnet>", "prefix length is missing")]
    [InlineData("<type>network</type><subnet>203.0.113.16</subnet><subnet_bits>33</subnet_bits>", "1 to 32")]
    [InlineData("<type>network</type>", "the address is missing")]
    [InlineData("<type>subnet</type><subnet>203.0.113.16</subnet><subnet_bits>28</subnet_bits>", "is not known")]
    [InlineData("<type>range</type><subnet>203.0.113.16</subnet><subnet_bits>28</subnet_bits>", "the range is missing")]
    [InlineData("<range><from>203.0.113.9</from></range>", "the range is missing")]
    [InlineData("<range><from>203.0.113.9</from><to>203.0.113.8</to></range>", "does not end a range")]
    [InlineData("<range><from>203.0.113.9</from><to>2001:db8::9</to></range>", "does not end a range")]
    [InlineData("<range><from>203.0.113.9</from><to>x</to></range>", "is not an address")]
    public void A_block_that_says_nothing_certain_is_refused(string block, string says)
    {
        foreach (var mode in (string[])["proxyarp", "other"])
            Assert.Contains(With(Block(mode, block)).Errors, p => p.ToString().Contains(says, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("198.18.0.0", 20, true)]
    [InlineData("198.18.0.0", 19, false)]
    [InlineData("0.0.0.0", 1, false)]
    [InlineData("2001:db8:9::", 116, true)]
    [InlineData("2001:db8:9::", 64, false)]
    public void No_more_is_answered_for_than_somebody_can_mean_but_any_network_may_be_routed_here(string network, int bits, bool fits)
    {
        var block = $"<type>network</type><subnet>{network}</subnet><subnet_bits>{bits}</subnet_bits>";

        Assert.Equal(!fits, With(Block("proxyarp", block)).Errors.Any(p => p.Message.Contains("too many", StringComparison.Ordinal)));
        Assert.Empty(With(Block("other", block)).Problems);
    }

    [Fact]
    public void What_is_answered_for_on_one_interface_adds_up()
    {
        static string Half(int n, string on) =>
            Block("proxyarp", $"<type>network</type><subnet>198.18.{n * 8}.0</subnet><subnet_bits>21</subnet_bits>", on);

        Assert.Empty(With($"{Half(0, "wan")}</vip><vip>{Half(1, "wan")}</vip><vip>{Half(2, "opt1")}").Problems);
        var error = Assert.Single(With($"{Half(0, "wan")}</vip><vip>{Half(1, "wan")}</vip><vip>{Half(2, "wan")}").Errors);
        Assert.Equal("virtualip/vip[7]/subnet", error.Element);
    }

    [Theory]
    [InlineData("203.0.113.2", "in use already")]
    [InlineData("224.0.0.9", "nobody can have")]
    [InlineData("127.0.0.9", "nobody can have")]
    public void A_single_address_that_somebody_has_or_nobody_can_have_is_not_proxied(string address, string says)
    {
        var result = With(Block("proxyarp", $"<type>single</type><subnet>{address}</subnet>"));

        Assert.Contains(result.Errors, p => p.Message.Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void Proxied_addresses_follow_the_first_vhid_of_their_interface_and_leave_out_what_is_taken()
    {
        var block = "<type>network</type><subnet>203.0.113.0</subnet><subnet_bits>28</subnet_bits>";
        var configuration = With(
            $"{Block("proxyarp", block)}</vip><vip>{Block("proxyarp", "<type>single</type><subnet>10.77.3.40</subnet>", "opt1")}"
        ).Configuration!;

        var proxied = ProxiedAddresses.Of(configuration);

        Assert.Equal(
            ["wan wan@2 203.0.113.0/28", "opt1  10.77.3.40"],
            proxied.Select(p => $"{p.Interface} {p.Host?.Member} {p.Ranges[0]}")
        );
        var excepted = ProxiedAddresses.Excepted(configuration).Select(e => e.AddressText).ToHashSet();
        Assert.Superset(new HashSet<string> { "203.0.113.1", "203.0.113.2", "10.0.0.9" }, excepted);
        Assert.DoesNotContain("10.77.3.40", excepted);
    }

    [Fact]
    public void Translation_to_an_address_that_is_routed_here_gives_no_warning_and_to_a_strangers_does()
    {
        ConfigurationResult Translate(string target) =>
            ConfigVectors.Read(
                ConfigVectors
                    .Text("good/pair.xml")
                    .Replace(
                        "</virtualip>",
                        $"<vip>{Block("other", "<type>network</type><subnet>198.51.100.0</subnet><subnet_bits>28</subnet_bits>")}</vip></virtualip>",
                        StringComparison.Ordinal
                    )
                    .Replace("<target>203.0.113.1</target>", $"<target>{target}</target>", StringComparison.Ordinal)
            );

        var routed = Translate("198.51.100.7");

        Assert.Empty(routed.Problems);
        Assert.Contains(
            RulesetCompiler.Compile(routed.Configuration!, new RulesetContext()).Split('\n'),
            line => line.Contains("snat ip to 198.51.100.7", StringComparison.Ordinal)
        );
        Assert.Contains(
            Translate("198.51.100.17").Problems,
            p => p.Message.Contains("neither a virtual address nor an interface's", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("<accept>no</accept>", true)]
    [InlineData("<accept>yes</accept>", false)]
    [InlineData("", false)]
    [InlineData("<accept>no</accept><priority>255</priority>", false)] // the owner of the addresses
    public void Without_accept_mode_the_master_of_a_virtual_router_is_not_reached_at_its_addresses(string tags, bool closed)
    {
        var result = ConfigVectors.Read(
            ConfigVectors
                .Text("good/pair.xml")
                .Replace("<protocol>carp</protocol>", $"<protocol>vrrp3</protocol>{tags}", StringComparison.Ordinal)
        );

        var rules = RulesetCompiler.Compile(result.Configuration!, new RulesetContext()).Split('\n').Select(l => l.Trim()).ToList();

        Assert.Empty(result.Errors);
        var dropping = rules.Where(r => r.Contains("\"unaccepted\" drop", StringComparison.Ordinal)).Select(r => r.Split(" counter")[0]);
        Assert.Equal(
            closed
                ?
                [
                    "ip daddr { 10.0.0.1, 10.0.0.9 }",
                    "ip6 daddr fe80::1 meta l4proto != icmpv6",
                    "ip6 daddr fe80::1 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert }",
                ]
                : [],
            dropping
        );
    }

    [Theory]
    [InlineData("<mac>real</mac>", false)] // as in the file: lan@1
    [InlineData("<mac>virtual</mac>", true)]
    public void Proxied_addresses_need_a_vhid_with_a_gate_of_its_own_where_there_are_any(string mac, bool fits)
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace(
                "</virtualip>",
                $"<vip>{Block("proxyarp", "<type>single</type><subnet>10.0.0.40</subnet>", "lan")}</vip></virtualip>",
                StringComparison.Ordinal
            )
            .Replace("<mac>real</mac>", mac, StringComparison.Ordinal);

        var result = ConfigVectors.Read(text);

        Assert.Equal(!fits, result.Errors.Any(p => p.Element == "virtualip/vip[5]/interface"));
        if (fits)
            Assert.Equal("lan@1", Assert.Single(ProxiedAddresses.Of(result.Configuration!)).Host!.Member);
    }

    [Theory]
    [InlineData("<ipaddr>203.0.113.2</ipaddr>", 32, false)]
    [InlineData("", 32, true)]
    [InlineData("", 24, false)] // an alias leads there
    public void A_next_hop_that_only_a_virtual_address_leads_to_is_on_the_link(string own, int alias, bool onLink)
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("<ipaddr>203.0.113.2</ipaddr>", own, StringComparison.Ordinal)
            .Replace(
                "</virtualip>",
                $"<vip>{Alias("wan", "203.0.113.9", alias)}</vip></virtualip>"
                    + "<gateways><gateway_item><interface>wan</interface><gateway>203.0.113.254</gateway><name>FAR</name></gateway_item></gateways>"
                    + "<staticroutes><route><network>192.0.2.0/24</network><gateway>FAR</gateway></route></staticroutes>",
                StringComparison.Ordinal
            );
        Assert.True(ConfigDocument.TryRead(System.Text.Encoding.UTF8.GetBytes(text), out var document, out _));
        var configuration = ConfigurationReader.Read(document!, "config.xml").Configuration!;

        var route = Assert.Single(StaticRouteReader.Read(document!, configuration, "config.xml", out var problems));

        Assert.Empty(problems);
        Assert.Equal(onLink, route.IsOnLink);
    }
}
