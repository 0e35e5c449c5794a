using Redoubt.Core.Firewall;

namespace Redoubt.Lab.Tests.Firewall;

public class RulesetTests
{
    // A client behind lan0, a server behind wan0; the script prints one line "name=value" for each thing tried.
    private const string Lan = """
        set -e
        cat >/tmp/ruleset.$$ || exit 9
        mount -t tmpfs none /run
        mkdir -p /run/netns
        ip netns add c; ip netns add s
        ip link set lo up
        ip link add lan0 type veth peer name e0 netns c
        ip link add wan0 type veth peer name e0 netns s
        ip address add 10.0.0.2/24 dev lan0; ip address add 203.0.113.2/24 dev wan0; ip address add 203.0.113.1/32 dev wan0
        ip link set lan0 up; ip link set wan0 up
        echo 1 >/proc/sys/net/ipv4/ip_forward
        ip -n c address add 10.0.0.60/24 dev e0; ip -n c link set e0 up; ip -n c route add default via 10.0.0.2
        ip -n s address add 203.0.113.10/24 dev e0; ip -n s link set e0 up; ip -n s link set lo up
        ip -n s route add 10.0.0.0/24 via 203.0.113.2
        nft -f /tmp/ruleset.$$; rm /tmp/ruleset.$$
        ip netns exec s nft -f - <<E
        table ip seen {
          chain in { type filter hook input priority 0;
            ip saddr 203.0.113.1 icmp type echo-request counter comment "virtual"
            ip saddr 203.0.113.2 icmp type echo-request counter comment "own"
            ip saddr 10.0.0.60 counter comment "untranslated"
            tcp dport 2323 counter comment "rejected"
            tcp dport 4444 counter comment "blocked"
            tcp dport 5555 counter comment "passed"
          }
        }
        E
        set +e
        tcp() { ip netns exec "$1" timeout 1 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; r=$?; [ $r = 124 ] && echo silence || echo answer; }
        ping_() { ping -c 1 -W 2 "$1" >/dev/null 2>&1 && echo answer || echo silence; }
        echo "client-ping=$(ip netns exec c ping -c 1 -W 2 203.0.113.10 >/dev/null 2>&1 && echo answer || echo silence)"
        echo "own-ping=$(ping_ 203.0.113.10)"
        echo "tcp-5555=$(tcp c 203.0.113.10 5555)"
        echo "tcp-2323=$(tcp c 203.0.113.10 2323)"
        echo "tcp-4444=$(tcp c 203.0.113.10 4444)"
        echo "from-wan-to-client=$(tcp s 10.0.0.60 5555)"
        echo "from-wan-to-node-22=$(tcp s 203.0.113.2 22)"
        echo "from-wan-to-node-443=$(tcp s 203.0.113.2 443)"
        ip netns exec s nft list chain ip seen in | sed -n 's/.*packets \([0-9]*\) .*comment "\(.*\)".*/seen-\2=\1/p'
        """;

    [Fact]
    public void Packets_pass_are_blocked_rejected_and_translated_as_the_rules_say()
    {
        var result = Namespace.Script(Lan, Namespace.PairRuleset());

        Assert.True(result.Succeeded, result.Error + result.Output);
        var seen = result
            .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(l => l.Split('='))
            .ToDictionary(p => p[0], p => p[1]);
        Assert.Equal("answer", seen["client-ping"]);
        Assert.Equal("answer", seen["own-ping"]);
        Assert.Equal(("1", "1", "0"), (seen["seen-virtual"], seen["seen-own"], seen["seen-untranslated"]));
        Assert.Equal("answer", seen["tcp-5555"]);
        Assert.NotEqual("0", seen["seen-passed"]);
        Assert.Equal(("answer", "0"), (seen["tcp-2323"], seen["seen-rejected"]));
        Assert.Equal(("silence", "0"), (seen["tcp-4444"], seen["seen-blocked"]));
        Assert.Equal("silence", seen["from-wan-to-client"]);
        Assert.Equal("silence", seen["from-wan-to-node-22"]);
        Assert.Equal("answer", seen["from-wan-to-node-443"]);
    }

    [Fact]
    public void Without_the_ruleset_the_same_network_lets_everything_through()
    {
        var result = Namespace.Script(Lan, RulesetCompiler.Unconfigured());

        Assert.True(result.Succeeded, result.Error + result.Output);
        Assert.Contains("tcp-4444=answer", result.Output, StringComparison.Ordinal);
        Assert.Contains("from-wan-to-client=answer", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("seen-untranslated=0", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kernel_takes_every_ruleset_of_ours()
    {
        var time = new RulesetContext { LocalTime = new DateTime(2026, 11, 24, 9, 30, 0) };
        var pfSense = RulesetCompiler.Compile(Namespace.Vector("pfsense-primary.xml"), time);
        foreach (var ruleset in new[] { Namespace.PairRuleset(), pfSense, RulesetCompiler.Unconfigured(), RulesetCompiler.RemoveTable })
        {
            var check = Namespace.Nft(["--check", "-f", "-"], ruleset);
            Assert.True(check.Succeeded, check.Error);
            var twice = Namespace.Nft(["-f", "-"], ruleset + ruleset);
            Assert.True(twice.Succeeded, twice.Error);
        }
    }

    [Fact]
    public void The_table_replaces_itself_and_leaves_others_alone()
    {
        const string Script = """
            cat >/tmp/ruleset.$$
            nft add table inet foreign && nft -f /tmp/ruleset.$$ && nft -f /tmp/ruleset.$$; rm /tmp/ruleset.$$
            nft -j list counter inet redoubt invalid; nft list tables
            printf 'add table inet redoubt\ndelete table inet redoubt\n' | nft -f -; echo removed; nft list tables
            """;

        var result = Namespace.Script(Script, Namespace.PairRuleset());

        Assert.True(result.Succeeded, result.Error);
        var (before, after) = (result.Output.Split("removed")[0], result.Output.Split("removed")[1]);
        Assert.Contains("table inet redoubt", before, StringComparison.Ordinal);
        Assert.Contains("\"packets\": 0", before, StringComparison.Ordinal);
        Assert.Equal("table inet foreign", after.Trim());
    }
}
