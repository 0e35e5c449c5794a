namespace Redoubt.Tests.Configuration;

public class RoleReaderTests
{
    private const string Service = "<service><name>dns</name><unit>dnsmasq.service</unit></service>";

    private static Redoubt.Core.Configuration.ConfigurationResult Read(string failover, string hooks = "", string groups = "") =>
        ConfigVectors.Read(
            $"""
            <pfsense><system><hostname>fw1</hostname></system>
            <interfaces>
              <lan><if>eth0</if><ipaddr>10.0.0.11</ipaddr><subnet>24</subnet><ipaddrv6>2001:db8:1::11</ipaddrv6><subnetv6>64</subnetv6></lan>
              <wan><if>eth1</if><ipaddr>203.0.113.11</ipaddr><subnet>24</subnet></wan>
            </interfaces>
            <virtualip>
              <vip><mode>carp</mode><interface>lan</interface><vhid>1</vhid><password>x</password><subnet>10.0.0.1</subnet><subnet_bits>24</subnet_bits></vip>
              <vip><mode>carp</mode><interface>lan</interface><vhid>1</vhid><password>x</password><subnet>fe80::1:1</subnet><subnet_bits>64</subnet_bits><uniqid>a</uniqid></vip>
              <vip><mode>ipalias</mode><interface>_vipa</interface><subnet>2001:db8:1::1</subnet><subnet_bits>64</subnet_bits></vip>
              <vip><mode>carp</mode><interface>wan</interface><vhid>2</vhid><password>x</password><subnet>203.0.113.1</subnet><subnet_bits>24</subnet_bits></vip>
            </virtualip>
            <redoubt>{hooks}<failover>{groups}{failover}</failover></redoubt>
            </pfsense>
            """
        );

    [Fact]
    public void Services_follow_the_one_group_where_they_name_none()
    {
        var result = Read(
            $"""
            {Service}
            <service><name>lease</name><command><arg>/usr/sbin/dhcpd</arg><arg>-f</arg><arg>two words</arg></command><vip>lan@1</vip></service>
            """
        );
        Assert.Empty(result.Errors);
        var services = result.Configuration!.Redoubt.Services;
        Assert.Equal(("dns", "dnsmasq.service", "main", null), (services[0].Name, services[0].Unit, services[0].Group, services[0].Vip));
        Assert.Equal(["/usr/sbin/dhcpd", "-f", "two words"], services[1].Command);
        Assert.Equal((null, null, "lan@1"), (services[1].Unit, services[1].Group, services[1].Vip));
    }

