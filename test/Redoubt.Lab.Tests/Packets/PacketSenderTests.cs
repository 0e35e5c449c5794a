using System.Globalization;
using System.Text.RegularExpressions;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Packets;

/// <summary>What leaves is byte for byte what was built, and carries its mark past the rules.</summary>
public sealed partial class PacketSenderTests : IDisposable
{
    private readonly SegmentPair _pair = new();

    public void Dispose() => _pair.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_gratuitous_arp_arrives_as_it_was_built(bool reply)
    {
        var frame = new byte[Announcement.ArpLength];
        Announcement.WriteArp(frame, SegmentPair.VirtualMac, SegmentPair.Address("10.0.0.1"), reply);
        AssertArrives(frame);
        Assert.Equal(reply ? 2 : 1, frame[21]);
    }

    [Fact]
    public void An_unsolicited_neighbour_advertisement_arrives_as_it_was_built()
    {
        var frame = new byte[Announcement.NeighbourAdvertisementLength];
        var vip = SegmentPair.Address("fd00:1::1");
        Announcement.WriteNeighbourAdvertisement(frame, SegmentPair.VirtualMac, vip, vip, router: true);
        AssertArrives(frame);
    }

    [Fact]
    public void A_gratuitous_arp_teaches_the_neighbour_the_new_mac()
    {
        _pair.B.Place.Shell("ip", "neigh replace 10.0.0.1 lladdr 02:00:00:00:00:99 dev lan0 nud stale");
        var frame = new byte[Announcement.ArpLength];
        Announcement.WriteArp(frame, SegmentPair.VirtualMac, SegmentPair.Address("10.0.0.1"), reply: false);
        Assert.Equal(Errno.None, _pair.A.Sender().Send(frame, 0));
        Links.Eventually.Until(
            () => _pair.B.Place.Shell("ip", "neigh show 10.0.0.1 dev lan0").Contains("00:00:5e:00:01:2a", StringComparison.Ordinal),
            "the neighbour's new entry"
        );
    }

    [Fact]
    public void An_nft_rule_sees_the_mark_of_each_frame_and_only_its_own()
    {
        const string Rules = """
            table netdev marks {
              chain out {
                type filter hook egress device lan0 priority 0;
                meta mark 0x52440001 counter comment "first"
                meta mark 0x52440002 counter drop comment "second"
                meta mark 0 counter comment "none"
              }
            }
            """;
        _pair.A.Place.Feed("nft", "-f -", Rules);
        var sender = _pair.A.Sender();
        var peer = _pair.B.Listen(false);
        var baseline = Counted("none");
        Assert.Equal(Errno.None, sender.Send(_pair.A.Frame(false), 0x5244_0001));
        Hearing.Next(peer);
        Assert.Equal((1, 0), (Counted("first"), Counted("second")));
        sender.Send(_pair.A.Frame(false), 0x5244_0002);
        Assert.Null(Hearing.Next(peer, TimeSpan.FromMilliseconds(200)));
        Assert.Equal((1, 1), (Counted("first"), Counted("second")));
        Assert.Equal(Errno.None, sender.Send(_pair.A.Frame(false), 0));
        Hearing.Next(peer);
        Assert.Equal((1, 1), (Counted("first"), Counted("second")));
        Assert.True(Counted("none") > baseline, "a frame with the mark taken back");
    }

    [Fact]
    public void A_full_queue_is_told_by_the_errno_and_when_it_drains_sending_goes_on()
    {
        // 8 kbit/s after a burst of 1,600 bytes, and a queue of 200 bytes: full after some 25 advertisements of 70 bytes.
        _pair.A.Place.Shell("tc", "qdisc replace dev lan0 root tbf rate 8kbit burst 1600 limit 200");
        var sender = _pair.A.Sender();
        var frame = _pair.A.Frame(false);
        var answers = Enumerable.Range(0, 200).Select(_ => sender.Send(frame, 0)).Distinct().ToArray();
        Assert.Equal([Errno.None, Errno.NoBufferSpace], answers);
        _pair.A.Place.Shell("tc", "qdisc del dev lan0 root");
        var peer = _pair.B.Listen(false);
        Assert.Equal(Errno.None, sender.Send(frame, 0));
        Hearing.Next(peer);
    }

    [Fact]
    public void A_device_that_is_gone_is_named_by_the_errno_and_is_no_exception()
    {
        var sender = _pair.A.Sender();
        _pair.A.Place.Shell("ip", "link del lan0");
        var errno = sender.Send(_pair.A.Frame(false), 0);
        Assert.Contains(errno.Value, new[] { 6, Errno.NoDevice.Value }); // ENXIO: packet_snd does not find the index
    }

    [Fact]
    public void A_tap_tells_frames_that_leave_from_frames_that_come()
    {
        var (near, far) = (_pair.A.Tap(), _pair.B.Tap());
        var frame = _pair.A.Frame(false);
        Assert.Equal(Errno.None, _pair.A.Sender().Send(frame, 0));
        Assert.NotNull(Hearing.Frame(far, f => f.AsSpan().SequenceEqual(frame), Links.Eventually.Usual));
        var buffer = new byte[2048];
        var left = 0;
        while (near.TryReceive(buffer, out var length, out var outgoing))
        {
            if (!buffer.AsSpan(0, length).SequenceEqual(frame))
                continue;
            Assert.True(outgoing);
            left++;
        }
        Assert.Equal(1, left);
    }

    private void AssertArrives(byte[] frame)
    {
        var tap = _pair.B.Tap();
        Assert.Equal(Errno.None, _pair.A.Sender().Send(frame, 0));
        Assert.NotNull(Hearing.Frame(tap, f => f.AsSpan().SequenceEqual(frame), Links.Eventually.Usual));
    }

    private int Counted(string comment)
    {
        var line = _pair
            .A.Place.Shell("nft", "list table netdev marks")
            .Split('\n')
            .Single(l => l.Contains($"\"{comment}\"", StringComparison.Ordinal));
        return int.Parse(Packets().Match(line).Groups[1].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("packets ([0-9]+)")]
    private static partial Regex Packets();
}
