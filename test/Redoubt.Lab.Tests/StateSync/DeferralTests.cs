using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;
using Redoubt.Lab.Tests.Conntrack;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>The first packet of a flow that A forwards, from a client to a server, leaves when B holds its state.</summary>
public sealed class DeferralTests : IDisposable
{
    private const string ServerAddress = "10.0.2.2";
    private static readonly TimeSpan _limit = TimeSpan.FromMilliseconds(20);
    private readonly SyncPair _pair = new();
    private readonly ConntrackNamespace _client = new();
    private readonly ConntrackNamespace _server = new();
    private Dictionary<string, long> _before = [];

    public DeferralTests()
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "no /dev/net/tun: nothing can be held here");
        var a = _pair.A;
        a.Shell("ip", "link add c0 type veth peer name c1");
        a.Shell("ip", "link add s0 type veth peer name s1");
        a.Give("c1", _client);
        a.Give("s1", _server);
        Configure(a, "c0", "10.0.1.1/24");
        Configure(a, "s0", "10.0.2.1/24");
        Configure(a, "c0", "fd01::1/64");
        Configure(a, "s0", "fd02::1/64");
        Configure(_client, "c1", "10.0.1.2/24");
        Configure(_client, "c1", "fd01::2/64");
        Configure(_server, "s1", ServerAddress + "/24");
        Configure(_server, "s1", "fd02::2/64");
        _client.Shell("ip", "route add default via 10.0.1.1");
        _client.Shell("ip", "-6 route add default via fd01::1");
        _server.Shell("ip", "-6 route add default via fd02::1");
        a.Run(() =>
        {
            File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1");
            File.WriteAllText("/proc/sys/net/ipv6/conf/all/forwarding", "1");
        });
        a.Feed(
            "nft",
            "-f -",
            "table ip m { chain n { type nat hook postrouting priority 100; oifname s0 masquerade random; }; }\n"
                + "table inet f { chain f { type filter hook forward priority 0; udp dport 5999 ct mark set 0x80000000; }; }"
        );
    }

    public void Dispose()
    {
        _pair.Dispose();
        _client.Dispose();
        _server.Dispose();
    }

    [Fact]
    public void A_first_packet_arrives_unchanged_and_only_when_the_peers_kernel_has_its_state()
    {
        var a = Start(isDeferring: true);
        using var server = Open(_server, ServerAddress, 5000);
        for (var i = 0; i < 100; i++)
        {
            using var client = Open(_client, "10.0.1.2", 20000 + i);
            var content = new byte[1 + (i * 14)];
            Random.Shared.NextBytes(content);
            client.SendTo(content, new IPEndPoint(IPAddress.Parse(ServerAddress), 5000));
            Assert.Equal(content, Receive(server, out var from));
            // Nothing is waited for: it must be there by now.
            var copy = SyncPair.Get(_pair.B, Tuple(17, "10.0.1.2", (ushort)(20000 + i), ServerAddress, 5000));
            Assert.True(copy is not null, $"flow {i}: {_pair.Describe()}");
            Assert.Equal(from.Port, copy.Value.Reply.DestinationPort);
            server.SendTo([7], from);
            Assert.Equal([7], Receive(client, out _));
        }
        UntilCounted(a, "holdsAcknowledged", 100);
        Assert.Equal((0L, 0L), (Counted(a, "holdsUnknown"), Counted(a, "holdSendFaults")));
    }

    [Fact]
    public void Connections_echoes_and_IPv6_pass_and_what_follows_a_first_packet_is_not_held()
    {
        var a = Start(isDeferring: true);
        _client.Shell("ping", $"-c 3 -i 0.2 -W 2 {ServerAddress}");
        _client.Shell("ping", "-c 3 -i 0.2 -W 2 fd02::2");
        UntilCounted(a, "holdsAcknowledged", 2);
        foreach (var address in new[] { ServerAddress, "fd02::2" })
        {
            using var listener = In(_server, () => new TcpListener(IPAddress.Parse(address), 80));
            listener.Start();
            using var client = In(_client, () => new TcpClient(address, 80));
            using var accepted = listener.AcceptTcpClient();
            client.Client.Send(new byte[100_000]);
            var received = new byte[100_000];
            accepted.GetStream().ReadExactly(received);
        }
        UntilCounted(a, "holdsAcknowledged", 4);
        Assert.Equal(4, Counted(a, "held"));
    }

    // FreeBSD's pfsync_defer: nobody answers, so the datagram with the state is seen, then the packet, and this not before the limit.
    [Fact]
    public void Without_an_answer_of_the_peer_a_first_packet_follows_its_state_after_the_limit()
    {
        var a = Start(isDeferring: true);
        MakeDeaf();
        using var server = Open(_server, ServerAddress, 5000);
        var (state, packet) = Send(server, 20000);
        Assert.True(state < packet, $"the state left after {state}, the packet after {packet}");
        Assert.True(packet >= _limit, $"the packet left after {packet}");
        UntilCounted(a, "holdsExpired", 1);
    }

    [Fact]
    public void Without_deferral_a_first_packet_waits_for_nobody()
    {
        var a = Start(isDeferring: false);
        MakeDeaf();
        using var server = Open(_server, ServerAddress, 5000);
        var fastest = Enumerable.Range(20000, 20).Min(port => Send(server, port).Packet);
        Assert.Null(SyncPair.Get(_pair.B, Tuple(17, "10.0.1.2", 20000, ServerAddress, 5000)));
        Assert.True(fastest < _limit, $"the fastest packet took {fastest}");
        Assert.Equal(0, SyncPair.Counter(a, "held"));
        Assert.DoesNotContain("redoubt_defer", _pair.A.Shell("nft", "list tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void Flows_that_are_not_replicated_and_those_of_a_node_without_peers_are_not_held()
    {
        var a = Start(isDeferring: true);
        using (var server = Open(_server, ServerAddress, 5999))
            Assert.True(Send(server, 20000, 5999).Packet > TimeSpan.Zero);
        Assert.Equal(0, Counted(a, "held"));
        _pair.B.Shell("ip", "link set sync down");
        _pair.Until("the peer is missed", () => !a.Snapshot().Peers[0].IsAlive);
        using (var server = Open(_server, ServerAddress, 5000))
            Assert.True(Send(server, 20001).Packet > TimeSpan.Zero);
        Assert.Equal(0, Counted(a, "held"));
    }

    [Fact]
    public void Rules_that_somebody_flushes_come_back_and_a_stop_leaves_nothing()
    {
        var a = Start(isDeferring: true);
        _pair.A.Shell("nft", "delete table netdev redoubt_defer");
        _pair.Until("the rules are loaded again", () => SyncPair.Counter(a, "holdRulesLoaded") > 1);
        using var server = Open(_server, ServerAddress, 5000);
        Send(server, 20000);
        UntilCounted(a, "holdsAcknowledged", 1);
        _pair.End(a);
        Assert.DoesNotContain("redoubt_defer", _pair.A.Shell("nft", "list tables"), StringComparison.Ordinal);
        Assert.DoesNotContain(": rh", _pair.A.Shell("ip", "link"), StringComparison.Ordinal);
        Send(server, 20001);
    }

    private StateSyncLoop Start(bool isDeferring)
    {
        var a = _pair.Start(_pair.A, forwarding: true, o => isDeferring ? o with { DeferredDevices = ["c0", "s0"] } : o);
        _pair.Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        // Neighbours are known, so that nothing but the deferral holds a packet; and the lease of the rules is there.
        _client.Shell("ping", $"-c 1 -W 2 {ServerAddress}");
        _client.Shell("ping", "-c 1 -W 2 fd02::2");
        if (isDeferring)
        {
            using var server = Open(_server, ServerAddress, 4999);
            var port = 40000;
            _pair.Until(
                "first packets are held",
                () =>
                {
                    Send(server, port++, 4999);
                    return SyncPair.Counter(a, "held") > 0;
                }
            );
        }
        // What was counted so far, told a whole period later.
        for (var i = 0; i < 2; i++)
        {
            var last = a.Snapshot();
            _pair.Until("it is told anew", () => a.Snapshot() != last);
        }
        _before = a.Snapshot().Counters.ToDictionary(c => c.Key, c => c.Value);
        return a;
    }

    private long Counted(StateSyncLoop loop, string name) => SyncPair.Counter(loop, name) - _before.GetValueOrDefault(name);

    private void UntilCounted(StateSyncLoop loop, string name, long count) =>
        _pair.Until($"{name} is {count}", () => Counted(loop, name) == count);

    // B says that it is there and hears nothing.
    private void MakeDeaf() =>
        _pair.B.Feed("nft", "-f -", "table ip deaf { chain i { type filter hook input priority 0; udp dport 7240 drop; }; }");

    /// <summary>Sends one datagram to the server: when the state left for the peer, and when the server had the datagram.</summary>
    private (TimeSpan State, TimeSpan Packet) Send(Socket server, int port, int to = 5000)
    {
        using var client = Open(_client, "10.0.1.2", port);
        using var tap = In(
            _pair.A,
            () =>
            {
                using var route = new RouteNetlink();
                return new PacketTap(route.Link("sync")!.Value.Index);
            }
        );
        var frame = new byte[2048];
        var state = TimeSpan.MaxValue;
        var clock = Stopwatch.StartNew();
        client.SendTo([1], new IPEndPoint(IPAddress.Parse(ServerAddress), to));
        while (clock.Elapsed < SyncPair.Limit)
        {
            while (tap.TryReceive(frame, out var length, out var outgoing))
            {
                // Only a state names the client.
                if (outgoing && state == TimeSpan.MaxValue && frame.AsSpan(42, length - 42).IndexOf<byte>([10, 0, 1, 2]) >= 0)
                    state = clock.Elapsed;
            }
            if (!server.Poll(TimeSpan.Zero, SelectMode.SelectRead))
                continue;
            var packet = clock.Elapsed;
            Receive(server, out _);
            return (state, packet);
        }
        throw new TimeoutException($"nothing came through; {_pair.Describe()}");
    }

    private static byte[] Receive(Socket socket, out IPEndPoint from)
    {
        var buffer = new byte[2048];
        EndPoint end = new IPEndPoint(IPAddress.Any, 0);
        var length = socket.ReceiveFrom(buffer, ref end);
        from = (IPEndPoint)end;
        return buffer[..length];
    }

    private static Socket Open(ConntrackNamespace place, string address, int port) =>
        In(
            place,
            () =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };
                socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
                return socket;
            }
        );

    private static T In<T>(ConntrackNamespace place, Func<T> make)
    {
        T? made = default;
        place.Run(() => made = make());
        return made!;
    }

    private static void Configure(ConntrackNamespace place, string device, string address)
    {
        // Else the link-local address, with which neighbours are asked, is not usable for a second.
        place.Run(() => LinkSysctl.Write(LinkSysctl.Path("ipv6", device, "accept_dad"), 0));
        place.Shell("ip", $"address add {address} dev {device}" + (address.Contains(':') ? " nodad" : ""));
        place.Shell("ip", $"link set {device} up");
    }
}