    [Theory]
    [InlineData("<service><unit>a.service</unit></service>", "failover/service", "the name is missing")]
    [InlineData("<service><name>a b</name><unit>a.service</unit></service>", "service/name", "is no name")]
    [InlineData($"{Service}{Service}", "service[2]/name", "occurs more than once")]
    [InlineData("<service><name>a</name></service>", "failover/service", "what is to run?")]
    [InlineData("<service><name>a</name><unit>a.service</unit><command><arg>/a</arg></command></service>", "service", "what is to run?")]
    [InlineData("<service><name>a</name><unit>--now.service</unit></service>", "service/unit", "is no unit")]
    [InlineData("<service><name>a</name><unit>../a.service</unit></service>", "service/unit", "is no unit")]
    [InlineData("<service><name>a</name><unit>a b.service</unit></service>", "service/unit", "is no unit")]
    [InlineData("<service><name>a</name><unit>reboot</unit></service>", "service/unit", "is no unit")]
    [InlineData("<service><name>a</name><unit>-.mount</unit></service>", "service/unit", "is no unit")]
    [InlineData("<service><name>a</name><command><arg>dhcpd</arg></command></service>", "service/command", "the program is missing")]
    [InlineData("<service><name>a</name><command/></service>", "service/command", "the program is missing")]
    [InlineData("<service><name>a</name><unit>a.service</unit><group>other</group></service>", "service/group", "no failover group")]
    [InlineData("<service><name>a</name><unit>a.service</unit><vip>lan@9</vip></service>", "service/vip", "no CARP address")]
    [InlineData(
        "<service><name>a</name><unit>a.service</unit><vip>lan@1</vip><group>main</group></service>",
        "service/vip",
        "follows one role"
    )]
    [InlineData("<routeradvertisement><interface>dmz</interface></routeradvertisement>", "routeradvertisement/interface", "no interface")]
    [InlineData("<routeradvertisement><interface>wan</interface></routeradvertisement>", "interface", "no link-local virtual address")]
    [InlineData(
        "<routeradvertisement><interface>lan</interface><prefix>2001:db8:1::1/64</prefix></routeradvertisement>",
        "routeradvertisement/prefix",
        "is no prefix"
    )]
    [InlineData(
        "<routeradvertisement><interface>lan</interface><prefix>10.0.0.0/24</prefix></routeradvertisement>",
        "routeradvertisement/prefix",
        "is no prefix"
    )]
    [InlineData(
        "<routeradvertisement><interface>lan</interface><rdnss>10.0.0.1</rdnss></routeradvertisement>",
        "routeradvertisement/rdnss",
        "is no IPv6 address"
    )]
    [InlineData(
        "<routeradvertisement><interface>lan</interface><lifetime>3</lifetime></routeradvertisement>",
        "routeradvertisement/lifetime",
        "a number from 12 to 9000"
    )]
    public void A_mistake_is_named_with_its_place(string xml, string element, string says)
    {
        var result = Read(xml);
        Assert.Contains(
            result.Errors,
            p =>
                p.Line > 0 && p.Element.EndsWith(element, StringComparison.Ordinal) && p.ToString().Contains(says, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Where_there_are_several_groups_a_service_names_its_own()
    {
        const string groups = "<group><name>in</name><member>lan@1</member></group><group><name>out</name><member>wan@2</member></group>";
        Assert.Contains(
            Read(Service, groups: groups).Errors,
            p => p.Message.Contains("group that the service follows", StringComparison.Ordinal)
        );
        var named = Read("<service><name>a</name><unit>a.service</unit><group>out</group></service>", groups: groups);
        Assert.Empty(named.Errors);
        Assert.Equal("out", named.Configuration!.Redoubt.Services[0].Group);
    }

    [Fact]
    public void Router_advertisements_come_from_the_link_local_address_with_the_prefix_of_the_virtual_one()
    {
        var result = Read(
            "<routeradvertisement><interface>lan</interface><lifetime>300</lifetime><rdnss>2001:db8:1::1</rdnss></routeradvertisement>"
        );
        Assert.Empty(result.Errors);
        var advertisement = Assert.Single(result.Configuration!.Redoubt.RouterAdvertisements);
        Assert.Equal(
            ("lan@1", "eth0", "fe80::1:1", 300),
            (advertisement.Vip, advertisement.Device, advertisement.Source.AddressText, advertisement.Lifetime)
        );
        Assert.Equal(["2001:db8:1::/64"], advertisement.Prefixes.Select(p => p.ToString()));
        Assert.Equal(["2001:db8:1::1"], advertisement.Resolvers.Select(r => r.AddressText));
    }

    [Theory]
    [InlineData("<hooks/>", "hooks", 30)]
    [InlineData("<hooks><directory>/etc/redoubt/on</directory><timeout>5</timeout></hooks>", "/etc/redoubt/on", 5)]
    public void Hooks_have_a_directory_and_a_time_limit(string xml, string directory, int seconds)
    {
        var hooks = Read("", xml).Configuration!.Redoubt.Hooks;
        Assert.Equal((directory, TimeSpan.FromSeconds(seconds)), (hooks.Directory, hooks.Timeout));
    }

    [Theory]
    [InlineData("<hooks><directory>../x</directory></hooks>", "no directory of hooks")]
    [InlineData("<hooks><timeout>0</timeout></hooks>", "a number from 1 to 300")]
    public void A_mistake_about_hooks_is_named(string xml, string says) =>
        Assert.Contains(Read("", xml).Errors, p => p.ToString().Contains(says, StringComparison.Ordinal));

    [Fact]
    public void A_misspelt_tag_of_a_service_is_a_warning() =>
        Assert.Contains(
            Read("<service><name>a</name><unit>a.service</unit><grup>main</grup></service>").Warnings,
            p => p.Message.Contains("<grup> is not known", StringComparison.Ordinal)
        );

    [Fact]
    public void Programs_are_the_same_where_only_whom_they_follow_differs()
    {
        static Redoubt.Core.Configuration.RedoubtSettings Of(string service) => Read(service).Configuration!.Redoubt;
        var settings = Of(Service);
        Assert.True(settings.RunsTheSame(Of("<service><name>other</name><unit>dnsmasq.service</unit><vip>lan@1</vip></service>")));
        Assert.False(settings.RunsTheSame(Of("<service><name>dns</name><unit>sshd.service</unit></service>")));
        Assert.False(settings.RunsTheSame(Of("<service><name>dns</name><command><arg>/bin/sh</arg></command></service>")));
        Assert.False(
            Of("<service><name>a</name><command><arg>/a</arg><arg>b</arg></command></service>")
                .RunsTheSame(Of("<service><name>a</name><command><arg>/a</arg><arg>b c</arg></command></service>"))
        );
    }
}
