using System.Security.Cryptography;
using Redoubt.Core;
using Redoubt.Core.Cluster;
using Redoubt.Core.Heartbeat;

namespace Redoubt.Tests.Heartbeat;

public class HeartbeatMessageTests
{
    private static readonly HeartbeatSeal _seal = new(new ClusterSecret(new byte[32]));

    private static readonly HeartbeatHeader _header = new()
    {
        Node = 2,
        IsLeaving = true,
        SaltHigh = 0x0102030405060708,
        SaltLow = 0x1112131415161718,
        Sequence = 77,
        Path = HeartbeatMessage.NameHash("lan"),
        Hold = TimeSpan.FromMilliseconds(150),
        Interval = TimeSpan.FromMilliseconds(50),
        Ledger = -480,
        ProductVersion = 0x00010203,
        Clock = 123_456_789,
        WallClock = 1_795_000_000_000,
        ConfigDigest = 0xdeadbeefcafef00d,
        SourceIPv4 = new IpAddressValue(0, 0x0a00000b),
        SourceIPv6 = new IpAddressValue(0xfe80_0000_0000_0000, 0x11),
    };

    private static byte[] Sample()
    {
        var buffer = new byte[HeartbeatLimits.MaxLength];
        HeartbeatPeerEntry[] peers = [new(1, true, 1500, 0xa1, 0xb2, 99), new(3, false, 0, 0xa3, 0, 0)];
        HeartbeatGroupEntry[] groups = [new(HeartbeatMessage.NameHash("main"), GroupRole.Asking, true, 3, 1, 100, 4_000_000_000)];
        HeartbeatSegmentEntry[] segments = [new(HeartbeatMessage.NameHash("lan"), true, 0b101)];
        var length = HeartbeatMessage.Write(buffer, _header, peers, groups, segments);
        length = _seal.Sign(buffer, length);
        return buffer[..length];
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        Assert.Equal(HeartbeatRejection.None, HeartbeatMessage.TryView(Sample(), out var message));

        Assert.Equal(_header, message.Header);
        Assert.Equal((2, 1, 1), (message.Peers, message.Groups, message.Segments));
        Assert.Equal(new HeartbeatPeerEntry(1, true, 1500, 0xa1, 0xb2, 99), message.Peer(0));
        Assert.Equal(new HeartbeatPeerEntry(3, false, 0, 0xa3, 0, 0), message.Peer(1));
        Assert.Equal(
            new HeartbeatGroupEntry(HeartbeatMessage.NameHash("main"), GroupRole.Asking, true, 3, 1, 100, 4_000_000_000),
            message.Group(0)
        );
        Assert.Equal(new HeartbeatSegmentEntry(HeartbeatMessage.NameHash("lan"), true, 0b101), message.Segment(0));
        Assert.True(_seal.IsSigned(Sample()));
    }

    [Fact]
    public void The_tag_is_HMAC_SHA256_over_all_before_it_with_a_key_derived_from_the_secret()
    {
        var bytes = Sample();
        var key = HKDF.DeriveKey(HashAlgorithmName.SHA256, new byte[32], 32, [], "redoubt heartbeat 1"u8.ToArray());

        Assert.Equal(HMACSHA256.HashData(key, bytes.AsSpan(..^16))[..16], bytes[^16..]);
    }

    [Fact]
    public void A_heartbeat_fits_one_Ethernet_frame() => Assert.True(HeartbeatFrame.MaxLength <= 1514, $"{HeartbeatFrame.MaxLength}");

    [Fact]
    public void Every_single_flipped_bit_is_refused()
    {
        var bytes = Sample();
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var flipped = bytes.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));

            var refused = HeartbeatMessage.TryView(flipped, out _) != HeartbeatRejection.None || !_seal.IsSigned(flipped);

            Assert.True(refused, $"bit {bit}");
        }
    }

    [Fact]
    public void Survives_any_bytes() =>
        Seeds.ForEach(
            20_000,
            seed =>
            {
                var random = new Random(seed);
                var bytes = Sample();
                if (random.Next(2) == 0)
                    bytes = bytes[..random.Next(bytes.Length)];
                for (var i = random.Next(8); i > 0 && bytes.Length > 0; i--)
                    bytes[random.Next(Math.Min(bytes.Length, 8))] = (byte)random.Next(256);
                if (HeartbeatMessage.TryView(bytes, out var message) != HeartbeatRejection.None)
                    return;
                _ = message.Header;
                for (var i = 0; i < message.Peers; i++)
                    _ = message.Peer(i);
                for (var i = 0; i < message.Groups; i++)
                    Assert.True(message.Group(i).Role <= GroupRole.Master);
                for (var i = 0; i < message.Segments; i++)
                    _ = message.Segment(i);
            }
        );
}
