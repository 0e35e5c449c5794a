using static Redoubt.Lab.Tests.Firewall.PacketLab;

namespace Redoubt.Lab.Tests.Firewall;

public class FilterPacketTests
{
    [Fact]
    public void The_first_match_decides_and_floating_rules_come_before_or_after_as_quick_says()
    {
        static string Floating(string more) => $"<floating>yes</floating>{more}";
        var sections =
            "<nat><outbound><mode>automatic</mode></outbound></nat><filter>"
            + Rule("block", 1001)
            + Rule("pass", 1001)
            + Rule("pass", 1002)
            + Rule("block", 1002)
            + Rule("block", 1003, Floating("<interface>lan</interface><direction>in</direction><quick>yes</quick>"))
            + Rule("pass", 1003)
            + Rule("block", 1004, Floating("<interface>lan</interface><direction>in</direction>"))
            + Rule("pass", 1004)
            + Rule("pass", 1005, Floating("<direction>in</direction>"))
            + Rule("block", 1005, Floating("<direction>in</direction>"))
            + Rule("block", 1006, Floating("<direction>in</direction>"))
            + Rule("pass", 1006, Floating("<direction>in</direction>"))
            + Rule("pass", 1007)
            + Rule("block", 1007, Floating("<interface>wan</interface><direction>out</direction><quick>yes</quick>"))
            + Rule("pass", 1008)
            + Rule("block", 1008, Floating("<interface>opt1</interface><direction>out</direction><quick>yes</quick>"))
            + Rule("pass", 1009, "<interface>lan</interface><tag>keep</tag>")
            + Rule("block", 1009, Floating("<interface>wan</interface><direction>out</direction><quick>yes</quick><tagged>keep</tagged>"))
            + Rule("pass", 1010)
            + Rule("block", 1010, Floating("<interface>wan</interface><direction>out</direction><quick>yes</quick><tagged>keep</tagged>"))
            + Rule("pass", 1012, "<interface>lan</interface><tcpflags1>syn</tcpflags1><tcpflags2>syn,ack</tcpflags2>")
            + Rule("pass", 1013, "<interface>lan</interface><tcpflags1>syn,ack</tcpflags1><tcpflags2>syn,ack</tcpflags2>")
            + "</filter>";

        var seen = Run(
            """
            nft -f $R0 || exit 1
            for p in 1001 1002 1003 1004 1005 1006 1007 1008 1009 1010 1011 1012 1013; do (echo "$p=$(tcp c 203.0.113.10 $p)") & done; wait
            """,
            Build(sections).ToString()
        );

        Assert.Equal(("silence", "answer"), (seen["1001"], seen["1002"]));
        Assert.Equal(("silence", "answer"), (seen["1003"], seen["1004"]));
        Assert.Equal(("silence", "answer"), (seen["1005"], seen["1006"]));
        Assert.Equal(("silence", "answer"), (seen["1007"], seen["1008"]));
        Assert.Equal(("silence", "answer"), (seen["1009"], seen["1010"]));
        Assert.Equal("silence", seen["1011"]);
        Assert.Equal(("answer", "silence"), (seen["1012"], seen["1013"]));
    }

    [Fact]
    public void A_schedule_switches_a_rule_on_and_off_by_its_difference_alone()
    {
        const string Sections = """
            <nat><outbound><mode>automatic</mode></outbound></nat>
            <schedules><schedule><name>Office</name><timerange><position>1,2,3,4,5</position><hour>8:00-17:59</hour></timerange></schedule></schedules>
            """;
        var sections = Sections + "<filter>" + Rule("pass", 1001, "<interface>lan</interface><sched>Office</sched>") + "</filter>";
        var monday = new DateTime(2026, 11, 23);
        var (inside, outside) = (Build(sections, monday.AddHours(9)), Build(sections, monday.AddHours(19)));

        var seen = Run(
            """
            nft -f $R0 || exit 1; echo "day=$(tcp c 203.0.113.10 1001)"
            nft -f $R1 || exit 1; echo "evening=$(tcp c 203.0.113.10 1001)"
            """,
            inside.ToString(),
            Core.Firewall.RulesetDelta.Between(inside, outside)!
        );

        Assert.Equal((monday.AddHours(18), monday.AddHours(32)), (inside.NextChange, outside.NextChange));
        Assert.Equal(("answer", "silence"), (seen["day"], seen["evening"]));
    }

