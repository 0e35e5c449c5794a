using System.Buffers.Binary;
using System.Net;
using Redoubt.Core;
using Redoubt.Core.StateSync;

namespace Redoubt.Tests.StateSync;

/// <summary>Which flow a frame that leaves belongs to.</summary>
public sealed class FrameTupleTests
{
    private static byte[] IPv4(byte protocol, byte[] payload, int options = 0, ushort fragment = 0, int tags = 0)
    {
        var packet = new byte[20 + (options * 4) + payload.Length];
        packet[0] = (byte)(0x45 + options);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), fragment);
        packet[9] = protocol;
        IPAddress.Parse("198.51.100.1").TryWriteBytes(packet.AsSpan(12), out _);
        IPAddress.Parse("192.0.2.2").TryWriteBytes(packet.AsSpan(16), out _);
        payload.CopyTo(packet, 20 + (options * 4));
        return Frame(0x0800, packet, tags);
    }

    private static byte[] IPv6(byte next, byte[] payload)
    {
        var packet = new byte[40 + payload.Length];
        packet[0] = 0x60;
        packet[6] = next;
        IPAddress.Parse("2001:db8:1::1").TryWriteBytes(packet.AsSpan(8), out _);
        IPAddress.Parse("2001:db8:2::2").TryWriteBytes(packet.AsSpan(24), out _);
        payload.CopyTo(packet, 40);
        return Frame(0x86dd, packet);
    }

    private static byte[] Frame(ushort type, byte[] packet, int tags = 0)
    {
        var frame = new byte[14 + (tags * 4) + packet.Length];
        for (var i = 0; i < tags; i++)
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12 + (i * 4)), (ushort)(i == 0 ? 0x8100 : 0x88a8));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12 + (tags * 4)), type);
        packet.CopyTo(frame, 14 + (tags * 4));
        return frame;
    }

    private static byte[] Ports(ushort source, ushort destination) =>
        [(byte)(source >> 8), (byte)source, (byte)(destination >> 8), (byte)destination, 0, 0, 0, 0];

    private static ConntrackTuple Mirrored(byte protocol, ushort source, ushort destination, bool isIPv6 = false) =>
        new()
        {
            Family = (byte)(isIPv6 ? 10 : 2),
            Protocol = protocol,
            Source = IpAddressValue.From(IPAddress.Parse(isIPv6 ? "2001:db8:2::2" : "192.0.2.2")),
            SourcePort = source,
            Destination = IpAddressValue.From(IPAddress.Parse(isIPv6 ? "2001:db8:1::1" : "198.51.100.1")),
            DestinationPort = destination,
        };

    private static ConntrackTuple Read(byte[] frame)
    {
        Assert.True(FrameTuple.TryReadReply(frame, out var reply));
        return reply;
    }

    private static void Refuse(byte[] frame) => Assert.False(FrameTuple.TryReadReply(frame, out _));

    [Theory]
    [InlineData(6)]
    [InlineData(17)]
    [InlineData(33)]
    [InlineData(132)]
    [InlineData(136)]
    public void Ports_are_mirrored(byte protocol)
    {
        Assert.Equal(Mirrored(protocol, 443, 40000), Read(IPv4(protocol, Ports(40000, 443))));
        Assert.Equal(Mirrored(protocol, 443, 40000), Read(IPv4(protocol, Ports(40000, 443), options: 10, tags: 2)));
        Assert.Equal(Mirrored(protocol, 443, 40000, isIPv6: true), Read(IPv6(protocol, Ports(40000, 443))));
        Refuse(IPv4(protocol, [1, 2, 3]));
        Refuse(IPv4(protocol, Ports(40000, 443), tags: 3));
    }

    [Theory]
    [InlineData(8, 0)]
    [InlineData(13, 14)]
    [InlineData(15, 16)]
    [InlineData(17, 18)]
    public void A_question_of_ICMP_is_known_by_its_answer(byte question, byte answer)
    {
        Assert.Equal(Mirrored(1, 0x1234, (ushort)(answer << 8)), Read(IPv4(1, [question, 0, 9, 9, 0x12, 0x34, 0, 1])));
        Assert.Equal(Mirrored(1, 0x1234, (ushort)(question << 8)), Read(IPv4(1, [answer, 0, 9, 9, 0x12, 0x34, 0, 1])));
        Refuse(IPv4(1, [question, 0, 9, 9, 0x12, 0x34, 0]));
    }

    [Fact]
    public void A_question_of_ICMPv6_is_known_by_its_answer_and_an_error_is_no_flow()
    {
        Assert.Equal(Mirrored(58, 7, 129 << 8, isIPv6: true), Read(IPv6(58, [128, 0, 9, 9, 0, 7, 0, 1])));
        Assert.Equal(Mirrored(58, 7, 140 << 8, isIPv6: true), Read(IPv6(58, [139, 0, 9, 9, 0, 7, 0, 1])));
        Refuse(IPv6(58, [1, 0, 9, 9, 0, 7, 0, 1]));
        Refuse(IPv4(1, [3, 1, 9, 9, 0, 7, 0, 1]));
    }

    [Fact]
    public void Protocols_without_ports_have_addresses_and_GRE_with_call_ids_is_not_known()
    {
        Assert.Equal(Mirrored(50, 0, 0), Read(IPv4(50, [])));
        Assert.Equal(Mirrored(47, 0, 0), Read(IPv4(47, [0x20, 0, 8, 0])));
        Refuse(IPv4(47, [0x20, 1, 0x88, 0x0b]));
        Refuse(IPv4(47, [0x20]));
    }

    [Fact]
    public void A_first_fragment_is_read_and_a_later_one_is_not()
    {
        Assert.Equal(Mirrored(17, 53, 5000), Read(IPv4(17, Ports(5000, 53), fragment: 0x2000)));
        Refuse(IPv4(17, Ports(5000, 53), fragment: 0x2001));
        byte[] first = [17, 0, 0, 1, 0, 0, 0, 9];
        Assert.Equal(Mirrored(17, 53, 5000, isIPv6: true), Read(IPv6(44, [.. first, .. Ports(5000, 53)])));
        byte[] later = [17, 0, 0, 8, 0, 0, 0, 9];
        Refuse(IPv6(44, [.. later, .. Ports(5000, 53)]));
    }

    [Fact]
    public void Extension_headers_are_stepped_over_as_far_as_they_are_whole_and_few()
    {
        byte[] hop = [60, 1, .. new byte[14]];
        byte[] options = [43, 0, .. new byte[6]];
        byte[] routing = [51, 0, .. new byte[6]];
        byte[] authentication = [6, 4, .. new byte[22]];
        byte[] whole = [.. hop, .. options, .. routing, .. authentication, .. Ports(1000, 22)];
        Assert.Equal(Mirrored(6, 22, 1000, isIPv6: true), Read(IPv6(0, whole)));
        for (var length = 0; length < whole.Length - 4; length++)
            Refuse(IPv6(0, whole[..length]));
        byte[] many = [.. Enumerable.Repeat<byte[]>([60, 0, 0, 0, 0, 0, 0, 0], 8).SelectMany(h => h)];
        Refuse(IPv6(60, [.. many, 6, 0, 0, 0, 0, 0, 0, 0, .. Ports(1000, 22)]));
    }

    [Fact]
    public void Other_frames_are_refused()
    {
        Refuse([]);
        Refuse(new byte[13]);
        Refuse(Frame(0x0806, new byte[28]));
        Refuse(Frame(0x0800, new byte[20]));
        Refuse(Frame(0x86dd, new byte[40]));
        var tooShort = IPv4(17, Ports(1, 2));
        tooShort[14] = 0x44;
        Refuse(tooShort);
        var tooLong = IPv4(17, Ports(1, 2));
        tooLong[14] = 0x4f;
        Refuse(tooLong);
    }

    [Fact]
    public void Whatever_is_in_a_frame_it_is_read_or_refused()
    {
        byte[][] good =
        [
            IPv4(6, Ports(1, 2), options: 3, tags: 1),
            IPv6(0, [60, 0, .. new byte[6], 17, 0, .. new byte[6], .. Ports(1, 2)]),
        ];
        Seeds.ForEach(
            2000,
            seed =>
            {
                var random = new Random(seed);
                var frame = good[seed & 1].ToArray();
                for (var changes = random.Next(6); changes >= 0; changes--)
                    frame[random.Next(frame.Length)] = (byte)random.Next(256);
                FrameTuple.TryReadReply(frame.AsSpan(0, random.Next(frame.Length + 1)), out _);
            }
        );
    }
}
