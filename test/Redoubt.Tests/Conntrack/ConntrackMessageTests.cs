using System.Buffers.Binary;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Netlink;
using static Redoubt.Tests.Conntrack.ConntrackVectorTests;

namespace Redoubt.Tests.Conntrack;

/// <summary>What we ask of the kernel, attribute by attribute.</summary>
public class ConntrackMessageTests
{
    private const ushort NatSource = 6;
    private const ushort NatDestination = 13;

    private static ConntrackEntry Tcp(string destination = "192.0.2.9") =>
        new()
        {
            Original = Tuple(6, "10.1.2.3", 40000, destination, 443),
            Reply = Tuple(6, destination, 443, "10.1.2.3", 40000),
            Status = 0xffff,
            TimeoutSeconds = 100,
            Mark = 5,
            KernelId = 77,
            HasTcp = true,
            TcpState = 3,
            TcpFlagsOriginal = 0xff,
            TcpFlagsReply = 0x01,
            WindowScaleOriginal = 7,
            WindowScaleReply = 9,
        };

    [Fact]
    public void A_creation_is_read_back_as_it_was_asked()
    {
        var body = Create(Tcp());

        Assert.True(ConntrackMessage.TryReadBody(body, out var read, out var fields));
        Assert.Equal(Tcp().Original, read.Original);
        Assert.Equal(Tcp().Reply, read.Reply);
        Assert.Equal((100u, 5u, 3), (read.TimeoutSeconds, read.Mark, read.TcpState));
        Assert.Equal((7, 9), (read.WindowScaleOriginal, read.WindowScaleReply));
        Assert.False(fields.HasFlag(EntryParts.Id));
        Assert.Empty(Find(body, NatSource));
        Assert.Empty(Find(body, NatDestination));
    }

    [Fact]
    public void Status_bits_that_the_kernel_refuses_are_never_sent()
    {
        const uint wanted = ConntrackEntry.StatusConfirmed | ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;

        Assert.Equal(wanted, BinaryPrimitives.ReadUInt32BigEndian(Find(Create(Tcp()), 3)));
        Assert.Equal(wanted, BinaryPrimitives.ReadUInt32BigEndian(Find(Update(Tcp()), 3)));
    }

    [Fact]
    public void An_update_without_bits_to_set_sends_no_status()
    {
        var entry = Tcp();
        entry.Status = ConntrackEntry.StatusConfirmed | ConntrackEntry.StatusSourceNat;

        Assert.Empty(Find(Update(entry), 3));
        Assert.Empty(Find(Update(Tcp(), withStatus: false), 3));
    }

    [Fact]
    public void Tcp_flags_are_liberal_in_both_directions_and_only_ever_set()
    {
        foreach (var body in new[] { Create(Tcp()), Update(Tcp()) })
        {
            var tcp = Nested(Find(body, 4), 1);
            Assert.Equal<byte>([0x8f, 0x8f], Nested(tcp, 4));
            Assert.Equal<byte>([0x09, 0x09], Nested(tcp, 5));
        }
    }

    [Fact]
    public void A_tcp_entry_of_unknown_state_is_made_liberal_and_nothing_else()
    {
        var entry = Tcp();
        entry.HasTcp = false;
        var tcp = Nested(Find(Update(entry), 4), 1);

        Assert.Empty(Nested(tcp, 1));
        Assert.Equal<byte>([0x09, 0x09], Nested(tcp, 5));
    }

    [Fact]
    public void MakeLiberal_sends_flags_alone()
    {
        var body = Body((ref writer) => ConntrackMessage.WriteLiberal(ref writer, Tcp().Original, NetlinkFlags.Ack, 1));

        Assert.Equal<byte>([0x08, 0x08], Nested(Nested(Find(body, 4), 1), 4));
        Assert.Equal([1, 4], Types(body));
    }

    [Fact]
    public void Udp_has_no_protocol_information()
    {
        var entry = Tcp();
        entry.Original = entry.Original with { Protocol = 17 };

        Assert.Empty(Find(Create(entry), 4));
        Assert.Empty(Find(Update(entry), 4));
    }

    [Theory]
    [InlineData(0u, 1u)]
    [InlineData(60u, 60u)]
    [InlineData(uint.MaxValue, 2_147_483u)]
    public void A_lifetime_stays_within_bounds(uint wanted, uint sent)
    {
        var entry = Tcp();
        entry.TimeoutSeconds = wanted;

        Assert.Equal(sent, BinaryPrimitives.ReadUInt32BigEndian(Find(Create(entry), 7)));
    }

    [Fact]
    public void An_update_without_a_lifetime_leaves_it()
    {
        var entry = Tcp();
        entry.TimeoutSeconds = 0;

        Assert.Empty(Find(Update(entry), 7));
        Assert.NotEmpty(Find(Update(Tcp()), 7));
    }

