using Redoubt.Linux.Netlink;

namespace Redoubt.Tests.Netlink;

public class NetlinkCodecTests
{
    private const int Messages = 500;
    private const int MaxDepth = 4;

    [Fact]
    public void What_is_written_is_read_back()
    {
        Seeds.ForEach(
            20,
            seed =>
            {
                var random = new Random(seed);
                var buffer = new byte[64 * 1024];
                for (var i = 0; i < Messages / 20; i++)
                {
                    // The buffer is dirty: padding and reserved bytes must come out cleared all the same.
                    random.NextBytes(buffer);
                    var trees = new List<AttributeTree>();
                    var writer = new NetlinkWriter(buffer);
                    var count = random.Next(1, 5);
                    for (var m = 0; m < count; m++)
                    {
                        var tree = AttributeTree.Any(random, MaxDepth, MaxDepth);
                        trees.Add(tree);
                        writer.BeginMessage((ushort)(100 + m), NetlinkFlags.Request | NetlinkFlags.Ack, (uint)(seed + m));
                        writer.Reserve(8).Fill((byte)m);
                        foreach (var child in tree.Children)
                            child.Write(ref writer);
                    }
                    AssertReads(writer.Finish(), trees, seed);
                }
            }
        );
    }

    [Fact]
    public void Numbers_keep_the_byte_order_their_name_says()
    {
        var writer = new NetlinkWriter(new byte[256]);
        writer.BeginMessage(1, NetlinkFlags.None, 7);
        writer.PutByte(1, 0xab);
        writer.PutUInt16(2, 0x1234);
        writer.PutUInt32(3, 0x1234_5678);
        writer.PutUInt16BE(4, 0x1234);
        writer.PutUInt32BE(5, 0x1234_5678);
        writer.PutUInt64BE(6, 0x0123_4567_89ab_cdef);
        writer.PutString(7, "größe");
        writer.PutFlag(8);
        var bytes = writer.Finish();
        var read = new List<string>();
        foreach (var message in new NetlinkMessages(bytes))
        {
            foreach (var a in message.Attributes(0))
                read.Add($"{a.Type}:{Convert.ToHexStringLower(a.Value)}");
        }
        Assert.Equal(["1:ab", "2:3412", "3:78563412", "4:1234", "5:12345678", "6:0123456789abcdef", "7:6772c3b6c39f6500", "8:"], read);
    }

    [Fact]
    public void A_number_in_a_value_too_short_is_zero()
    {
        var bytes = new byte[] { 5, 0, 1, 0, 0xff, 0, 0, 0 };
        var walk = new NetlinkAttributes(bytes);
        Assert.True(walk.MoveNext());
        var short1 = walk.Current;
        Assert.Equal(0xff, short1.Byte);
        Assert.Equal((0, 0u, 0, 0u, 0ul), (short1.UInt16, short1.UInt32, short1.UInt16BE, short1.UInt32BE, short1.UInt64BE));
        Assert.Equal(0, new NetlinkAttribute(1, default).Byte);
        Assert.Equal("", new NetlinkAttribute(1, default).Text);
    }

    [Theory]
    [InlineData("", false)] // nothing at all is an end, not a fault
    [InlineData("00", true)]
    [InlineData("100000000100000000000000000000", true)] // one byte less than a header
    [InlineData("00000000010000000000000000000000", true)] // length zero must not be walked for ever
    [InlineData("0f000000010000000000000000000000", true)] // shorter than its own header
    [InlineData("11000000010000000000000000000000", true)] // one byte more than there is
    [InlineData("ffffffff010000000000000000000000", true)] // negative as a signed number
    [InlineData("fdffffff010000000000000000000000", true)] // rounds up to 0
    [InlineData("10000000010000000000000000000000", false)]
    public void A_message_length_that_does_not_fit_ends_the_walk(string hex, bool malformed)
    {
        var walk = new NetlinkMessages(Convert.FromHexString(hex));
        var count = 0;
        while (walk.MoveNext())
            count++;
        Assert.Equal(malformed, walk.IsMalformed);
        Assert.Equal(!malformed && hex.Length > 0 ? 1 : 0, count);
    }

