using System.Globalization;
using System.Text;
using Redoubt.Core.Firewall;

namespace Redoubt.Lab.Tests.Firewall;

public class KernelAcceptanceTests
{
    private static readonly string[] s_options =
    [
        "",
        "<log/>",
        "<nopfsync/>",
        "<statetype>none</statetype>",
        "<max>10</max><max-src-nodes>5</max-src-nodes><max-src-states>3</max-src-states>",
        "<max-src-conn-rate>7</max-src-conn-rate><max-src-conn-rates>13</max-src-conn-rates>",
        "<allowopts/>",
        "<dscp>af21</dscp>",
        "<tag>t</tag>",
        "<sched>Office</sched>",
        "<gateway>Second</gateway>",
        "<floating>yes</floating><direction>any</direction>",
        "<floating>yes</floating><quick>yes</quick><direction>out</direction><tagged>t</tagged>",
        "<floating>yes</floating><quick>yes</quick><direction>in</direction><nottagged>t</nottagged>",
        "<disabled/>",
    ];

    [Fact]
    public void Every_option_in_every_combination_with_addresses_is_taken()
    {
        // In parts: who is not the machine's root has netlink messages of some 200 KiB at most.
        for (var from = 0; from < 630; from += 45)
        {
            var check = Namespace.Nft(["--check", "-f", "-"], Ruleset(from, from + 45, 20, 5));
            Assert.True(check.Succeeded, check.Error);
        }
    }

    [Fact(Explicit = true)]
    public void Ten_thousand_rules_and_a_thousand_aliases_of_a_hundred_addresses_are_taken()
    {
        var ruleset = Ruleset(0, 10_000, 1_000, 100);

        var check = Namespace.NftAsRoot(["--check", "-f", "-"], ruleset);
        Assert.SkipWhen(check.Error.Contains("Operation not permitted", StringComparison.Ordinal), "needs the machine's root");

        Assert.True(check.Succeeded, check.Error);
    }

    private static string Ruleset(int from, int to, int aliases, int addresses)
    {
        var text = new StringBuilder("<aliases>");
        for (var i = 0; i < aliases; i++)
        {
            var list = Enumerable
                .Range(0, addresses)
                .Select(n => string.Create(CultureInfo.InvariantCulture, $"10.{i % 250}.{n}.{i / 250}"));
            text.Append(
                CultureInfo.InvariantCulture,
                $"<alias><name>A{i}</name><type>host</type><address>{string.Join(' ', list)} 2001:db8:{i:x}::/48</address></alias>"
            );
        }
        text.Append("<alias><name>Ports</name><type>port</type><address>22 80 443 8000:8080</address></alias></aliases><filter>");
        string[] types = ["pass", "block", "reject"];
        string[] families = ["inet", "inet6", "inet46"];
        string[] protocols =
        [
            "<protocol>tcp</protocol>",
            "<protocol>udp</protocol>",
            "<protocol>tcp/udp</protocol>",
            "",
            "<protocol>icmp</protocol>",
        ];
        string[] sources = ["<any/>", "<network>lan</network>", "<network>lanip</network><not/>", "<network>(self)</network>", ""];
        for (var i = from; i < to; i++)
        {
            var option = s_options[i / 7 % s_options.Length];
            var gateway = option.Contains("gateway", StringComparison.Ordinal);
            var protocol = protocols[i % 5];
            var source = sources[i / 3 % 5] is { Length: > 0 } fixedSource
                ? fixedSource
                : string.Create(CultureInfo.InvariantCulture, $"<address>A{i % aliases}</address>");
            var port = i % 5 < 3 ? (i % 2 == 0 ? "<port>Ports</port>" : "<port>8000-8100</port>") : "";
            text.Append(
                CultureInfo.InvariantCulture,
                $"<rule><tracker>{1_800_000_000 + i}</tracker><type>{types[gateway ? 0 : i % 3]}</type><interface>{(i % 2 == 0 ? "lan" : "wan")}</interface>"
                    + $"<ipprotocol>{(gateway ? "inet" : families[i / 2 % 3])}</ipprotocol>{protocol}{option}<source>{source}</source>"
                    + $"<destination><any/>{port}</destination><descr>rule {i} é &lt;&amp;</descr></rule>"
            );
        }
        text.Append(
            "</filter><schedules><schedule><name>Office</name><timerange><position>1,2,3,4,5,6,7</position><hour>0:00-23:59</hour></timerange></schedule></schedules>"
                + "<gateways><gateway_item><interface>opt2</interface><gateway>198.51.100.10</gateway><name>Second</name></gateway_item></gateways>"
                + Nat
        );
        return RulesetCompiler.Compile(
            PacketLab.Read(text.ToString()),
            new RulesetContext { LocalTime = new DateTime(2026, 11, 24, 9, 30, 0) }
        );
    }