    [Fact]
    public void A_mark_of_zero_is_sent()
    {
        var entry = Tcp();
        entry.Mark = 0;

        Assert.Equal<byte>([0, 0, 0, 0], Find(Create(entry), 8));
        Assert.Equal<byte>([0, 0, 0, 0], Find(Update(entry), 8));
    }

    [Fact]
    public void Translation_names_one_port_and_binds_both_sides()
    {
        var entry = Tcp();
        entry.Reply = Tuple(6, "192.0.2.9", 443, "198.51.100.1", 61000);
        var body = Create(entry);

        Assert.Equal<byte>([198, 51, 100, 1], Nested(Find(body, NatSource), 1));
        Assert.Equal<byte>([198, 51, 100, 1], Nested(Find(body, NatSource), 2));
        Assert.Equal<byte>([0xee, 0x48], Nested(Nested(Find(body, NatSource), 3), 1));
        Assert.Equal<byte>([0xee, 0x48], Nested(Nested(Find(body, NatSource), 3), 2));
        Assert.Equal<byte>([192, 0, 2, 9], Nested(Find(body, NatDestination), 1));
        Assert.Equal<byte>([1, 187], Nested(Nested(Find(body, NatDestination), 3), 1));
        Assert.True(ConntrackMessage.TryReadBody(body, out var read, out _));
        Assert.Equal(Tcp().Reply, read.Reply); // untranslated: the kernel translates
    }

    [Fact]
    public void Translation_of_ipv6()
    {
        var entry = Tcp("2001:db8::2");
        entry.Original = Tuple(17, "2001:db8::1", 5353, "2001:db8::2", 53);
        entry.Reply = Tuple(17, "2001:db8:9::9", 1053, "2001:db8::1", 5353);
        var body = Create(entry);

        Assert.Equal(Convert.FromHexString("20010db8000900000000000000000009"), Nested(Find(body, NatDestination), 4));
        Assert.Equal(Convert.FromHexString("20010db8000900000000000000000009"), Nested(Find(body, NatDestination), 5));
        Assert.Equal<byte>([0x04, 0x1d], Nested(Nested(Find(body, NatDestination), 3), 1));
        Assert.Equal(Convert.FromHexString("20010db8000000000000000000000001"), Nested(Find(body, NatSource), 4));
    }

    [Fact]
    public void Translation_of_a_ping_moves_the_identifier()
    {
        var entry = Tcp();
        entry.Original = Tuple(1, "10.1.2.3", 1000, "192.0.2.9", 8 << 8);
        entry.Reply = Tuple(1, "192.0.2.9", 2000, "198.51.100.1", 0);
        var body = Create(entry);

        Assert.Equal<byte>([2000 >> 8, 2000 & 0xff], Nested(Nested(Find(body, NatSource), 3), 1));
        Assert.Equal<byte>([1000 >> 8, 1000 & 0xff], Nested(Nested(Find(body, NatDestination), 3), 1));
    }

    [Fact]
    public void An_update_does_not_repeat_translation()
    {
        var entry = Tcp();
        entry.Reply = Tuple(6, "192.0.2.9", 443, "198.51.100.1", 61000);

        Assert.Empty(Find(Update(entry), NatSource));
        Assert.Empty(Find(Update(entry), NatDestination));
        Assert.Empty(Find(Update(entry), 2));
    }

    [Fact]
    public void A_deletion_always_has_a_tuple_and_the_id_when_known()
    {
        var known = Body((ref writer) => ConntrackMessage.WriteDelete(ref writer, Tcp().Original, 77, NetlinkFlags.Ack, 1));
        var unknown = Body((ref writer) => ConntrackMessage.WriteDelete(ref writer, Tcp().Original, 0, NetlinkFlags.Ack, 1));

        Assert.Equal<byte>([0, 0, 0, 77], Find(known, 12));
        Assert.Empty(Find(unknown, 12));
        Assert.NotEmpty(Find(unknown, 1)); // without it the kernel would empty the table
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(7, 7)]
    [InlineData(7, 0)]
    [InlineData(0, 7)]
    public void Zones_of_both_or_of_one_direction(ushort original, ushort reply)
    {
        var entry = Tcp();
        entry.Original = entry.Original with { Zone = original };
        entry.Reply = entry.Reply with { Zone = reply };

        Assert.True(ConntrackMessage.TryReadBody(Create(entry), out var read, out var fields));
        Assert.Equal((original, reply), (read.Original.Zone, read.Reply.Zone));
        Assert.Equal(original != 0 || reply != 0, fields.HasFlag(EntryParts.Zone));
    }