    [Theory]
    [InlineData("", 0, false)]
    [InlineData("0400", 0, true)]
    [InlineData("00000100", 0, true)] // length zero
    [InlineData("03000100", 0, true)]
    [InlineData("05000100", 0, true)] // one byte more than there is
    [InlineData("ffff0100", 0, true)]
    [InlineData("04000100", 1, false)]
    [InlineData("05000100aa", 1, false)] // the last one may lack its padding
    [InlineData("05000100aa000000" + "04000200", 2, false)]
    [InlineData("05000100aa000000" + "00000200", 1, true)]
    public void An_attribute_length_that_does_not_fit_ends_the_walk(string hex, int expected, bool malformed)
    {
        var walk = new NetlinkAttributes(Convert.FromHexString(hex));
        var count = 0;
        while (walk.MoveNext())
            count++;
        Assert.Equal((expected, malformed), (count, walk.IsMalformed));
    }

    [Fact]
    public void A_body_shorter_than_the_familys_header_has_no_attributes_and_no_error()
    {
        var message = new NetlinkMessage(Convert.FromHexString("10000000020000000000000000000000"));
        Assert.Equal(0, message.Error);
        Assert.False(message.Attributes(16).GetEnumerator().MoveNext());
    }

    [Fact]
    public void Nothing_is_read_beyond_the_datagram_whatever_its_bytes_say()
    {
        Seeds.ForEach(
            10,
            seed =>
            {
                var random = new Random(seed);
                var whole = new byte[512];
                for (var i = 0; i < 2000; i++)
                {
                    var good = Sample(random);
                    // The twin of the buffer holds other bytes behind the end: the walk must see the same.
                    var end = random.Next(good.Length + 1);
                    Flip(random, good, random.Next(4));
                    good.AsSpan(0, end).CopyTo(whole);
                    whole.AsSpan(end).Clear();
                    var first = Digest(whole.AsSpan(0, end));
                    whole.AsSpan(end).Fill(0xff);
                    Assert.Equal(first, Digest(whole.AsSpan(0, end)));
                    Assert.Equal(first, Digest(good.AsSpan(0, end).ToArray()));
                }
            }
        );
    }

    [Fact]
    public void A_buffer_too_small_is_said_and_never_overrun()
    {
        for (var size = 0; size < 64; size++)
        {
            var memory = new byte[80];
            memory.AsSpan(size).Fill(0x5a);
            var failed = false;
            try
            {
                var writer = new NetlinkWriter(memory.AsSpan(0, size));
                writer.BeginMessage(1, NetlinkFlags.None, 1);
                var nest = writer.BeginNest(1);
                writer.PutString(2, "a rather long name");
                writer.PutUInt64BE(3, 1);
                writer.EndNest(nest);
                Assert.Equal(size >= 56, writer.Finish().Length == 56);
            }
            catch (InvalidOperationException refusal)
            {
                failed = true;
                Assert.Contains($"{size} bytes", refusal.Message, StringComparison.Ordinal);
            }
            Assert.Equal(size < 56, failed);
            Assert.Equal(-1, memory.AsSpan(size).IndexOfAnyExcept((byte)0x5a));
        }
    }

    [Fact]
    public void A_value_or_nest_beyond_the_16_bits_of_its_length_is_refused_and_not_wrapped()
    {
        var buffer = new byte[200_000];
        Assert.Throws<InvalidOperationException>(() =>
        {
            var writer = new NetlinkWriter(buffer);
            writer.BeginMessage(1, NetlinkFlags.None, 1);
            writer.PutSpace(1, 65_532);
        });
        Assert.Throws<InvalidOperationException>(() =>
        {
            var writer = new NetlinkWriter(buffer);
            writer.BeginMessage(1, NetlinkFlags.None, 1);
            var nest = writer.BeginNest(1);
            writer.PutSpace(2, 40_000);
            writer.PutSpace(3, 40_000);
            writer.EndNest(nest);
        });
        var fits = new NetlinkWriter(buffer);
        fits.BeginMessage(1, NetlinkFlags.None, 1);
        fits.PutSpace(1, 65_531);
        Assert.Equal(16 + 65_536, fits.Finish().Length);
    }

