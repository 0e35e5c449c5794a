using System.Net;
using System.Net.Sockets;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.Conntrack;

/// <summary>A router that never saw a flow's start carries it on, once it was told of it.</summary>
public sealed class ConntrackForwardingTests : IDisposable
{
    private readonly ConntrackNamespace _client = new();
    private readonly ConntrackNamespace _router = new();
    private readonly ConntrackNamespace _server = new();

    public void Dispose()
    {
        _client.Dispose();
        _router.Dispose();
        _server.Dispose();
    }

    [Fact]
    public void A_flow_that_was_put_in_is_translated_both_ways_and_an_unknown_one_is_not_let_through()
    {
        _router.Shell("ip", "link add c0 type veth peer name c1");
        _router.Shell("ip", "link add s0 type veth peer name s1");
        _router.Give("c1", _client);
        _router.Give("s1", _server);
        Configure(_router, "c0", "10.0.1.1/24");
        Configure(_router, "s0", "10.0.2.1/24");
        Configure(_client, "c1", "10.0.1.2/24");
        Configure(_server, "s1", "10.0.2.2/24");
        _client.Shell("ip", "route add default via 10.0.1.1");
        _router.Run(() => File.WriteAllText("/proc/sys/net/ipv4/ip_forward", "1"));
        // The server knows no way back to the client: only a translated packet is answered. The nat chain must be there, its rules need not match.
        _router.Feed(
            "nft",
            "-f -",
            "table ip t { chain f { type filter hook forward priority 0; ct state != established drop; }; chain n { type nat hook postrouting priority 100; }; }"
        );
        _router.Run(() =>
        {
            using var table = new ConntrackTable();
            var entry = Entry(Tuple(17, "10.0.1.2", 4000, "10.0.2.2", 5000), Tuple(17, "10.0.2.2", 5000, "10.0.2.1", 61000));
            Assert.Equal(Errno.None, table.Create(entry));
        });

        using var server = Open(_server, "10.0.2.2", 5000);
        using var known = Open(_client, "10.0.1.2", 4000);
        using var unknown = Open(_client, "10.0.1.2", 4001);
        var target = new IPEndPoint(IPAddress.Parse("10.0.2.2"), 5000);
        unknown.SendTo("no"u8.ToArray(), target);
        known.SendTo("yes"u8.ToArray(), target);

        var buffer = new byte[16];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(3, server.ReceiveFrom(buffer, ref from));
        Assert.Equal("10.0.2.1:61000", from.ToString());
        server.SendTo("back"u8.ToArray(), from);
        EndPoint answerer = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(4, known.ReceiveFrom(buffer, ref answerer));
        Assert.Equal("10.0.2.2:5000", answerer.ToString());
        Assert.Equal(0, server.Available);
    }

    private static Socket Open(ConntrackNamespace place, string address, int port)
    {
        Socket? socket = null;
        place.Run(() =>
        {
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 5000 };
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        });
        return socket!;
    }

    private static void Configure(ConntrackNamespace place, string device, string address)
    {
        place.Shell("ip", $"address add {address} dev {device}");
        place.Shell("ip", $"link set {device} up");
    }
}
