using Redoubt.Core.Pfsync;

namespace Redoubt.Tests.Pfsync;

/// <summary>Messages of a comparison say what was written, and what cannot be is refused before anything is looked up by it.</summary>
public sealed class PfsyncDigestTests
{
    private static readonly PfsyncDigest _head = new()
    {
        Round = 0x01020304,
        Owner = 8,
        IsOfNode = true,
        Node = 63,
        IsLast = true,
        HasMore = true,
    };

    [Fact]
    public void A_head_and_its_numbers_come_back_as_they_were_written()
    {
        var message = new byte[PfsyncDigest.HeadLength + 24];
        _head.Write(message);
        for (var i = 0; i < 3; i++)
            PfsyncDigest.SetValue(message, i, ulong.MaxValue - (ulong)i);

        Assert.True(PfsyncDigest.TryRead(message, PfsyncAction.DigestEntries, out var read));
        Assert.Equal(_head, read);
        Assert.Equal([1, 2, 3, 4, 8, 1, 63, 3], message[..PfsyncDigest.HeadLength]);
        Assert.Equal(3, PfsyncDigest.CountOf(message));
        Assert.Equal(ulong.MaxValue - 2, PfsyncDigest.ValueAt(message, 2));
    }

    [Theory]
    [InlineData(PfsyncAction.DigestSums, PfsyncDigest.SumsLength)]
    [InlineData(PfsyncAction.DigestWant, PfsyncDigest.WantLength)]
    [InlineData(PfsyncAction.DigestEntries, PfsyncDigest.HeadLength)]
    [InlineData(PfsyncAction.DigestMissing, PfsyncDigest.HeadLength)]
    public void A_message_shorter_than_its_action_needs_is_refused(PfsyncAction action, int length)
    {
        var message = new byte[length];
        _head.Write(message);
        Assert.True(PfsyncDigest.TryRead(message, action, out _));
        Assert.False(PfsyncDigest.TryRead(message.AsSpan(0, length - 4), action, out _));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(9, 0)]
    [InlineData(1, 64)]
    [InlineData(255, 255)]
    public void Owners_and_nodes_that_do_not_exist_are_refused(byte owner, byte node)
    {
        var message = new byte[PfsyncDigest.WantLength];
        (_head with { Owner = owner, Node = node }).Write(message);
        Assert.False(PfsyncDigest.TryRead(message, PfsyncAction.DigestWant, out _));
    }

    [Fact]
    public void The_longest_messages_fit_a_datagram_and_the_size_that_a_section_can_say()
    {
        foreach (var length in (int[])[PfsyncDigest.SumsLength, PfsyncDigest.HeadLength + (8 * PfsyncLimits.DigestsListed)])
        {
            Assert.InRange(length / 4, 1, byte.MaxValue);
            Assert.InRange(length, 1, PfsyncLimits.MaxContent - PfsyncHeader.Length - PfsyncSections.HeaderLength);
        }
    }
}
