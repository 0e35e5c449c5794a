using System.Net;
using Redoubt.Core.StateSync;
using Redoubt.Daemon.StateSync;
using Redoubt.Lab.Tests.Conntrack;
using static Redoubt.Lab.Tests.Conntrack.ConntrackTableTests;

namespace Redoubt.Lab.Tests.StateSync;

/// <summary>Two cables between two nodes: either may be pulled.</summary>
public sealed class SecondLinkTests : IDisposable
{
    private readonly SyncPair _pair = new();

    public SecondLinkTests()
    {
        _pair.A.Shell("ip", "link add sync2 type veth peer name peer2");
        _pair.A.Give("peer2", _pair.B);
        _pair.B.Shell("ip", "link set peer2 name sync2");
        foreach (var (node, address) in new[] { (_pair.A, "10.254.0.1/24"), (_pair.B, "10.254.0.2/24") })
        {
            node.Shell("ip", $"address add {address} dev sync2");
            node.Shell("ip", "link set sync2 up");
        }
    }

    public void Dispose() => _pair.Dispose();

    private StateSyncLoop Start(ConntrackNamespace node, bool forwarding)
    {
        var (own, other) = node == _pair.A ? ("10.254.0.1", "10.254.0.2") : ("10.254.0.2", "10.254.0.1");
        return _pair.Start(
            node,
            forwarding,
            o => o with { Second = new StateSyncLink("sync2", IPAddress.Parse(own), [IPAddress.Parse(other)]) }
        );
    }

    private static ConntrackEntry Flow(ushort port)
    {
        var entry = Entry(Tuple(6, "10.1.0.1", port, "192.0.2.2", 443), Tuple(6, "192.0.2.2", 443, "198.51.100.1", port));
        entry.Status = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;
        return entry;
    }

    private void Arrives(ushort port)
    {
        SyncPair.Create(_pair.A, Flow(port));
        _pair.Until($"{port} is at the backup", () => SyncPair.Get(_pair.B, Flow(port).Original) is not null);
    }

    [Fact]
    public void States_go_over_the_second_cable_when_the_first_is_pulled_and_back_when_it_holds_again()
    {
        var a = Start(_pair.A, forwarding: true);
        var b = Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        Arrives(2001);
        Assert.Equal("sync", a.Snapshot().Peers[0].Device);

        _pair.B.Shell("ip", "link set sync down");
        Arrives(2002);
        _pair.Until("it says so", () => a.Snapshot().Peers[0].Device == "sync2");
        Assert.True(a.Snapshot().Peers[0].IsAlive && b.Snapshot().Peers[0].IsAlive, _pair.Describe());
        _pair.UntilInSync();

        _pair.B.Shell("ip", "link set sync up");
        _pair.Until("the first link is used again", () => a.Snapshot().Peers[0].Device == "sync");
        Arrives(2003);

        // Both: nobody is there.
        _pair.B.Shell("ip", "link set sync down");
        _pair.B.Shell("ip", "link set sync2 down");
        _pair.Until("the peer is missed", () => !a.Snapshot().Peers[0].IsAlive);
    }

    [Fact]
    public void A_cable_that_carries_one_direction_only_is_left()
    {
        var a = Start(_pair.A, forwarding: true);
        Start(_pair.B, forwarding: false);
        _pair.UntilInSync();
        _pair.B.Feed("nft", "-f -", "table inet deaf { chain in { type filter hook input priority 0; iifname \"sync\" drop; }; }");
        Arrives(2001);
        _pair.Until("A has left it", () => a.Snapshot().Peers[0].Device == "sync2");
        _pair.UntilInSync();
    }
}
