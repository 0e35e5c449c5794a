namespace Redoubt.Tests.Configuration;

public class ProblemTests
{
    // Each row: what of good/pair.xml is replaced, by what, then where and what the problem must be. The line is that of the replaced text.
    public static TheoryData<string, string, string, string> Errors =>
        new()
        {
            { "<vhid>2</vhid>", "<vhid>256</vhid>", "virtualip/vip[1]/vhid", "a number from 1 to 255" },
            { "<vhid>2</vhid>", "<vhid/>", "virtualip/vip[1]/vhid", "the vhid is missing" },
            { "<vhid>2</vhid>", "<vhid>2</vhid><vhid>3</vhid>", "virtualip/vip[1]/vhid[2]", "occurs more than once" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>203.0.113</subnet>", "virtualip/vip[1]/subnet", "is not an address" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>203.0.113.0</subnet>", "virtualip/vip[1]/subnet", "network or broadcast" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>203.0.113.255</subnet>", "virtualip/vip[1]/subnet", "network or broadcast" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>203.0.114.1</subnet>", "virtualip/vip[1]/subnet", "not in wan's network" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>203.0.113.2</subnet>", "virtualip/vip[1]/subnet", "in use already (wan)" },
            { "<subnet>203.0.113.1</subnet>", "<subnet>224.0.0.1</subnet>", "virtualip/vip[1]/subnet", "not an address a node can have" },
            { "<subnet>203.0.113.1</subnet>", "<subnet/>", "virtualip/vip[1]/subnet", "the address is missing" },
            { "<subnet>10.0.0.9</subnet>", "<subnet>10.0.0.1</subnet>", "virtualip/vip[4]/subnet", "in use already" },
            { "<subnet>10.0.0.9</subnet>", "<subnet>10.0.0.2</subnet>", "virtualip/vip[4]/subnet", "in use already (lan)" },
            { "<password><![CDATA[wan&amp;key]]></password>", "<password/>", "virtualip/vip[1]/password", "the password is missing" },
            { "_vip65a1b2c3d4e01", "_vip65a1b2c3d4eff", "virtualip/vip[4]/interface", "no CARP address with uniqid" },
            { "<uniqid>65a1b2c3d4e02</uniqid>", "<uniqid>;}</uniqid>", "virtualip/vip[1]/uniqid", "is no uniqid" },
            { "<uniqid>65a1b2c3d4e03</uniqid>", "<uniqid>65a1b2c3d4e01</uniqid>", "virtualip/vip[4]/uniqid", "occurs more than once" },
            { "<if>wan0</if>", "<if>sixteen-letters-</if>", "interfaces/wan/if", "is no device name" },
            { "<if>wan0</if>", "<if>a b</if>", "interfaces/wan/if", "is no device name" },
            { "<if>wan0</if>", "<if>wan*</if>", "interfaces/wan/if", "is no device name" },
            { "<if>wan0</if>", "<if/>", "interfaces/wan/if", "has no device" },
            { "<if>lan0</if>", "<if>wan0</if>", "interfaces/lan/if", "belongs to wan already" },
            { "<ipaddr>10.0.0.2</ipaddr>", "<ipaddr>10.0.0.256</ipaddr>", "interfaces/lan/ipaddr", "is not an address" },
            { "<ipaddr>10.0.0.2</ipaddr>", "<ipaddr>203.0.113.2</ipaddr>", "interfaces/lan/ipaddr", "belongs to wan already" },
            {
                "<pfsyncinterface>opt1</pfsyncinterface>",
                "<pfsyncinterface>opt9</pfsyncinterface>",
                "hasync/pfsyncinterface",
                "there is no interface"
            },
            { "<pfsyncinterface>opt1</pfsyncinterface>", "<pfsyncinterface/>", "hasync/pfsyncinterface", "without an interface" },
            { "<pfsyncpeerip>10.77.3.12", "<pfsyncpeerip>10.77.3.11", "hasync/pfsyncpeerip", "this node's own address" },
            {
                "<pfsyncenabled>on</pfsyncenabled>",
                "<pfsyncenabled>on</pfsyncenabled><pfhostid>0</pfhostid>",
                "hasync/pfhostid",
                "is no host id"
            },
            { "<hostname>fw1</hostname>", "<hostname>fw 1</hostname>", "system/hostname", "is no host name" },
            {
                "<type>reject</type>\n\t\t\t<interface>lan</interface>",
                "<type>deny</type>\n\t\t\t<interface>lan</interface>",
                "filter/rule[2]/type",
                "pass, block, reject"
            },
            { "<port>2323</port>", "<port>70000</port>", "filter/rule[2]/destination/port", "is no port" },
            { "<port>2323</port>", "<port>90-80</port>", "filter/rule[2]/destination/port", "is no port" },
            {
                "<source><address>Office</address></source>",
                "<source><address>Nowhere</address></source>",
                "filter/rule[1]/source/address",
                "is no address"
            },
            {
                "<source><address>Office</address></source>",
                "<source><any/><not/></source>",
                "filter/rule[1]/source",
                "would match nothing"
            },
            {
                "<source><address>Office</address></source>",
                "<source><any/><address>10.0.0.1</address></source>",
                "filter/rule[1]/source",
                "more than one of"
            },
            { "<source><address>Office</address></source>", "<source/>", "filter/rule[1]/source", "the address is missing" },
            { "<icmptype>echoreq,unreach</icmptype>", "<icmptype>warp</icmptype>", "filter/rule[6]/icmptype", "is no ICMP type" },
            { "<protocol>icmp</protocol>", "<protocol>smoke</protocol>", "filter/rule[6]/protocol", "is no protocol" },
            { "<descr>no telnet</descr>", "<sched>Nights</sched>", "filter/rule[2]/sched", "there is no schedule" },
            { "<descr>no telnet</descr>", "<gateway>GW9</gateway>", "filter/rule[2]/gateway", "there is no gateway" },
            { "<descr>no telnet</descr>", "<tcpflags1>sin</tcpflags1>", "filter/rule[2]/tcpflags1", "is no TCP flag" },
            { "<descr>no telnet</descr>", "<max>many</max>", "filter/rule[2]/max", "a number from 1" },
            {
                "<descr>no telnet</descr>",
                "<max-src-conn-rate>5</max-src-conn-rate>",
                "filter/rule[2]/max-src-conn-rate",
                "connections and seconds"
            },
            { "<descr>no telnet</descr>", "<statetype>maybe</statetype>", "filter/rule[2]/statetype", "keep state, sloppy state" },
            { "<mode>hybrid</mode>", "<mode>magic</mode>", "nat/outbound/mode", "automatic, hybrid, advanced, disabled" },
            { "<target>203.0.113.1</target>", "<target>here</target>", "nat/outbound/rule[2]/target", "is not an address" },
            { "<dstport>5060-5061</dstport>", "<dstport>x</dstport>", "nat/outbound/rule[2]/dstport", "is no port" },
            { "<id>1</id>", "<id>9</id>", "redoubt/node/id", "a number from 1 to 8" },
            { "<peer><id>2</id>", "<peer><id>1</id>", "redoubt/cluster/peer/id", "this node's own" },
            { "<secretfile>cluster.key", "<secretfile>/etc/cluster.key", "redoubt/cluster/secretfile", "no path inside" },
            { "<secretfile>cluster.key", "<secretfile>../cluster.key", "redoubt/cluster/secretfile", "no path inside" },
            { "<synclink>opt1</synclink>", "<synclink>opt7</synclink>", "redoubt/cluster/synclink", "there is no interface" },
            {
                "<strict/>",
                "<peer><id>2</id><name>x</name><address>10.77.3.13</address></peer>",
                "redoubt/cluster/peer[2]/id",
                "occurs more than once"
            },
            {
                "<strict/>",
                "<peer><id>3</id><name>x</name><address>10.77.3.12</address></peer>",
                "redoubt/cluster/peer[2]/address",
                "occurs more than once"
            },
            { "<strict/>", "<peer><id>3</id><name>x</name></peer>", "redoubt/cluster/peer[2]", "address is missing" },
            { "<profile>fast</profile>", "<profile>quick</profile>", "redoubt/failover/profile", "default, carp, fast" },
            { "<preempt>delayed</preempt>", "<preempt>maybe</preempt>", "redoubt/failover/preempt", "immediate, delayed, never" },
            { "<preemptdelay>45</preemptdelay>", "<preemptdelay>-1</preemptdelay>", "redoubt/failover/preemptdelay", "a number from" },
            { "<drain>250</drain>", "<drain>1e9</drain>", "redoubt/failover/drain", "a number from" },
            { "<member>wan@2</member></group>", "<member>wan@3</member></group>", "redoubt/failover/group/member[2]", "no CARP address" },
            { "<member>wan@2</member></group>", "<member>lan@1</member></group>", "redoubt/failover/group/member[2]", "a member already" },
            { "<witness>192.0.2.1", "<witness>isp.example", "redoubt/failover/witness", "is not an address" },
            { "<weight>100</weight>", "<weight>241</weight>", "redoubt/failover/check/weight", "a number from 1 to 240" },
            { "<target>192.0.2.1</target>", "<target>x</target>", "redoubt/failover/check/target", "is no target" },
            { "<transport>pfsync</transport>", "<transport>smoke</transport>", "redoubt/statesync/transport", "redoubt, pfsync" },
            { "<format>1400</format>", "<format>1401</format>", "redoubt/statesync/format", "1301" },
            { "<format>1400</format>", "<format>linux</format>", "redoubt/statesync/format", "pfsync has no format linux" },
            { "<vip><member>lan@1</member>", "<vip><member>lan@9</member>", "redoubt/vip/member", "no CARP address" },
            { "<mac>real</mac>", "<mac>fake</mac>", "redoubt/vip/mac", "virtual, real" },
            { "<peer>10.0.0.3</peer>", "<peer>10.0.0.3/24</peer>", "redoubt/vip/peer", "is not an address" },
            { "<protocol>carp</protocol>", "<protocol>vrrp2</protocol>", "virtualip/vip[3]", "has no IPv6" },
            { "<protocol>carp</protocol>", "<protocol>carp</protocol><priority>9</priority>", "redoubt/vip/priority", "is VRRP's" },
            { "<protocol>carp</protocol>", "<protocol>carp</protocol><accept>no</accept>", "redoubt/vip/accept", "is VRRP's" },
            { "<protocol>carp</protocol>", "<protocol>vrrp3</protocol><accept>maybe</accept>", "redoubt/vip/accept", "yes, no" },
            { "<protocol>carp</protocol>", "<protocol>vrrp3</protocol><priority>256</priority>", "redoubt/vip/priority", "from 1 to 255" },
            { "<protocol>carp</protocol>", "<protocol>vrrp3</protocol><interval>0</interval>", "redoubt/vip/interval", "from 1 to 4095" },
            { "<protocol>carp</protocol>", "<protocol>vrrp3</protocol><checksum>none</checksum>", "redoubt/vip/checksum", "pseudo, plain" },
            {
                "<protocol>carp</protocol>",
                "<protocol>vrrp2</protocol><interval>50</interval>",
                "redoubt/vip/interval",
                "no interval to choose"
            },
        };

    [Theory]
    [MemberData(nameof(Errors))]
    public void An_error_names_line_and_element(string good, string bad, string element, string says)
    {
        var text = ConfigVectors.Text("good/pair.xml");
        var at = text.IndexOf(good, StringComparison.Ordinal);
        Assert.True(at >= 0, good);
        var line = text[..at].Count(c => c == '\n') + 1;

        var result = ConfigVectors.Read(text[..at] + bad + text[(at + good.Length)..]);

        Assert.Null(result.Configuration);
        var found = result.Errors.FirstOrDefault(p => p.Element == element && p.ToString().Contains(says, StringComparison.Ordinal));
        Assert.True(found is not null, string.Join('\n', result.Problems));
        if (!element.EndsWith("vip[3]", StringComparison.Ordinal))
            Assert.Equal(line, found.Line);
    }

    // Within the second entry of vhid 1 on lan.
    [Theory]
    [InlineData("<advbase>1</advbase>", "<advbase>2</advbase>", "virtualip/vip[3]/advbase", "advbase differs")]
    [InlineData("<advskew>0</advskew>", "<advskew>5</advskew>", "virtualip/vip[3]/advskew", "advskew differs")]
    [InlineData("<password>lankey</password>", "<password>other</password>", "virtualip/vip[3]/password", "password differs")]
    [InlineData("<subnet>fe80::1</subnet>", "<subnet>10.0.0.7</subnet>", "virtualip/vip[3]/vhid", "is used already")]
    [InlineData("<advbase>1</advbase>", "<advbase>256</advbase>", "virtualip/vip[3]/advbase", "1 to 255")]
    [InlineData("<advskew>0</advskew>", "<advskew>255</advskew>", "virtualip/vip[3]/advskew", "0 to 254")]
    [InlineData("<subnet_bits>64</subnet_bits>", "<subnet_bits>129</subnet_bits>", "virtualip/vip[3]/subnet_bits", "1 to 128")]
    [InlineData("<subnet_bits>64</subnet_bits>", "", "virtualip/vip[3]", "prefix length is missing")]
    [InlineData("<interface>lan</interface>", "<interface>dmz</interface>", "virtualip/vip[3]/interface", "there is no interface")]
    [InlineData("<mode>carp</mode>", "<mode>magic</mode>", "virtualip/vip[3]/mode", "carp, ipalias")]
    public void Entries_of_one_vhid_must_agree(string good, string bad, string element, string says)
    {
        var text = ConfigVectors.Text("good/pair.xml");
        var parts = text.Split("<vip>");
        parts[3] = parts[3]
            .Replace(good, bad, StringComparison.Ordinal)
            .Replace(
                "<subnet_bits>64",
                bad.Contains("10.0.0.7", StringComparison.Ordinal) ? "<subnet_bits>24" : "<subnet_bits>64",
                StringComparison.Ordinal
            );

        var result = ConfigVectors.Read(string.Join("<vip>", parts));

        Assert.Contains(result.Errors, p => p.Element == element && p.ToString().Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void A_virtual_address_with_another_mask_than_its_interface_is_refused_and_a_host_mask_is_not()
    {
        var text = ConfigVectors.Text("good/pair.xml");

        var other = ConfigVectors.Read(ReplaceFirst(text, "<subnet_bits>24", "<subnet_bits>25"));
        var host = ConfigVectors.Read(ReplaceFirst(text, "<subnet_bits>24", "<subnet_bits>32"));

        Assert.Contains(
            other.Errors,
            p => p.Element == "virtualip/vip[1]/subnet_bits" && p.Message.Contains("differs from wan's", StringComparison.Ordinal)
        );
        Assert.Empty(host.Errors);
    }

    [Theory]
    [InlineData("", "Root element")]
    [InlineData("<pfsense>", "")]
    [InlineData("<opnsense/>", "root element is \"opnsense\"")]
    [InlineData("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><pfsense>&x;</pfsense>", "DTD")]
    [InlineData("<pfsense>&undeclared;</pfsense>", "undeclared")]
    [InlineData("<pfsense/>", "there are no interfaces")]
    public void What_is_no_configuration_is_refused(string text, string says)
    {
        var result = ConfigVectors.Read(text);

        Assert.Null(result.Configuration);
        Assert.Contains(result.Errors, p => p.ToString().Contains(says, StringComparison.Ordinal));
    }

    [Fact]
    public void Depth_has_a_limit()
    {
        var deep = string.Concat(Enumerable.Repeat("<a>", 200_000));
        Assert.Contains(
            ConfigVectors.Read("<pfsense>" + deep).Errors,
            p => p.Message.Contains("nested too deeply", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Size_has_a_limit()
    {
        var result = Redoubt.Core.Configuration.ConfigurationReader.Read(new byte[(64 * 1024 * 1024) + 1], "big");
        Assert.Contains(result.Errors, p => p.Message.Contains("64 MiB", StringComparison.Ordinal));
    }

    [Fact]
    public void Aliases_that_contain_each_other_end_at_a_limit()
    {
        var names = string.Join(' ', Enumerable.Repeat("B", 5000));
        var back = string.Join(' ', Enumerable.Repeat("Office", 5000));
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("10.1.0.0/16 10.1.2.0/24 192.0.2.0/28 2001:db8:7::/48", names, StringComparison.Ordinal)
            .Replace(
                "</aliases>",
                $"<alias><name>B</name><type>network</type><address>{back}</address></alias></aliases>",
                StringComparison.Ordinal
            );

        var result = ConfigVectors.Read(text);

        Assert.Contains(
            result.Warnings,
            p => p.Element == "filter/rule[1]/source/address" && p.Message.Contains("kept, not applied", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Problems_are_counted_beyond_their_limit()
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("</filter>", string.Concat(Enumerable.Repeat("<rule/>", 40_000)) + "</filter>", StringComparison.Ordinal);

        var result = ConfigVectors.Read(text);

        Assert.Contains(result.Problems, p => p.Message.Contains("more of this kind", StringComparison.Ordinal));
        Assert.True(result.Problems.Length < 1100);
    }

    [InlineData("<type>block</type>", "<type>match</type>", "match rule must be floating")]
    [InlineData("<type>block</type>", "<type>block</type><os>Linux</os>", "<os> is not supported")]
    [InlineData("<type>block</type>", "<type>block</type><vlanprio>ee</vlanprio>", "<vlanprio> is not supported")]
    [InlineData("<type>block</type>", "<type>block</type><dscp>later</dscp>", "is no code point")]
    [InlineData("<type>block</type>", "<type>block</type><statetype>sloppy state</statetype>", "works as keep state")]
    [InlineData("<type>block</type>", "<type>block</type><statetype>synproxy state</statetype>", "works as keep state")]
    [InlineData("<type>block</type>", "<type>block</type><statepolicy>if-bound</statepolicy>", "answers are taken from any interface")]
    [InlineData("<type>block</type>", "<type>block</type><ackqueue>q</ackqueue>", "works without it")]
    [InlineData("<type>block</type>", "<type>block</type><max>5</max>", "limits have no effect")]
    [InlineData("<type>block</type>", "<type>block</type><floating>yes</floating><tagged>x</tagged>", "can not ask for a tag")]
    [InlineData("<type>block</type>", "<type>reject</type><floating>yes</floating><direction>out</direction>", "dropped without an answer")]
    [InlineData("<mode>hybrid</mode>", "<mode>automatic</mode>", "no effect in mode")]
    [InlineData("<strict/>", "<strickt/>", "<strickt> is not known")]
    [InlineData("lankey", "a-password-of-more-than-19-bytes", "19 bytes")]
    [InlineData("10.1.0.0/16 10.1.2.0/24", "10.1.0.0/16 www.example", "is a host name and not looked up")]
    [Theory]
    public void What_is_not_acted_on_is_a_warning(string good, string other, string says)
    {
        var result = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml").Replace(good, other, StringComparison.Ordinal));

        Assert.Contains(result.Warnings, p => p.Message.Contains(says, StringComparison.Ordinal));
    }

    private static string ReplaceFirst(string text, string old, string other)
    {
        var at = text.IndexOf(old, StringComparison.Ordinal);
        return text[..at] + other + text[(at + old.Length)..];
    }
}
