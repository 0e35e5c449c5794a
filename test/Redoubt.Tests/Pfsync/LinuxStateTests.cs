using System.Buffers.Binary;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;
using Redoubt.Tests.StateSync;

namespace Redoubt.Tests.Pfsync;

/// <summary>One state on the wire: whole, small, and readable for older and newer nodes.</summary>
public sealed class LinuxStateTests
{
    private static readonly byte[] _ftp = "ftp"u8.ToArray();

    private static ReplicatedState State(byte protocol, bool ipv6, bool translated)
    {
        var original = new ConntrackTuple
        {
            Family = ipv6 ? (byte)10 : (byte)2,
            Protocol = protocol,
            Source = ipv6 ? new IpAddressValue(0xfd00_0001_0000_0000, 0x50) : new IpAddressValue(0, 0x0a00_0032),
            Destination = ipv6 ? new IpAddressValue(0xfd00_0002_0000_0000, 0x100) : new IpAddressValue(0, 0xcb00_7164),
            SourcePort = 40000,
            DestinationPort = 443,
        };
        var reply = LinuxState.Mirror(original);
        return new ReplicatedState
        {
            Identity = new StateIdentity(0x0123_4567_89ab_cdef, 0x0100_0007),
            Term = 3,
            Owner = 2,
            Revision = 9,
            Entry = new ConntrackEntry
            {
                Original = original,
                Reply = translated ? reply with { DestinationPort = 1024 } : reply,
                Status = 0x1e,
                TimeoutSeconds = StateTimeouts.Longest,
                HasTcp = protocol == 6,
                TcpState = protocol == 6 ? (byte)3 : (byte)0,
                SctpState = protocol == 132 ? (byte)4 : (byte)0,
                SctpTagOriginal = protocol == 132 ? 0xdead_beef : 0,
                SctpTagReply = protocol == 132 ? 1u : 0,
            },
        };
    }

    private static ReplicatedState Whole(bool ipv6)
    {
        var state = State(6, ipv6, translated: true);
        Assert.True(HelperName.TryRead(_ftp, out var helper));
        var entry = state.Entry;
        entry.Mark = 42;
        entry.Labels = default(ConnectionLabels).With(0).With(63).With(64).With(127);
        entry.Helper = helper;
        entry.AdjustOriginal = new SequenceAdjustment(0xffff_ff00, 0, -3);
        entry.AdjustReply = new SequenceAdjustment(7, 4, 11);
        entry.WindowScaleOriginal = 14;
        entry.WindowScaleReply = 7;
        entry.TcpFlagsOriginal = 0x23;
        entry.TcpFlagsReply = 0x0b;
        entry.Original = entry.Original with { Zone = 5 };
        entry.Reply = entry.Reply with { Zone = 9 };
        state.Entry = entry;
        return state;
    }

    private static byte[] Bytes(in ReplicatedState state, out PfsyncAction action)
    {
        action = LinuxState.ActionOf(state);
        var bytes = new byte[LinuxState.LengthOf(action, state)];
        LinuxState.Write(bytes, action, state);
        return bytes;
    }

    [Theory]
    [InlineData(6)]
    [InlineData(17)]
    [InlineData(1)]
    [InlineData(58)]
    [InlineData(132)]
    [InlineData(47)]
    [InlineData(50)]
    public void A_state_of_any_protocol_is_read_as_it_was_written(byte protocol)
    {
        foreach (var (ipv6, translated) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            var state = State(protocol, ipv6, translated);
            var bytes = Bytes(state, out var action);
            Assert.Equal(0, bytes.Length % 4);
            Assert.True(LinuxState.TryRead(bytes, action, out var read));
            Assert.Equal(state, read);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Marks_labels_helper_shifts_and_a_zone_of_one_direction_travel(bool ipv6)
    {
        var state = Whole(ipv6);
        var bytes = Bytes(state, out var action);
        Assert.True(LinuxState.TryRead(bytes, action, out var read));
        Assert.Equal(state, read);
        Assert.Equal("ftp", read.Entry.Helper.ToString());
        Assert.True(bytes.Length <= LinuxState.MaxLength);
    }

    [Theory]
    [InlineData(17, false, 40)]
    [InlineData(17, true, 52)]
    [InlineData(6, false, 44)]
    [InlineData(6, true, 56)]
    public void A_common_state_is_small(byte protocol, bool translated, int length) =>
        Assert.Equal(length, Bytes(State(protocol, ipv6: false, translated), out _).Length);

    [Fact]
    public void What_a_newer_node_adds_is_passed_over()
    {
        var state = Whole(ipv6: false);
        var bytes = Bytes(state, out var action);
        var newer = new byte[bytes.Length + 8];
        bytes.CopyTo(newer, 0);
        newer.AsSpan(bytes.Length).Fill(0xee);
        BinaryPrimitives.WriteUInt16BigEndian(newer.AsSpan(22), (ushort)(BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(22)) | 0x0300));
        Assert.True(LinuxState.TryRead(newer, action, out var read));
        Assert.Equal(state, read);
    }

    [Fact]
    public void A_state_that_is_cut_anywhere_or_that_no_connection_can_have_is_refused()
    {
        var bytes = Bytes(Whole(ipv6: true), out var action);
        for (var length = 0; length < bytes.Length; length++)
            Assert.False(LinuxState.TryRead(bytes.AsSpan(0, length), action, out _));
        var plain = Bytes(State(6, ipv6: false, translated: false), out action);
        foreach (var (at, value) in new[] { (16, 0), (16, 9), (17, 0), (17, 17), (40, 0x00), (40, 0xa0), (40, 0x3f), (41, 0xf0) })
        {
            var bad = plain.ToArray();
            bad[at] = (byte)value;
            Assert.False(LinuxState.TryRead(bad, action, out _), $"byte {at} = {value}");
        }
        var long_ = plain.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(long_.AsSpan(24), StateTimeouts.Longest + 1);
        Assert.False(LinuxState.TryRead(long_, action, out _));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("ftp", true)]
    [InlineData("a23456789012345", true)]
    [InlineData("a234567890123456", false)]
    [InlineData("f tp", false)]
    [InlineData("ftp\0x", false)]
    [InlineData("ftp\0\0", true)]
    public void A_helper_has_a_name_of_printable_characters(string text, bool isName) =>
        Assert.Equal(isName, HelperName.TryRead(System.Text.Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void Random_messages_are_read_without_an_exception_and_what_is_read_is_written_alike()
    {
        var random = new Random(5);
        var bytes = new byte[LinuxState.MaxLength + 16];
        var again = new byte[LinuxState.MaxLength];
        for (var i = 0; i < 50_000; i++)
        {
            random.NextBytes(bytes);
            var action = (PfsyncAction)(0xa0 + random.Next(4));
            bytes[17] = (byte)(random.Next(2) == 0 ? 17 : random.Next(256));
            bytes[16] = (byte)random.Next(1, 9);
            if (random.Next(2) == 0)
                bytes[22] = bytes[23] = bytes[25] = 0;
            if (!LinuxState.TryRead(bytes.AsSpan(0, random.Next(bytes.Length)), action, out var state))
                continue;
            var written = LinuxState.ActionOf(state);
            LinuxState.Write(again.AsSpan(0, LinuxState.LengthOf(written, state)), written, state);
            Assert.True(LinuxState.TryRead(again.AsSpan(0, LinuxState.LengthOf(written, state)), written, out var reread));
            Assert.Equal(state, reread);
        }
    }
}
