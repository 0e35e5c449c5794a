using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Lab.Tests.Firewall;

/// <summary>
/// A firewall between a client c (lan0), a server s (wan0), a server d (dmz0) and a second provider t (wan2), whose rules are those of a configuration.
/// The script prints one line "name=value" for each thing tried; what a host sees is counted in its own namespace.
/// </summary>
internal static class PacketLab
{
    private const string Setup = """
        set -e
        mount -t tmpfs none /run
        mkdir -p /run/netns
        for n in c s d t; do ip netns add $n; ip -n $n link set lo up; done
        ip link set lo up
        nodad() { $1 sh -c 'for w in all default; do echo 0 >/proc/sys/net/ipv6/conf/$w/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/$w/dad_transmits; done'; }
        nodad ""; for n in c s d t; do nodad "ip netns exec $n"; done
        ip link add lan0 type veth peer name e0 netns c
        ip link add wan0 type veth peer name e0 netns s
        ip link add dmz0 type veth peer name e0 netns d
        ip link add wan2 type veth peer name e0 netns t
        for a in 10.0.0.2/24@lan0 203.0.113.2/24@wan0 203.0.113.1/32@wan0 203.0.113.9/32@wan0 10.9.0.2/24@dmz0 198.51.100.2/24@wan2; do
          ip address add ${a%@*} dev ${a#*@}; done
        for a in fd00:10::2/64@lan0 2001:db8:1::2/64@wan0; do ip address add ${a%@*} dev ${a#*@} nodad; done
        for l in lan0 wan0 dmz0 wan2; do ip link set $l up; echo 0 >/proc/sys/net/ipv4/conf/$l/rp_filter; done
        echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        for a in c:10.0.0.60/24 c:10.0.0.61/24 s:203.0.113.10/24 d:10.9.0.25/24 t:198.51.100.10/24; do
          ip -n ${a%%:*} address add ${a#*:} dev e0; ip -n ${a%%:*} link set e0 up; done
        ip -n c address add fd00:10::60/64 dev e0 nodad; ip -n s address add 2001:db8:1::10/64 dev e0 nodad
        ip -n t address add 203.0.113.10/32 dev lo
        ip -n c route add default via 10.0.0.2; ip -n c -6 route add default via fd00:10::2
        ip -n d route add default via 10.9.0.2; ip -n t route add default via 198.51.100.2
        ip -n s route add 10.0.0.0/24 via 203.0.113.2; ip -n s -6 route add 2001:db8:5100::/64 via 2001:db8:1::2
        for n in c s d t; do ip netns exec $n nft 'add table inet seen; add chain inet seen in { type filter hook prerouting priority -150; }'; done
        set +e
        watch() { ip netns exec $1 nft add rule inet seen in $3 counter comment "\"$2\""; }
        seen() { echo "$2=$(ip netns exec $1 nft list chain inet seen in | sed -n "s/.*packets \([0-9]*\) .*comment \"$2\".*/\1/p")"; }
        tcp() { ip netns exec $1 timeout ${4:-0.6} bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; [ $? = 124 ] && echo silence || echo answer; }
        udp() { ip netns exec $1 bash -c "echo x >/dev/udp/$2/$3" 2>/dev/null; }
        from() { ip -n c route change default via 10.0.0.2 src $1; }

        """;

    private const string Interfaces = """
        <interfaces>
          <lan><if>lan0</if><ipaddr>10.0.0.2</ipaddr><subnet>24</subnet><ipaddrv6>fd00:10::2</ipaddrv6><subnetv6>64</subnetv6></lan>
          <wan><if>wan0</if><ipaddr>203.0.113.2</ipaddr><subnet>24</subnet><ipaddrv6>2001:db8:1::2</ipaddrv6><subnetv6>64</subnetv6></wan>
          <opt1><if>dmz0</if><ipaddr>10.9.0.2</ipaddr><subnet>24</subnet></opt1>
          <opt2><if>wan2</if><ipaddr>198.51.100.2</ipaddr><subnet>24</subnet></opt2>
        </interfaces>
        """;

    /// <summary>A configuration on these interfaces; it must have no errors.</summary>
    public static NodeConfiguration Read(string sections)
    {
        var result = ConfigurationReader.Read(Encoding.UTF8.GetBytes($"<pfsense>{Interfaces}{sections}</pfsense>"), "lab.xml");
        Assert.True(result.Configuration is not null, string.Join('\n', result.Problems));
        return result.Configuration;
    }

    public static Ruleset Build(string sections, DateTime? time = null) =>
        RulesetCompiler.Build(Read(sections), new RulesetContext { LocalTime = time });

    /// <summary>Runs a script; the texts are loaded by "nft -f $R0", "$R1" and so on.</summary>
    public static IReadOnlyDictionary<string, string> Run(string script, params string[] texts)
    {
        var folder = Directory.CreateTempSubdirectory("redoubt-lab-");
        try
        {
            var variables = new StringBuilder();
            for (var i = 0; i < texts.Length; i++)
            {
                var file = Path.Combine(folder.FullName, $"r{i}");
                File.WriteAllText(file, texts[i]);
                variables.Append($"R{i}={file}\n");
            }
            var result = Namespace.Script(variables + Setup + script, "");
            Assert.True(result.Succeeded, result.Error + result.Output);
            return result
                .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(l => l.Contains('=', StringComparison.Ordinal))
                .Select(l => l.Split('=', 2))
                .ToDictionary(p => p[0], p => p[1]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A rule on the lan: tags first, then protocol tcp and a destination port.</summary>
    public static string Rule(string type, int port, string more = "<interface>lan</interface>", string protocol = "tcp") =>
        $"<rule><type>{type}</type>{more}<ipprotocol>inet</ipprotocol><protocol>{protocol}</protocol><source><any/></source>"
        + $"<destination><any/><port>{port}</port></destination></rule>";
}
