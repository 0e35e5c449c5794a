using System.Buffers.Binary;
using Redoubt.Core;
using Redoubt.Core.Carp;
using static Redoubt.Tests.Carp.Bench;

namespace Redoubt.Tests.Carp;

public class CarpSegmentTests
{
    private const int FuzzedAdverts = 150_000;

    [Fact]
    public void OurOwnAdvertComingBackIsDroppedAndAPeersWithTheSameCounterIsNot()
    {
        var (a, b) = (Host(Options()), Host(Options()));
        var segment = Listening(a);
        var ours = Advert(a, NodeA);
        Assert.Equal(CarpRejection.OwnLoopback, Hear(segment, ours, NodeA, At(1)).Rejection);
        var theirs = Advert(b, NodeB);
        Assert.Equal(ours, theirs);
        Assert.Equal(CarpRejection.None, Hear(segment, theirs, NodeB, At(1)).Rejection);
    }

    [Fact]
    public void CountersAreRandomUntilAPeerIsHeardAndThenFollowIt()
    {
        var host = Host(Options(), counter: 500);
        var segment = Listening(host);
        Assert.Equal((500UL, 501UL), (Counter(Advert(host, NodeA)), Counter(Advert(host, NodeA))));
        var peer = Host(Options(), counter: ulong.MaxValue);
        Hear(segment, Advert(peer, NodeB), NodeB, At(1));
        Assert.Equal((0UL, 1UL), (Counter(Advert(host, NodeA)), Counter(Advert(host, NodeA))));
    }

    [Fact]
    public void ABadDigestIsRememberedWithItsSender()
    {
        var host = Host(Options());
        var segment = Listening(host);
        var stranger = Host(Options() with { Password = "hate" });
        Assert.Equal(CarpRejection.BadDigest, Hear(segment, Advert(stranger, NodeB), NodeB, At(1)).Rejection);
        Assert.Equal(new CarpSighting(NodeB, false, At(1)), host.LastBadDigest);
        Assert.Null(host.View(ipv6: false).Source);
    }

    [Fact]
    public void TheMasterHeardIsShown()
    {
        var host = Host(Options(100));
        var segment = Listening(host);
        Hear(segment, Advert(Host(Options()), NodeB, 1, 7), NodeB, At(1));
        Assert.Equal(new CarpFamilyView(NodeB, At(1), 1, 7, 0), host.View(ipv6: false));
    }

    [Theory]
    [InlineData(false, CarpRejection.BadTtl)]
    [InlineData(true, CarpRejection.None)]
    public void OnlyAUnicastPeerMayBeRoutedAway(bool unicast, CarpRejection expected)
    {
        var segment = Listening(Host(Options() with { PeersIPv4 = unicast ? [NodeB] : [] }));
        var advert = Advert(Host(Options()), NodeB);
        Assert.Equal(expected, segment.Receive(advert, false, NodeB, NodeA, 64, At(1)).Rejection);
        Assert.Equal(CarpRejection.BadTtl, segment.Receive(advert, false, NodeB, CarpFrame.GroupIPv4, 64, At(1)).Rejection);
    }

    [Fact]
    public void WithUnicastPeersNobodyElseIsHeardByWhateverWay()
    {
        var host = Host(Options() with { PeersIPv4 = [new IpAddressValue(0, 0x0a000009)] });
        var segment = Listening(host);
        var deadline = host.Machine.Deadline;
        var advert = Advert(Host(Options()), NodeB);
        Assert.Equal(CarpRejection.UnknownPeer, segment.Receive(advert, false, NodeB, NodeA, 255, At(1)).Rejection);
        Assert.Equal(CarpRejection.UnknownPeer, segment.Receive(advert, false, NodeB, CarpFrame.GroupIPv4, 255, At(1)).Rejection);
        Assert.Equal((deadline, 2L), (host.Machine.Deadline, host.Counters[CarpRejection.UnknownPeer]));
    }

    [Fact]
    public void AFamilyWithoutAddressesIsNotHeard()
    {
        var segment = Listening(Host(Options()));
        var advert = Advert(Host(Options()), NodeB, ipv6: true);
        Assert.Equal(CarpRejection.UnknownVhid, segment.Receive(advert, true, NodeB, CarpFrame.GroupIPv6, 255, At(1)).Rejection);
    }

