using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Tests.Packets;

/// <summary>Whether two nodes with one virtual MAC hear each other, and what they then know of a packet.</summary>
public sealed class RawSocketTests : IDisposable
{
    private const int Repeats = 10_000;
    private static readonly TimeSpan _silence = TimeSpan.FromMilliseconds(300);
    private SegmentPair? _made;

    private SegmentPair Pair => _made ??= new SegmentPair();

    public void Dispose() => _made?.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_nodes_hear_each_other_though_they_have_the_same_virtual_mac(bool ipv6)
    {
        foreach (var (from, to) in new[] { (Pair.A, Pair.B), (Pair.B, Pair.A) })
        {
            var socket = to.Listen(ipv6);
            var tap = to.Tap();
            var frame = from.Frame(ipv6);
            Assert.Equal(Errno.None, from.Sender().Send(frame, 0));
            var (packet, payload) = Hearing.Next(socket);
            Assert.Equal(ipv6 ? from.IPv6 : from.IPv4, packet.Source);
            Assert.Equal(ipv6 ? CarpFrame.GroupIPv6 : CarpFrame.GroupIPv4, packet.Destination);
            Assert.Equal((255, ipv6), (packet.HopLimit, packet.IsIPv6));
            Assert.Equal(frame[^CarpAdvertisement.Length..], payload);
            var onTheWire = Hearing.Frame(tap, f => f.AsSpan().SequenceEqual(frame), Links.Eventually.Usual);
            Assert.NotNull(onTheWire);
            Assert.Equal(SegmentPair.VirtualMac, MacAddress.Read(onTheWire.AsSpan(6)));
            Assert.Equal(112, onTheWire[ipv6 ? 14 + 6 : 14 + 9]);
            if (ipv6)
                Assert.True(new AddressInfo { IsIPv6 = true, Address = packet.Source }.IsLinkLocal);
            Assert.Equal(0ul, socket.Malformed);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void In_mode_private_the_peers_advertisements_vanish_though_a_tap_sees_them(bool ipv6)
    {
        _made = new SegmentPair("private");
        var socket = Pair.B.Listen(ipv6);
        var tap = Pair.B.Tap();
        var sender = Pair.A.Sender();
        var frame = Pair.A.Frame(ipv6);
        Assert.Equal(Errno.None, sender.Send(frame, 0));
        Assert.NotNull(Hearing.Frame(tap, f => f.AsSpan().SequenceEqual(frame), Links.Eventually.Usual));
        Assert.Null(Hearing.Next(socket, _silence));
        // The twin: with any other source MAC the same packet is heard.
        Pair.A.Frame(ipv6).CopyTo(frame.AsSpan());
        new MacAddress(0x0200_0000_0001).Write(frame.AsSpan(6));
        Assert.Equal(Errno.None, sender.Send(frame, 0));
        Hearing.Next(socket);
    }

    [Theory]
    [InlineData(false, 254)]
    [InlineData(false, 1)]
    [InlineData(true, 254)]
    [InlineData(true, 1)]
    public void The_reader_sees_a_hop_limit_that_a_router_has_lowered(bool ipv6, byte hops)
    {
        var socket = Pair.B.Listen(ipv6);
        var frame = Pair.A.Frame(ipv6);
        frame[ipv6 ? 14 + 7 : 14 + 8] = hops;
        if (!ipv6)
        {
            frame.AsSpan(24, 2).Clear();
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), InternetChecksum.Of(frame.AsSpan(14, 20)));
        }
        Assert.Equal(Errno.None, Pair.A.Sender().Send(frame, 0));
        Assert.Equal(hops, Hearing.Next(socket).Packet.HopLimit);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_a_member_of_the_group_nothing_comes_up(bool ipv6)
    {
        // Bound to another device of the same node: neither its group nor its packets are lan0's.
        Pair.B.Place.Shell("ip", "link add lan1 type veth peer name eth1");
        Pair.B.Place.Shell("ip", "link set lan1 up");
        var elsewhere = Pair.B.Open(() =>
        {
            using var route = new RouteNetlink();
            return new RawSocket(route.Link("lan1")!.Value.Index, "lan1", ipv6);
        });
        var sender = Pair.A.Sender();
        Assert.DoesNotContain(ipv6 ? "ff02::12" : "224.0.0.18", Groups(), StringComparison.Ordinal);
        Assert.Equal(Errno.None, sender.Send(Pair.A.Frame(ipv6), 0));
        Assert.Null(Hearing.Next(elsewhere, _silence));
        var member = Pair.B.Listen(ipv6);
        Assert.Contains(ipv6 ? "ff02::12" : "224.0.0.18", Groups(), StringComparison.Ordinal);
        Assert.Null(Hearing.Next(member, TimeSpan.Zero));
        Assert.Equal(Errno.None, sender.Send(Pair.A.Frame(ipv6), 0));
        Hearing.Next(member);
        Assert.Null(Hearing.Next(elsewhere, _silence));

        string Groups() => Pair.B.Place.Shell("ip", "maddr show dev lan0");
    }

    [Fact]
    public void A_node_does_not_hear_its_own_frames()
    {
        var (own, peers) = (Pair.A.Listen(false), Pair.B.Listen(false));
        Assert.Equal(Errno.None, Pair.A.Sender().Send(Pair.A.Frame(false), 0));
        Hearing.Next(peers);
        Assert.Null(Hearing.Next(own, _silence));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_packet_longer_than_the_buffer_is_never_taken_for_a_whole_one(bool ipv6)
    {
        var socket = Pair.B.Listen(ipv6);
        var sender = Pair.A.Sender();
        var good = Pair.A.Frame(ipv6);
        var frame = new byte[good.Length + 400];
        good.CopyTo(frame, 0);
        if (ipv6)
        {
            frame[18] = (CarpAdvertisement.Length + 400) >> 8;
            frame[19] = (CarpAdvertisement.Length + 400) & 0xff;
        }
        else
        {
            frame[16] = (20 + CarpAdvertisement.Length + 400) >> 8;
            frame[17] = (20 + CarpAdvertisement.Length + 400) & 0xff;
            frame.AsSpan(24, 2).Clear();
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), InternetChecksum.Of(frame.AsSpan(14, 20)));
        }
        Assert.Equal(Errno.None, sender.Send(frame, 0));
        Assert.Equal(Errno.None, sender.Send(good, 0));
        var first = Hearing.Next(socket);
        if (ipv6)
        {
            // The ancillary data has no length; the full buffer tells.
            Assert.Equal(256, first.Payload.Length);
            first = Hearing.Next(socket);
        }
        Assert.Equal(CarpAdvertisement.Length, first.Payload.Length);
        Assert.Equal(ipv6 ? 0ul : 1ul, socket.Malformed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_link_that_goes_down_and_comes_back_interrupts_and_does_not_end(bool ipv6)
    {
        var socket = Pair.B.Listen(ipv6);
        var sender = Pair.B.Sender();
        var peer = Pair.A.Listen(ipv6);
        Pair.B.SetLink(false);
        Assert.Equal(Errno.NetworkDown, sender.Send(Pair.B.Frame(ipv6), 0));
        Assert.Null(Hearing.Next(socket, TimeSpan.Zero));
        Pair.B.SetLink(true);
        Links.Eventually.Until(() => sender.Send(Pair.B.Frame(ipv6), 0).IsSuccess, "sending again");
        Hearing.Next(peer);
        // Carrier and, for IPv6, the device's readiness take a moment.
        var answer = Pair.A.Sender();
        Links.Eventually.Until(
            () => answer.Send(Pair.A.Frame(ipv6), 0).IsSuccess && Hearing.Next(socket, TimeSpan.FromMilliseconds(50)) is not null,
            "hearing again"
        );
    }

    [Fact]
    public void A_flooded_socket_drops_and_goes_on()
    {
        var socket = Pair.B.Listen(false);
        var sender = Pair.A.Sender();
        var frame = Pair.A.Frame(false);
        const int Flood = 20_000;
        for (var i = 0; i < Flood; i++)
            sender.Send(frame, 0);
        var heard = 0;
        while (Hearing.Next(socket, TimeSpan.Zero) is not null)
            heard++;
        Assert.InRange(heard, 1, Flood - 1);
        Assert.Equal(Errno.None, sender.Send(frame, 0));
        Hearing.Next(socket);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_allocated_for_an_advertisement_sent_or_heard(bool ipv6)
    {
        var socket = Pair.B.Listen(ipv6);
        var sender = Pair.A.Sender();
        var frame = Pair.A.Frame(ipv6);
        var buffer = new byte[256];
        var (heard, sent) = Round(100);
        Assert.Equal((100, 100), (sent, heard));
        var before = GC.GetAllocatedBytesForCurrentThread();
        (heard, sent) = Round(Repeats);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((Repeats, Repeats), (sent, heard));

        // A packet on a veth is in the peer's socket when the send returns, or a softirq later: read until it is there.
        (int Heard, int Sent) Round(int count)
        {
            var (got, gave) = (0, 0);
            for (var i = 0; i < count; i++)
            {
                if (sender.Send(frame, (uint)(i & 1)).IsSuccess)
                    gave++;
                for (var attempt = 0; attempt < 1_000_000; attempt++)
                {
                    if (!socket.TryReceive(buffer, out _))
                        continue;
                    got++;
                    break;
                }
            }
            return (got, gave);
        }
    }
}