    private const string Nat = """
        <nat>
          <rule><interface>wan</interface><protocol>tcp</protocol><source><any/></source><destination><address>203.0.113.1</address><port>Ports</port></destination><target>10.9.0.25</target><local-port>Ports</local-port><natreflection>enable</natreflection></rule>
          <rule><interface>wan</interface><protocol>tcp/udp</protocol><source><any/></source><destination><address>203.0.113.1</address><port>53</port></destination><target>127.0.0.1</target><local-port>5353</local-port></rule>
          <rule><interface>wan</interface><protocol>tcp</protocol><ipprotocol>inet6</ipprotocol><source><any/></source><destination><address>2001:db8:1::9</address><port>80</port></destination><target>fd00:10::60</target><local-port>8080</local-port><associated-rule-id>pass</associated-rule-id></rule>
          <rule><interface>wan</interface><protocol>udp</protocol><source><any/></source><destination><address>203.0.113.1</address><port>6000-6003</port></destination><target>10.9.0.25</target><local-port>7000</local-port></rule>
          <outbound><mode>hybrid</mode>
            <rule><interface>wan</interface><source><network>10.0.0.0/24</network></source><destination><any/></destination><target>other-subnet</target><targetip>198.18.0.0</targetip><targetip_subnet>29</targetip_subnet><poolopts>random</poolopts></rule>
            <rule><interface>wan</interface><source><network>10.0.0.0/24</network></source><destination><any/></destination><target>other-subnet</target><targetip>198.18.0.0</targetip><targetip_subnet>20</targetip_subnet><poolopts>source-hash</poolopts></rule>
            <rule><interface>wan</interface><source><network>10.0.0.0/28</network></source><destination><any/></destination><target>other-subnet</target><targetip>198.18.0.0</targetip><targetip_subnet>28</targetip_subnet><poolopts>bitmask</poolopts></rule>
            <rule><interface>wan</interface><source><network>10.0.0.0/24</network></source><destination><any/></destination><target>other-subnet</target><targetip>198.18.0.0</targetip><targetip_subnet>30</targetip_subnet><poolopts>round-robin sticky-address</poolopts><staticnatport/></rule>
            <rule><interface>wan</interface><protocol>udp</protocol><source><any/></source><destination><any/></destination><natport>1024:2047</natport></rule>
            <rule><interface>wan</interface><protocol>udp</protocol><source><any/></source><destination><any/></destination><target>203.0.113.1</target><natport>1024:2047</natport></rule>
            <rule><interface>wan</interface><ipprotocol>inet6</ipprotocol><source><any/></source><destination><any/></destination><target>2001:db8:1::9</target></rule>
          </outbound>
          <onetoone><external>198.18.1.0</external><interface>wan</interface><source><address>10.9.0.0/28</address></source><destination><address>A1</address></destination><natreflection>enable</natreflection></onetoone>
          <onetoone><nobinat/><external>198.18.1.0</external><interface>wan</interface><source><address>10.9.0.4</address></source><destination><any/></destination></onetoone>
          <npt><interface>wan</interface><source><address>fd00:10::/64</address></source><destination><address>2001:db8:5100::/64</address></destination></npt>
        </nat>
        """;
}