    [Fact]
    public void The_longest_message_fits_the_limit()
    {
        var entry = Tcp("2001:db8::2");
        entry.Original = Tuple(6, "2001:db8::1", 40000, "2001:db8::2", 443) with { Zone = 7 };
        entry.Reply = Tuple(6, "2001:db8:9::9", 1, "2001:db8:8::8", 2) with { Zone = 7 };

        Assert.InRange(Create(entry).Length + 16, 380, ConntrackLimits.MaxMessageLength);
    }

    [Fact]
    public void A_mirrored_mirror_is_the_tuple()
    {
        foreach (var tuple in Recordings().Select(r => Read(r).Original))
            Assert.Equal(tuple, ConntrackMessage.Mirror(ConntrackMessage.Mirror(tuple)));
    }

    [Fact]
    public void Any_entry_survives_writing_and_reading()
    {
        var random = new Random(4711);
        for (var i = 0; i < 20_000; i++)
        {
            var entry = Any(random);
            var body = Create(entry);
            Assert.InRange(body.Length + 16, 1, ConntrackLimits.MaxMessageLength);
            Assert.True(ConntrackMessage.TryReadBody(body, out var read, out _));
            Assert.Equal(entry.Original, read.Original);
            Assert.Equal(entry.Mark, read.Mark);
            if (entry.Original.Protocol == 6)
                Assert.Equal(entry.TcpState, read.TcpState);
        }
    }

    [Fact]
    public void Writing_and_reading_allocate_nothing()
    {
        var recordings = Recordings();
        var entry = Tcp();
        var buffer = new byte[ConntrackLimits.MaxMessageLength];
        Round();
        Assert.Equal(0, Allocated.During(1000, _ => Round()));

        void Round()
        {
            var writer = new NetlinkWriter(buffer);
            ConntrackMessage.WriteCreate(ref writer, entry, NetlinkFlags.Ack, 1);
            foreach (var recording in recordings)
                ConntrackMessage.TryReadBody(recording.AsSpan(16), out _, out _);
        }
    }

    private static ConntrackEntry Any(Random random)
    {
        var isIPv6 = random.Next(2) == 0;
        var protocol = (byte[])[1, 6, 17, 33, 47, 50, 58, 132, 136];
        var tuple = new ConntrackTuple
        {
            Family = isIPv6 ? (byte)10 : (byte)2,
            Protocol = protocol[random.Next(protocol.Length)],
            Source = new(isIPv6 ? (ulong)random.NextInt64() : 0, (uint)random.NextInt64()),
            Destination = new(isIPv6 ? (ulong)random.NextInt64() : 0, (uint)random.NextInt64()),
            SourcePort = (ushort)random.Next(65536),
            DestinationPort = (ushort)random.Next(65536),
            Zone = (ushort)random.Next(3),
        };
        if (tuple.Protocol == 50)
            tuple = tuple with { SourcePort = 0, DestinationPort = 0 };
        return new ConntrackEntry
        {
            Original = tuple,
            Reply = ConntrackMessage.Mirror(tuple) with { Source = new(0, (uint)random.Next(3)) },
            Mark = (uint)random.Next(),
            TimeoutSeconds = (uint)random.Next(),
            HasTcp = true,
            TcpState = (byte)random.Next(10),
        };
    }

    private delegate void Writing(ref NetlinkWriter writer);

    private static byte[] Create(ConntrackEntry entry) =>
        Body((ref writer) => ConntrackMessage.WriteCreate(ref writer, entry, NetlinkFlags.Ack, 1));

    private static byte[] Update(ConntrackEntry entry, bool withStatus = true) =>
        Body((ref writer) => ConntrackMessage.WriteUpdate(ref writer, entry, withStatus, NetlinkFlags.Ack, 1));

    private static byte[] Body(Writing writing)
    {
        var writer = new NetlinkWriter(new byte[ConntrackLimits.MaxMessageLength]);
        writing(ref writer);
        return writer.Finish()[16..].ToArray();
    }

    private static ConntrackEntry Read(byte[] message)
    {
        Assert.True(ConntrackMessage.TryReadBody(message.AsSpan(16), out var entry, out _));
        return entry;
    }

    private static byte[] Find(byte[] body, ushort type) => Nested(body.AsSpan(ConntrackMessage.HeaderLength), type);

    private static byte[] Nested(ReadOnlySpan<byte> nest, ushort type)
    {
        foreach (var attribute in new NetlinkAttributes(nest))
        {
            if (attribute.Type == type)
                return attribute.Value.ToArray();
        }
        return [];
    }

    private static List<int> Types(byte[] body)
    {
        var types = new List<int>();
        foreach (var attribute in new NetlinkAttributes(body.AsSpan(ConntrackMessage.HeaderLength)))
            types.Add(attribute.Type);
        return types;
    }
}