    [Fact]
    public void OpenBsdsDigestWithoutLinkLocalAddressesIsAcceptedAndOursCoversThem()
    {
        IpAddressValue global = new(0x2001_0db8_0000_0000, 1);
        var ours = Options() with { IPv6Addresses = [global, new IpAddressValue(0xfe80_0000_0000_0000, 1)] };
        var segment = Listening(Host(ours));
        var without = Host(Options() with { IPv6Addresses = [global] });
        var other = Host(Options() with { IPv6Addresses = [new IpAddressValue(0x2001_0db8_0000_0000, 2)] });
        Assert.Equal(CarpRejection.None, Hear(segment, Advert(without, NodeB), NodeB, At(1)).Rejection);
        Assert.Equal(CarpRejection.None, Hear(segment, Advert(Host(ours), NodeB), NodeB, At(1)).Rejection);
        Assert.Equal(CarpRejection.BadDigest, Hear(segment, Advert(other, NodeB), NodeB, At(1)).Rejection);
    }

    [Fact]
    public void NoMangledAdvertChangesAnythingAndEveryOneIsCounted()
    {
        Seeds.ForEach(
            1,
            seed =>
            {
                var random = new Random(seed);
                var host = Host(Options(100, ipv6: true));
                var segment = Listening(host);
                var peer = Host(Options(ipv6: true), counter: 77);
                var deadline = host.Machine.Deadline;
                for (var i = 0; i < FuzzedAdverts; i++)
                {
                    var packet = Mangle(random, Advert(peer, NodeB));
                    var receipt = segment.Receive(packet, random.Next(2) == 0, NodeB, CarpFrame.GroupIPv4, 255, At(1));
                    Assert.NotEqual(CarpRejection.None, receipt.Rejection);
                    Assert.Equal(CarpActions.None, receipt.Actions);
                }
                Assert.Equal((CarpState.Backup, deadline), (host.Machine.State, host.Machine.Deadline));
                Assert.Equal(FuzzedAdverts, segment.Counters.Received);
                Assert.Equal(FuzzedAdverts, Enum.GetValues<CarpRejection>().Sum(r => segment.Counters[r]));
                Assert.True(Enum.GetValues<CarpRejection>().Count(r => segment.Counters[r] > 0) >= 5);
            }
        );
    }

    [Fact]
    public void AnAdvertSentHeardOrRefusedAllocatesNothing()
    {
        var host = Host(Options(100, ipv6: true));
        var segment = Listening(host);
        var good = Advert(Host(Options(ipv6: true)), NodeB);
        var bad = (byte[])good.Clone();
        bad[6] ^= 1;
        var forged = Advert(Host(Options(ipv6: true) with { Password = "hate" }), NodeB);
        Span<byte> frame = stackalloc byte[CarpFrame.MaxLength];
        long allocated = 0;
        for (var round = 0; round < 2; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                Hear(segment, good, NodeB, At(1));
                Hear(segment, bad, NodeB, At(1));
                Hear(segment, forged, NodeB, At(1));
                host.Machine.OnTurn(At(1));
                CarpFrame.Write(frame, host, (i & 1) == 0, default, NodeA, CarpFrame.GroupIPv4, default, 1, 0, 0);
                Announcement.WriteArp(frame, default, NodeA, reply: false);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(2000, segment.Counters[CarpRejection.None]);
        Assert.Equal(0, allocated);
    }

    // Every way leaves the bytes different from a valid advert in what is checked: checksum, length, digest or counter.
    private static byte[] Mangle(Random random, byte[] advert)
    {
        switch (random.Next(5))
        {
            case 0:
                var noise = new byte[random.Next(0, 80)];
                random.NextBytes(noise);
                return noise;
            case 1:
                return advert[..random.Next(0, CarpAdvertisement.Length)];
            case 2:
                advert[random.Next(advert.Length)] ^= (byte)(1 << random.Next(8));
                return advert;
            case 3:
                // A right checksum over a wrong digest or counter.
                advert[8 + random.Next(28)] ^= (byte)(1 << random.Next(8));
                return WithChecksum(advert);
            default:
                advert[random.Next(2)] ^= (byte)(0x10 << random.Next(4));
                return WithChecksum(advert);
        }
    }

    private static byte[] WithChecksum(byte[] advert)
    {
        advert[6] = advert[7] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(advert.AsSpan(6), InternetChecksum.Of(advert));
        return advert;
    }

    private static ulong Counter(byte[] advert) => BinaryPrimitives.ReadUInt64BigEndian(advert.AsSpan(8));

    private static CarpSegment Listening(CarpVirtualHost host)
    {
        var segment = new CarpSegment();
        segment.Add(host);
        host.Machine.OnReady(At(0));
        return segment;
    }
}
