using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Tests.Heartbeat;

public class HeartbeatSessionTests
{
    private static readonly ClusterSecret _secret = new(Enumerable.Repeat((byte)7, 32).ToArray());

    private static Instant At(double milliseconds) => new((long)(1e9 + (milliseconds * 1e6)));

    private static HeartbeatSession Node(byte id, byte salt, ClusterSecret? secret = null) =>
        new(
            new HeartbeatOptions
            {
                Node = id,
                Peers = [1, 2, 3],
                Paths = ["lan", "sync1"],
                Segments = 1,
                Groups = ["main"],
                Secret = secret ?? _secret,
                Random = Enumerable.Range(0, 32).Select(i => (byte)(salt + i)).ToArray(),
            }
        )
        {
            Hold = TimeSpan.FromMilliseconds(150),
        };

    private static byte[] Beat(HeartbeatSession node, double at, int path = 0, bool leaving = false)
    {
        var buffer = new byte[HeartbeatLimits.MaxLength];
        var length = node.Write(buffer, path, leaving, default, default, At(at), 0);
        return buffer[..length];
    }

    private static (HeartbeatSession A, HeartbeatSession B) Acquainted()
    {
        var (a, b) = (Node(1, 10), Node(2, 90));
        Assert.Equal(HeartbeatRejection.NotChallenged, b.Receive(Beat(a, 0), 0, At(0), 0));
        Assert.Equal(HeartbeatRejection.None, a.Receive(Beat(b, 1), 0, At(1), 0));
        Assert.Equal(HeartbeatRejection.None, b.Receive(Beat(a, 2), 0, At(2), 0));
        return (a, b);
    }

    [Fact]
    public void Two_nodes_know_each_other_after_each_has_echoed_the_others_challenge()
    {
        var (a, b) = Acquainted();

        Assert.True(a.Peer(2)!.IsAlive);
        Assert.True(b.Peer(1)!.IsAlive);
        Assert.False(a.Peer(3)!.IsAlive);
    }

    [Fact]
    public void A_peer_lives_for_its_own_hold_time_and_not_longer()
    {
        var (a, b) = Acquainted();
        b.Receive(Beat(a, 10), 0, At(10), 0);

        b.Look(At(159.9));
        Assert.True(b.Peer(1)!.IsAlive);
        b.Look(At(160));
        Assert.False(b.Peer(1)!.IsAlive);
    }

    [Fact]
    public void One_that_leaves_is_dead_at_once()
    {
        var (a, b) = Acquainted();

        Assert.Equal(HeartbeatRejection.None, b.Receive(Beat(a, 5, leaving: true), 0, At(5), 0));

        Assert.False(b.Peer(1)!.IsAlive);
        Assert.True(b.Peer(1)!.Header.IsLeaving);
    }

    [Fact]
    public void A_message_counts_once()
    {
        var (a, b) = Acquainted();
        var beat = Beat(a, 5);

        Assert.Equal(HeartbeatRejection.None, b.Receive(beat, 0, At(5), 0));
        Assert.Equal(HeartbeatRejection.Replayed, b.Receive(beat, 0, At(6), 0));
        Assert.Equal(At(5), b.Peer(1)!.LastHeard);
    }

    [Fact]
    public void A_message_counts_on_its_own_path_only()
    {
        var (a, b) = Acquainted();

        Assert.Equal(HeartbeatRejection.WrongPath, b.Receive(Beat(a, 5, path: 1), 0, At(5), 0));
        Assert.Equal(HeartbeatRejection.None, b.Receive(Beat(a, 6, path: 1), 1, At(6), 0));
        Assert.True(b.Peer(1)!.IsHeardOn(1, At(7)));
    }

    [Fact]
    public void A_recording_of_an_older_boot_never_counts_again()
    {
        var (a, b) = Acquainted();
        var recorded = Enumerable.Range(0, 20).Select(i => Beat(a, 10 + i)).ToList();
        b.Receive(recorded[0], 0, At(10), 0);

        // Node 1 boots anew, and is accepted.
        var again = Node(1, 200);
        Assert.Equal(HeartbeatRejection.NotChallenged, b.Receive(Beat(again, 100), 0, At(100), 0));
        Assert.Equal(HeartbeatRejection.None, again.Receive(Beat(b, 101), 0, At(101), 0));
        Assert.Equal(HeartbeatRejection.None, b.Receive(Beat(again, 102), 0, At(102), 0));

        Assert.All(recorded, r => Assert.Equal(HeartbeatRejection.NotChallenged, b.Receive(r, 0, At(200), 0)));
        b.Look(At(300));
        Assert.False(b.Peer(1)!.IsAlive);
    }

    [Fact]
    public void A_restarted_receiver_takes_no_recording_either()
    {
        var (a, b) = Acquainted();
        var recorded = Beat(a, 10);
        b.Receive(recorded, 0, At(10), 0);

        var again = Node(2, 150);

        Assert.Equal(HeartbeatRejection.NotChallenged, again.Receive(recorded, 0, At(50), 0));
        Assert.False(again.Peer(1)!.IsAlive);
    }

    [Fact]
    public void Another_secret_an_unknown_node_and_a_double_are_told_apart()
    {
        var b = Node(2, 90);

        Assert.Equal(HeartbeatRejection.BadTag, b.Receive(Beat(Node(1, 10, new ClusterSecret(new byte[32])), 0), 0, At(0), 0));
        Assert.Equal(HeartbeatRejection.UnknownNode, b.Receive(Beat(Node(8, 10), 0), 0, At(0), 0));
        Assert.Equal(HeartbeatRejection.DuplicateNode, b.Receive(Beat(Node(2, 10), 0), 0, At(0), 0));
        Assert.Equal(HeartbeatRejection.Own, b.Receive(Beat(b, 0), 0, At(0), 0));
        Assert.Equal(1, b.Counter(HeartbeatRejection.BadTag));
    }

    [Fact]
    public void Who_overslept_gives_the_living_as_long_again_but_not_the_dead()
    {
        var (a, b) = Acquainted();
        b.Receive(Beat(a, 10), 0, At(10), 0);

        b.Forgive(TimeSpan.FromMilliseconds(80), At(170));
        b.Look(At(170));
        Assert.True(b.Peer(1)!.IsAlive);
        b.Look(At(250));
        Assert.False(b.Peer(1)!.IsAlive);

        b.Forgive(TimeSpan.FromMilliseconds(80), At(260));
        b.Look(At(260));
        Assert.False(b.Peer(1)!.IsAlive);
    }

    [Fact]
    public void Handling_and_writing_a_heartbeat_allocates_nothing()
    {
        var (a, b) = Acquainted();
        var buffer = new byte[HeartbeatLimits.MaxLength];
        void Round(int i)
        {
            var length = a.Write(buffer, 0, false, default, default, At(i), 0);
            b.Receive(buffer.AsSpan(0, length), 0, At(i), 0);
        }
        for (var i = 10; i < 2_000; i++)
            Round(i);

        Assert.Equal(0, Allocated.During(10_000, i => Round(2_000 + i)));
        Assert.True(b.Counter(HeartbeatRejection.None) > 11_000);
    }
}
