using Redoubt.Core.Firewall;
using Redoubt.Linux.Nftables;
using static Redoubt.Lab.Tests.Firewall.PacketLab;

namespace Redoubt.Lab.Tests.Firewall;

public class NatPacketTests
{
    private const string PassAll =
        "<filter><rule><type>pass</type><interface>lan</interface><ipprotocol>inet46</ipprotocol><source><any/></source><destination><any/></destination></rule>"
        + "<rule><type>pass</type><interface>opt1</interface><ipprotocol>inet</ipprotocol><source><any/></source><destination><any/></destination></rule>MORE</filter>";

    private static string Forward(string more, string ports, string local) =>
        $"<rule><interface>wan</interface><protocol>tcp</protocol><source><any/></source><destination><address>203.0.113.1</address><port>{ports}</port></destination>"
        + $"<target>10.9.0.25</target><local-port>{local}</local-port>{more}</rule>";

    [Fact]
    public void A_port_forward_needs_a_rule_or_passes_by_itself_and_is_reflected_on_request()
    {
        var nat =
            "<nat>"
            + Forward("<associated-rule-id>pass</associated-rule-id><natreflection>purenat</natreflection>", "8080", "80")
            + Forward("", "8081", "81")
            + Forward("", "8082", "82")
            + Forward("<associated-rule-id>pass</associated-rule-id>", "9000-9002", "9100")
            + "<rule><nordr/><interface>wan</interface><protocol>tcp</protocol><source><any/></source><destination><address>203.0.113.1</address><port>8083</port></destination></rule>"
            + Forward("<associated-rule-id>pass</associated-rule-id>", "8083", "83")
            + "</nat>";
        const string Linked =
            "<rule><type>pass</type><interface>wan</interface><ipprotocol>inet</ipprotocol><protocol>tcp</protocol><source><any/></source><destination><address>10.9.0.25</address><port>82</port></destination></rule>";

        var seen = Run(
            """
            nft -f $R0 || exit 1
            for p in 80 81 82 83 9101; do watch d "d$p" "ip saddr 203.0.113.10 tcp dport $p"; done
            watch d reflected "ip saddr 10.0.0.60 tcp dport 80"; watch d unreflected "ip saddr 10.0.0.60 tcp dport 82"
            for p in 8080 8081 8082 8083 9001; do (echo "s$p=$(tcp s 203.0.113.1 $p)") & done; wait
            for p in 8080 8082; do (echo "c$p=$(tcp c 203.0.113.1 $p)") & done; wait
            for p in d80 d81 d82 d83 d9101 reflected unreflected; do seen d $p; done
            """,
            Build(PassAll.Replace("MORE", Linked, StringComparison.Ordinal) + nat).ToString()
        );

        Assert.Equal(("answer", "silence", "answer"), (seen["s8080"], seen["s8081"], seen["s8082"]));
        Assert.Equal(("1", "0", "1"), (seen["d80"], seen["d81"], seen["d82"]));
        Assert.Equal(("answer", "1"), (seen["s9001"], seen["d9101"]));
        Assert.Equal(("silence", "0"), (seen["s8083"], seen["d83"]));
        Assert.Equal(("answer", "1", "0"), (seen["c8080"], seen["reflected"], seen["unreflected"]));
    }

