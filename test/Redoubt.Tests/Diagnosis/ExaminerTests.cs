using System.Text;
using Redoubt.Control;
using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Diagnosis;
using Redoubt.Linux.Links;

namespace Redoubt.Tests.Diagnosis;

public sealed class ExaminerTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private const string Xml = """
        <pfsense>
          <interfaces>
            <lan><if>lan0</if><ipaddr>10.0.0.11</ipaddr><subnet>24</subnet></lan>
            <opt1><if>sync0</if><ipaddr>10.77.3.11</ipaddr><subnet>24</subnet></opt1>
          </interfaces>
          <virtualip><vip><mode>carp</mode><interface>lan</interface><vhid>1</vhid><password>x</password><subnet>10.0.0.1</subnet><subnet_bits>24</subnet_bits></vip></virtualip>
          <hasync><pfsyncinterface>opt1</pfsyncinterface><pfsyncpeerip>10.77.3.12</pfsyncpeerip></hasync>
        </pfsense>
        """;

    private static LinkInfo Link(int index, string name, bool running = true) =>
        new()
        {
            Index = index,
            Name = name,
            IsUp = true,
            IsRunning = running,
            Mtu = 1500,
        };

    private static AddressInfo Address(int index, string address, int length) =>
        new()
        {
            InterfaceIndex = index,
            Address = IpAddressValue.From(System.Net.IPAddress.Parse(address)),
            PrefixLength = length,
        };

    private static ClusterPeerStatus Peer(params string[] paths) =>
        new()
        {
            Node = 2,
            Name = "fw2",
            Alive = true,
            HearsUs = true,
            Demotion = 0,
            Paths = paths,
            ClockOffsetMs = 3,
            Version = "0.1.0",
        };

    private static NodeStatus Status(ClusterPeerStatus peer) =>
        new()
        {
            Node = "fw1",
            Version = "0.1.0",
            Health = Health.Healthy,
            Carp = new CarpStatus
            {
                Enabled = true,
                Maintenance = false,
                Demotion = 0,
            },
            Cluster = new ClusterStatus
            {
                Node = 1,
                Name = "fw1",
                IntervalMs = 50,
                HoldMs = 150,
                WorstLatenessMs = 0,
                Peers = [peer],
            },
            StateSync = new StateSyncStatus
            {
                Enabled = true,
                Entries = 0,
                Peers =
                [
                    new PeerStatus
                    {
                        Address = "10.77.3.12",
                        Alive = true,
                        InSync = true,
                        Bulk = "done",
                    },
                ],
            },
            ConfigSync = new ConfigSyncStatus { Role = ConfigRole.None },
        };

    private static DiagnosisFacts Whole() =>
        new()
        {
            Configuration = ConfigurationReader.Read(Encoding.UTF8.GetBytes(Xml), "config.xml").Configuration!,
            Status = Status(Peer("lan", "sync1")),
            Links = [Link(2, "lan0"), Link(3, "sync0")],
            Addresses = [Address(2, "10.0.0.11", 24), Address(3, "10.77.3.11", 24)],
            Sysctls = [],
            Foreign = [],
            GateIsOwned = true,
            Entries = 10,
            MaxEntries = 262_144,
            Buckets = 65_536,
            Now = s_now,
        };

    private static string Bad(DiagnosisFacts facts) =>
        string.Join(
            '\n',
            Examiner.Examine(facts).Findings.Where(f => f.Verdict != Verdict.Ok).Select(f => $"{f.Verdict} {f.Check}: {f.Text}")
        );

    private static ForeignRouter Foreign(int id, DateTimeOffset heard) => new("lan", "vrrp", id, "10.0.0.99", heard, heard, 4);

    [Fact]
    public void A_whole_node_gets_nothing_but_ok() => Assert.Equal("", Bad(Whole()));

    [Fact]
    public void A_device_without_carrier_or_away_is_an_error()
    {
        Assert.StartsWith(
            "Error interface lan: lan0 is without carrier",
            Bad(Whole() with { Links = [Link(2, "lan0", false), Link(3, "sync0")] }),
            StringComparison.Ordinal
        );
        Assert.StartsWith(
            "Error interface lan: there is no device lan0",
            Bad(Whole() with { Links = [Link(3, "sync0")] }),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_wrong_mask_and_a_missing_address_are_errors()
    {
        Assert.Contains(
            "is /16 on lan0 and /24",
            Bad(Whole() with { Addresses = [Address(2, "10.0.0.11", 16), Address(3, "10.77.3.11", 24)] }),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "has not the address 10.77.3.11/24",
            Bad(Whole() with { Addresses = [Address(2, "10.0.0.11", 24)] }),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_peer_that_is_missed_on_one_interface_is_named_with_it()
    {
        Assert.Contains(
            "Warning peer fw2: not heard on lan",
            Bad(Whole() with { Status = Status(Peer("sync1")) }),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "Error peer fw2: heard on no path",
            Bad(Whole() with { Status = Status(Peer() with { Alive = false }) }),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "does not hear this node",
            Bad(Whole() with { Status = Status(Peer("lan", "sync1") with { HearsUs = false }) }),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Clocks_and_versions_are_compared()
    {
        Assert.Contains(
            "5000 ms off",
            Bad(Whole() with { Status = Status(Peer("lan", "sync1") with { ClockOffsetMs = -5000 }) })
                .Replace("-", "", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "runs version 0.2.0",
            Bad(Whole() with { Status = Status(Peer("lan", "sync1") with { Version = "0.2.0" }) }),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Settings_and_limits_of_the_kernel_are_told()
    {
        Assert.Contains("Error sysctl: /x is 0, needed is 1", Bad(Whole() with { Sysctls = [("/x", 1, 0)] }), StringComparison.Ordinal);
        Assert.Contains("Error connections", Bad(Whole() with { Entries = 250_000 }), StringComparison.Ordinal);
        Assert.Contains("Warning connections", Bad(Whole() with { Buckets = 1024 }), StringComparison.Ordinal);
        Assert.Contains("Warning address gate", Bad(Whole() with { GateIsOwned = false }), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_router_with_our_id_is_an_error_and_one_with_another_only_takes_its_id()
    {
        Assert.Contains(
            "Error vrrp 1@lan: 10.0.0.99 uses an id of ours",
            Bad(Whole() with { Foreign = [Foreign(1, s_now)] }),
            StringComparison.Ordinal
        );
        Assert.Equal("", Bad(Whole() with { Foreign = [Foreign(1, s_now.AddHours(-1))] }));
        // VRRP for IPv6 has other virtual MACs, CARP over IPv6 has not.
        var router6 = Foreign(1, s_now) with
        {
            Address = "fe80::99",
        };
        Assert.Equal("", Bad(Whole() with { Foreign = [router6] }));
        Assert.StartsWith(
            "Error carp 1@lan",
            Bad(Whole() with { Foreign = [router6 with { Protocol = "carp" }] }),
            StringComparison.Ordinal
        );

        var examination = Examiner.Examine(Whole() with { Foreign = [Foreign(2, s_now)] });
        Assert.DoesNotContain(examination.Findings, f => f.Verdict != Verdict.Ok);
        Assert.Equal([3, 4, 5, 6, 7], Assert.Single(examination.Free).Ids);
    }
}