    [Fact]
    public void Writing_and_walking_a_message_allocate_nothing()
    {
        var buffer = new byte[512];
        Round();
        Assert.Equal(0, Allocated.During(10_000, _ => Round()));

        void Round()
        {
            var writer = new NetlinkWriter(buffer);
            writer.BeginMessage(16, NetlinkFlags.Request, 1);
            writer.Reserve(16);
            writer.PutString(3, "rd7.42");
            var nest = writer.BeginNest(18);
            writer.PutUInt32(1, 4);
            writer.EndNest(nest);
            var sum = 0;
            foreach (var message in new NetlinkMessages(writer.Finish()))
            {
                foreach (var attribute in message.Attributes(16))
                {
                    sum += attribute.Value.Length;
                    foreach (var inner in attribute.Nested)
                        sum += inner.Type;
                }
            }
            Assert.True(sum > 0);
        }
    }

    private static void AssertReads(ReadOnlySpan<byte> bytes, List<AttributeTree> trees, int seed)
    {
        var walk = new NetlinkMessages(bytes);
        for (var m = 0; m < trees.Count; m++)
        {
            Assert.True(walk.MoveNext());
            var message = walk.Current;
            Assert.Equal((ushort)(100 + m), message.Type);
            Assert.Equal(NetlinkFlags.Request | NetlinkFlags.Ack, message.Flags);
            Assert.Equal((uint)(seed + m), message.Sequence);
            Assert.Equal(0u, message.Port);
            Assert.Equal(-1, message.Body[..8].IndexOfAnyExcept((byte)m));
            trees[m].AssertChildren(message.Attributes(8));
        }
        Assert.False(walk.MoveNext());
        Assert.False(walk.IsMalformed);
    }

    private static byte[] Sample(Random random)
    {
        var writer = new NetlinkWriter(new byte[4096]);
        for (var m = 0; m < 2; m++)
        {
            writer.BeginMessage((ushort)random.Next(1, 40), NetlinkFlags.Multi, 1);
            writer.Reserve(8);
            for (var i = 0; i < 3; i++)
            {
                var nest = writer.BeginNest((ushort)i);
                writer.PutUInt32(1, (uint)random.Next());
                writer.PutSpace(2, random.Next(9));
                writer.EndNest(nest);
            }
        }
        return writer.Finish().ToArray();
    }

    private static void Flip(Random random, byte[] bytes, int flips)
    {
        for (var i = 0; i < flips; i++)
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
    }

    // Everything a reader can be asked of a datagram, four nests deep, as one number.
    private static ulong Digest(ReadOnlySpan<byte> datagram)
    {
        var hash = 14695981039346656037UL;
        var steps = 0;
        var walk = new NetlinkMessages(datagram);
        while (walk.MoveNext())
        {
            var message = walk.Current;
            Mix(ref hash, (ulong)message.Type + message.Sequence + message.Port + (uint)message.Error + (ushort)message.Flags);
            Walk(message.Attributes(8), ref hash, ref steps, MaxDepth);
            Assert.True(++steps <= datagram.Length * MaxDepth, "the walk does not advance");
        }
        Mix(ref hash, walk.IsMalformed ? 1u : 0);
        return hash;
    }

    private static void Walk(NetlinkAttributes attributes, ref ulong hash, ref int steps, int depth)
    {
        while (attributes.MoveNext())
        {
            var a = attributes.Current;
            steps++;
            Mix(ref hash, (ulong)a.Type + a.Byte + a.UInt16 + a.UInt32 + a.UInt16BE + a.UInt32BE + a.UInt64BE + (uint)a.Text.Length);
            foreach (var value in a.Value)
                Mix(ref hash, value);
            if (depth > 0)
                Walk(a.Nested, ref hash, ref steps, depth - 1);
        }
        Mix(ref hash, attributes.IsMalformed ? 1u : 0);
    }

    private static void Mix(ref ulong hash, ulong value) => hash = (hash ^ value) * 1099511628211UL;
}