    [Fact]
    public void Outbound_one_to_one_and_prefix_translation_show_the_addresses_they_are_told_to()
    {
        const string Nat = """
            <nat><outbound><mode>hybrid</mode>
              <rule><interface>wan</interface><source><network>10.0.0.61/32</network></source><destination><any/></destination><target>203.0.113.1</target></rule>
            </outbound>
            <onetoone><external>203.0.113.9</external><interface>wan</interface><source><address>10.9.0.25</address></source><destination><any/></destination></onetoone>
            <npt><interface>wan</interface><source><address>fd00:10::/64</address></source><destination><address>2001:db8:5100::/64</address></destination></npt>
            </nat>
            """;
        const string Inward =
            "<rule><type>pass</type><interface>wan</interface><ipprotocol>inet46</ipprotocol><protocol>tcp</protocol><source><any/></source><destination><any/><port>2222</port></destination></rule>";

        var seen = Run(
            """
            nft -f $R0 || exit 1
            for a in 203.0.113.1 203.0.113.2 203.0.113.9 10.0.0.60 10.0.0.61 10.9.0.25; do watch s "from-$a" "ip saddr $a icmp type echo-request"; done
            watch s from-6 "ip6 saddr 2001:db8:5100::60 icmpv6 type echo-request"; watch s untranslated "ip6 saddr fd00:10::/64"
            watch d inward "ip daddr 10.9.0.25 tcp dport 2222"; watch c inward6 "ip6 daddr fd00:10::60 tcp dport 2222"
            p() { ip netns exec $1 ping -c 1 -W 2 $2 >/dev/null 2>&1 && echo answer || echo silence; }
            echo "automatic=$(p c 203.0.113.10)"; from 10.0.0.61; echo "listed=$(p c 203.0.113.10)"
            echo "onetoone=$(p d 203.0.113.10)"; echo "npt=$(p c 2001:db8:1::10)"; echo "own=$(ping -c 1 -W 2 203.0.113.10 >/dev/null && echo answer)"
            echo "in=$(tcp s 203.0.113.9 2222)"; echo "in6=$(tcp s 2001:db8:5100::60 2222)"; echo "closed=$(tcp s 203.0.113.9 2223)"
            for a in 203.0.113.1 203.0.113.2 203.0.113.9 10.0.0.60 10.0.0.61 10.9.0.25 6; do seen s from-$a; done
            seen s untranslated; seen d inward; seen c inward6
            """,
            Build(PassAll.Replace("MORE", Inward, StringComparison.Ordinal) + Nat).ToString()
        );

        Assert.All(new[] { "automatic", "listed", "onetoone", "npt", "own", "in", "in6" }, name => Assert.Equal("answer", seen[name]));
        Assert.Equal("silence", seen["closed"]);
        Assert.Equal(("1", "2", "1"), (seen["from-203.0.113.1"], seen["from-203.0.113.2"], seen["from-203.0.113.9"]));
        Assert.Equal(("0", "0", "0"), (seen["from-10.0.0.60"], seen["from-10.0.0.61"], seen["from-10.9.0.25"]));
        Assert.Equal(("1", "0"), (seen["from-6"], seen["untranslated"]));
        Assert.Equal(("1", "1"), (seen["inward"], seen["inward6"]));
    }

    [Fact]
    public void A_rule_with_a_gateway_sends_its_connections_there_and_no_others()
    {
        const string Gateways =
            "<gateways><gateway_item><interface>opt2</interface><gateway>198.51.100.10</gateway><name>Second</name><ipprotocol>inet</ipprotocol></gateway_item></gateways>"
            + "<nat><outbound><mode>advanced</mode><rule><interface>opt2</interface><source><any/></source><destination><any/></destination></rule>"
            + "<rule><interface>wan</interface><source><any/></source><destination><any/></destination></rule></outbound></nat>";
        var sections =
            Gateways
            + "<filter>"
            + Rule("pass", 7777, "<interface>lan</interface><gateway>Second</gateway>")
            + Rule("pass", 7778)
            + "</filter>";
        var ruleset = Build(sections);
        var route = Assert.Single(ruleset.Routes);
        var hop = Assert.Single(route.Hops);

        var seen = Run(
            $$"""
            nft -f $R0 || exit 1
            ip rule add fwmark {{route.Mark}}/{{FlowMark.RoutingMask}} lookup {{route.Table}} priority {{route.Table}}
            ip route add default via {{hop.Gateway.AddressText}} dev {{hop.Device}} table {{route.Table}}
            for n in s t; do watch $n "$n-7777" "tcp dport 7777"; watch $n "$n-7778" "tcp dport 7778"; done
            echo "7777=$(tcp c 203.0.113.10 7777)"; echo "7778=$(tcp c 203.0.113.10 7778)"
            for n in s t; do seen $n $n-7777; seen $n $n-7778; done
            """,
            ruleset.ToString()
        );

        Assert.Equal(("answer", "answer"), (seen["7777"], seen["7778"]));
        Assert.Equal(("0", "1"), (seen["s-7777"], seen["t-7777"]));
        Assert.Equal(("1", "0"), (seen["s-7778"], seen["t-7778"]));
    }
}