    [Fact]
    public void Limits_hold_back_what_is_beyond_them_and_nothing_else()
    {
        const string Lan = "<interface>lan</interface>";
        var sections =
            "<nat><outbound><mode>automatic</mode></outbound></nat><filter>"
            + Rule("pass", 2001, Lan + "<max>2</max>", "udp")
            + Rule("pass", 2002, Lan + "<max-src-states>1</max-src-states>", "udp")
            + Rule("pass", 2003, Lan + "<max-src-nodes>1</max-src-nodes>", "udp")
            + Rule("pass", 2004, Lan, "udp")
            + Rule("pass", 2005, Lan + "<max-src-conn-rate>2</max-src-conn-rate><max-src-conn-rates>60</max-src-conn-rates>", "udp")
            + "</filter>";

        var seen = Run(
            """
            nft -f $R0 || exit 1
            for p in 2001 2002 2003 2004 2005; do watch s "p$p" "udp dport $p"; done
            for i in 1 2 3 4; do for p in 2001 2002 2004; do udp c 203.0.113.10 $p; done; done
            udp c 203.0.113.10 2003
            from 10.0.0.61
            udp c 203.0.113.10 2002; udp c 203.0.113.10 2003; udp c 203.0.113.10 2003
            for i in 1 2 3 4 5; do udp c 203.0.113.10 2005; done
            udp c 203.0.113.10 2004
            from 10.0.0.60
            udp c 203.0.113.10 2003; udp c 203.0.113.10 2004
            for p in p2001 p2002 p2003 p2004 p2005; do seen s $p; done
            """,
            Build(sections).ToString()
        );

        Assert.Equal("2", seen["p2001"]);
        Assert.Equal("2", seen["p2002"]); // one from each source
        Assert.Equal("2", seen["p2003"]); // both of the first source, none of the second
        Assert.Equal("2", seen["p2005"]);
        Assert.Equal("5", seen["p2004"]); // the source that was too fast is shut out, the other one is not
    }

    [Fact]
    public void A_packet_with_ip_options_passes_only_a_rule_that_says_so()
    {
        const string Ping =
            "<rule><type>pass</type><interface>lan</interface><ipprotocol>inet</ipprotocol><protocol>icmp</protocol>MORE<source><any/></source><destination><any/></destination></rule>";
        var plain = Build($"<filter>{Ping.Replace("MORE", "", StringComparison.Ordinal)}</filter>");
        var options = Build($"<filter>{Ping.Replace("MORE", "<allowopts/>", StringComparison.Ordinal)}</filter>");

        var seen = Run(
            """
            p() { ip netns exec c ping $1 -c 1 -W 1 203.0.113.10 >/dev/null 2>&1 && echo answer || echo silence; }
            nft -f $R0 || exit 1; echo "plain=$(p)"; echo "refused=$(p -R)"
            nft -f $R1 || exit 1; echo "allowed=$(p -R)"
            """,
            plain.ToString(),
            options.ToString()
        );

        Assert.Equal(("answer", "silence", "answer"), (seen["plain"], seen["refused"], seen["allowed"]));
    }

    [Fact]
    public void A_changed_alias_touches_one_set_and_connections_and_counters_go_on()
    {
        static string Sections(string allowed, bool ping) =>
            $"<aliases><alias><name>Allowed</name><type>host</type><address>{allowed} 192.0.2.7</address></alias></aliases>"
            + "<filter><rule><tracker>77</tracker><type>pass</type><interface>lan</interface><ipprotocol>inet</ipprotocol><protocol>tcp</protocol>"
            + "<source><address>Allowed</address></source><destination><any/></destination></rule>"
            + (
                ping
                    ? "<rule><type>pass</type><interface>lan</interface><ipprotocol>inet</ipprotocol><protocol>icmp</protocol><source><any/></source><destination><any/></destination></rule>"
                    : ""
            )
            + "</filter>";
        var first = Build(Sections("10.0.0.60", ping: true));
        var second = Build(Sections("10.0.0.61", ping: true));
        var third = Build(Sections("10.0.0.61", ping: false));
        var alias = Core.Firewall.RulesetDelta.Between(first, second)!;

        var seen = Run(
            """
            p() { ip netns exec c ping -I 10.0.0.60 -c $1 -i 0.1 -W 1 203.0.113.10 2>/dev/null | sed -n 's/.* \([0-9]*\) received.*/\1/p'; }
            nft -f $R0 || exit 1
            echo "before=$(tcp c 203.0.113.10 5001)"
            (echo "open=$(p 20)") & 
            until nft list counter inet redoubt rule_n2 | grep -q 'packets 1'; do :; done
            nft -f $R1 || exit 1
            nft -f $R2 || exit 1
            echo "old-source=$(tcp c 203.0.113.10 5001)"
            from 10.0.0.61; echo "new-source=$(tcp c 203.0.113.10 5001)"
            echo "new-ping=$(p 1)"
            wait
            echo "count=$(nft list counter inet redoubt rule_77 | sed -n 's/.*packets \([0-9]*\) .*/\1/p')"
            """,
            first.ToString(),
            alias,
            Core.Firewall.RulesetDelta.Between(second, third)!
        );

        Assert.Equal(
            "delete element inet redoubt alias_Allowed_4 { 10.0.0.60 }\nadd element inet redoubt alias_Allowed_4 { 10.0.0.61 }\n",
            alias
        );
        Assert.Equal(("answer", "silence", "answer"), (seen["before"], seen["old-source"], seen["new-source"]));
        Assert.Equal(("20", "0"), (seen["open"], seen["new-ping"]));
        Assert.Equal("2", seen["count"]);
    }
}
