using System.Diagnostics;
using System.Net;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Gates;

/// <summary>One firewall and one neighbour on a cable; the neighbour asks who has the virtual address.</summary>
public sealed class AddressGateTests : IDisposable
{
    private const byte Vhid = 7;
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _lifetime = TimeSpan.FromMilliseconds(600);
    private static readonly IpAddressValue _vip4 = IpAddressValue.From(IPAddress.Parse("10.0.0.1"));
    private static readonly IpAddressValue _vip6 = IpAddressValue.From(IPAddress.Parse("fd00:1::1"));
    private readonly ConntrackNamespace _firewall = new();
    private readonly ConntrackNamespace _neighbour = new();
    private LinkInfo _parent;
    private LinkInfo _device;
    private AddressGate? _gate;
    private PacketSender? _sender;

    public AddressGateTests()
    {
        _firewall.Shell("ip", "link add lan0 type veth peer name eth0");
        _firewall.Give("eth0", _neighbour);
        foreach (var (place, device, host) in new[] { (_firewall, "lan0", 11), (_neighbour, "eth0", 50) })
        {
            place.Run(() => LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "accept_dad"), 0));
            place.Shell("ip", $"addr add 10.0.0.{host}/24 dev {device}");
            place.Shell("ip", $"-6 addr add fd00:1::{host}/64 dev {device} nodad");
            place.Shell("ip", $"link set {device} up");
        }
        _firewall.Run(() =>
        {
            LinkSysctl.Write(LinkSysctl.Path("ipv4", "lan0", "arp_ignore"), 1);
            using var route = new RouteNetlink();
            _parent = route.Link("lan0")!.Value;
            _device = VirtualMacDevice.Ensure(route, _parent.Index, Vhid);
            _gate = NewGate();
            Assert.Equal(Errno.None, _gate.Load(BootClock.Now));
            Assert.Equal(Errno.None, route.SetUp(_device.Index, true));
            Assert.Equal(Errno.None, route.AddAddress(_device.Index, _vip4, false, 24, null));
            Assert.Equal(Errno.None, route.AddAddress(_device.Index, _vip6, true, 64, null));
            _sender = new PacketSender(_parent.Index);
        });
    }

    public void Dispose()
    {
        _gate?.Dispose();
        _sender?.Dispose();
        _firewall.Dispose();
        _neighbour.Dispose();
    }

    [Fact]
    public void Without_a_lease_the_address_is_silent_though_it_is_configured()
    {
        Assert.False(Answers("10.0.0.1"));
        Assert.False(Answers("fd00:1::1"));
        Assert.True(Answers("10.0.0.11"), "the node's own address must answer");
        Assert.True(Answers("fd00:1::11"), "the node's own address must answer");
    }

    [Fact]
    public void An_administrator_can_list_the_gate_with_nft()
    {
        Grant();
        var listed = _firewall.Shell("nft", "list ruleset");
        Assert.Contains("10.0.0.1 : goto group_0", listed);
        Assert.Contains("iiftype @lease_0 accept", listed);
        Assert.Contains($"\"{_device.Name}\" : goto group_0", listed);
    }

    [Fact]
    public void A_draining_gate_takes_packets_but_answers_for_nothing_and_closes_when_revoked()
    {
        Grant();
        Assert.True(Answers("10.0.0.1"));
        _gate!.Drain(0);
        Assert.Equal(Errno.None, _gate.Commit(BootClock.Now));
        Assert.False(Answers("10.0.0.1"));
        Assert.False(Answers("fd00:1::1"));
        // A neighbour that has not heard of the new owner yet.
        _neighbour.Shell("ip", $"neigh replace 10.0.0.1 lladdr {_device.Mac} dev eth0 nud permanent");
        Grant();
        _gate.Drain(0);
        Assert.Equal(Errno.None, _gate.Commit(BootClock.Now));
        Assert.True(Pings("10.0.0.1"), "draining: packets pass");
        SendAdvertisement(GateMark.Renew(0, demoted: false));
        _gate.Revoke(0);
        Assert.Equal(Errno.None, _gate.Commit(BootClock.Now));
        Assert.False(Pings("10.0.0.1"));
    }

    [Fact]
    public void Advertisements_prolong_the_lease_and_without_them_it_ends()
    {
        Grant();
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < 3 * _lifetime)
        {
            Assert.Equal(Errno.None, SendAdvertisement(GateMark.Renew(0, demoted: false)));
            Assert.True(Answers("10.0.0.1"), $"silent after {clock.Elapsed}");
        }
        SendAdvertisement(GateMark.Renew(0, demoted: false));
        Assert.True(Answers("fd00:1::1"));
        AssertFallsSilent("10.0.0.1");
        Assert.False(Answers("fd00:1::1"));
    }

    [Fact]
    public void An_advertisement_that_leaves_too_late_revives_nothing_and_never_leaves()
    {
        Grant();
        AssertFallsSilent("10.0.0.1");
        using var tap = OpenTap();
        SendAdvertisement(GateMark.Renew(0, demoted: false));
        SendAdvertisement(GateMark.Announce(0));
        Assert.False(Answers("10.0.0.1"));
        Assert.Equal(0, CountFramesFrom(tap, MacAddress.Virtual(Vhid)));
        // The twin: resigning needs no lease.
        SendAdvertisement(GateMark.Resign);
        Assert.Equal(1, CountFramesFrom(tap, MacAddress.Virtual(Vhid)));
    }

    [Fact]
    public void Announcements_leave_under_a_lease_but_do_not_prolong_it()
    {
        Grant();
        using var tap = OpenTap();
        SendAdvertisement(GateMark.Announce(0));
        Assert.True(CountFramesFrom(tap, MacAddress.Virtual(Vhid)) >= 1);
        var clock = Stopwatch.StartNew();
        while (Answers("10.0.0.1"))
        {
            SendAdvertisement(GateMark.Announce(0));
            Assert.True(clock.Elapsed < _deadline, "an announcement prolonged the lease");
        }
    }

    [Fact]
    public void Revoking_silences_the_address_at_once()
    {
        Grant();
        Assert.True(Answers("10.0.0.1"));
        _gate!.Revoke(0);
        Assert.Equal(Errno.None, _gate.Commit(BootClock.Now));
        Assert.False(Answers("10.0.0.1"));
        Assert.False(Answers("fd00:1::1"));
        Grant();
        Assert.True(Answers("10.0.0.1"));
    }

    [Fact]
    public void A_local_program_on_the_device_of_a_backup_gets_no_frame_out_with_the_virtual_mac()
    {
        using var tap = OpenTap();
        _firewall.Run(() => Quietly("ping", $"-c 3 -i 0.05 -W 1 -I {_device.Name} 10.0.0.50"));
        _firewall.Run(() => Quietly("ping", $"-6 -c 3 -i 0.05 -W 1 -I {_device.Name} ff02::1"));
        Assert.Equal(0, CountFramesFrom(tap, MacAddress.Virtual(Vhid)));
        Grant();
        _firewall.Run(() => Quietly("ping", $"-c 1 -W 1 -I {_device.Name} 10.0.0.50"));
        Assert.True(CountFramesFrom(tap, MacAddress.Virtual(Vhid)) > 0, "the twin: the master's frames leave");
    }

    [Fact]
    public void Frames_for_the_address_on_the_nodes_own_mac_are_gated_too()
    {
        _neighbour.Shell("ip", $"neigh replace 10.0.0.1 lladdr {_parent.Mac} dev eth0 nud permanent");
        _neighbour.Shell("ip", $"neigh replace fd00:1::1 lladdr {_parent.Mac} dev eth0 nud permanent");
        Assert.False(Pings("10.0.0.1"));
        Assert.False(Pings("fd00:1::1"));
        Grant();
        Assert.True(Pings("10.0.0.1"));
        SendAdvertisement(GateMark.Renew(0, demoted: false));
        Assert.True(Pings("fd00:1::1"));
    }

    [Fact]
    public void Flushing_all_rules_opens_nothing_or_is_heard_and_repaired()
    {
        _firewall.Run(() =>
        {
            using var monitor = new TableMonitor();
            Quietly("nft", "flush ruleset");
            var gone = monitor.TookAway(AddressGate.Table, _gate!.Port);
            Assert.Equal(_gate.IsOwned, !gone);
            if (gone)
                Assert.Equal(Errno.None, _gate.Load(BootClock.Now));
        });
        Assert.False(Answers("10.0.0.1"));
    }

    [Fact]
    public void The_next_daemon_takes_over_the_table_of_a_killed_one_closed()
    {
        Grant();
        Assert.True(Answers("10.0.0.1"));
        _gate!.Dispose();
        _firewall.Run(() =>
        {
            _gate = NewGate();
            Assert.Equal(Errno.None, _gate.Load(BootClock.Now));
        });
        Assert.False(Answers("10.0.0.1"));
        Grant();
        Assert.True(Answers("10.0.0.1"));
        Assert.Equal(Errno.None, _gate.Remove());
        Assert.DoesNotContain(AddressGate.Table, _firewall.Shell("nft", "list ruleset"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_reload_gives_a_lease_no_more_than_what_is_left_of_it()
    {
        Grant();
        Assert.True(Answers("10.0.0.1"));
        var clock = Stopwatch.StartNew();
        while (Answers("10.0.0.1"))
        {
            _firewall.Run(() => Assert.Equal(Errno.None, _gate!.Load(BootClock.Now)));
            Assert.True(clock.Elapsed < _deadline, "reloading prolonged the lease");
        }
    }

    private AddressGate NewGate() =>
        new(
            new GateLayout(
                ["lan0"],
                [new GateGroup(_lifetime, _lifetime)],
                [new GateMember(_device.Name, _device.Index, 0, [new GateAddress(_vip4, false), new GateAddress(_vip6, true)])]
            )
        );

    private void Grant()
    {
        _gate!.Grant(0, BootClock.Now);
        Assert.Equal(Errno.None, _gate.Commit(BootClock.Now));
        SendAdvertisement(GateMark.Renew(0, demoted: false));
    }

    private Errno SendAdvertisement(uint mark)
    {
        var host = new CarpVirtualHost(
            new CarpHostOptions
            {
                Vhid = Vhid,
                Password = "x",
                IPv4Addresses = [_vip4],
            },
            () => 1
        );
        Span<byte> frame = stackalloc byte[CarpFrame.MaxLength];
        var source = IpAddressValue.From(IPAddress.Parse("10.0.0.11"));
        var mac = MacAddress.Virtual(Vhid);
        var length = CarpFrame.Write(frame, host, false, mac, source, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, 1, 0, 0);
        return _sender!.Send(frame[..length], mark);
    }

    private void AssertFallsSilent(string address)
    {
        var clock = Stopwatch.StartNew();
        while (Answers(address))
            Assert.True(clock.Elapsed < _deadline, "the lease never ended");
    }

    // A fresh question each time: the neighbour forgets what it knew.
    private bool Answers(string address)
    {
        _neighbour.Run(() =>
        {
            Quietly("ip", "-4 neigh flush dev eth0");
            Quietly("ip", "-6 neigh flush dev eth0");
        });
        return Pings(address);
    }

    private bool Pings(string address)
    {
        var exit = 1;
        _neighbour.Run(() => exit = Quietly("ping", $"-q -c 1 -W 0.3 {address}"));
        return exit == 0;
    }

    private PacketTap OpenTap()
    {
        PacketTap? tap = null;
        _neighbour.Run(() =>
        {
            using var route = new RouteNetlink();
            tap = new PacketTap(route.Link("eth0")!.Value.Index);
        });
        return tap!;
    }

    // A round trip behind the frames in question, so that nothing is still on its way.
    private int CountFramesFrom(PacketTap tap, MacAddress mac)
    {
        Assert.True(Pings("10.0.0.11"));
        Span<byte> buffer = stackalloc byte[2048];
        var count = 0;
        while (tap.TryReceive(buffer, out var length, out _))
        {
            if (length >= 14 && MacAddress.Read(buffer[6..]) == mac)
                count++;
        }
        return count;
    }

    private static int Quietly(string program, string arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit(_deadline);
        return process.ExitCode;
    }
}
