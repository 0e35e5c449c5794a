using System.Net;
using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Core.Neighbours;

namespace Redoubt.Tests.Neighbours;

/// <summary>Questions for addresses that nobody has, and the answers.</summary>
public class NeighbourProxyTests
{
    private static readonly MacAddress _own = MacAddress.Virtual(2);

    // RFC 826: who has 203.0.113.41? tell 203.0.113.100; and the answer.
    private const string Request = "ffffffffffff 025244000001 0806 0001 0800 06 04 0001 025244000001 cb007164 000000000000 cb007129";
    private const string Reply = "025244000001 00005e000102 0806 0001 0800 06 04 0002 00005e000102 cb007129 025244000001 cb007164";

    private readonly NeighbourProxy _proxy = new(
        [Range("203.0.113.40/30"), Range("fd00:2::40/124"), Range("203.0.113.41/32")],
        [Host("203.0.113.42"), Host("fd00:2::42")]
    );

    private readonly byte[] _answer = new byte[NeighbourProxy.AnswerLength];

    private static AddressRange Range(string text) => AddressRange.Of(Host(text));

    private static AddressPrefix Host(string text) =>
        AddressPrefix.TryParse(text, out var prefix) ? prefix : throw new FormatException(text);

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));

    private ProxyOutcome Ask(byte[] frame, out byte[] answer)
    {
        var outcome = _proxy.Answer(frame, _own, _answer, out var length);
        answer = _answer[..length];
        Assert.Equal(outcome == ProxyOutcome.Answered, length > 0);
        return outcome;
    }

    private ProxyOutcome Ask(string hex) => Ask(Bytes(hex), out _);

    private static byte[] Solicitation(string target, string source = "fd00:2::100", byte[]? options = null, byte hops = 255, byte code = 0)
    {
        var from = IPAddress.Parse(source).GetAddressBytes();
        var about = IPAddress.Parse(target).GetAddressBytes();
        options ??= source == "::" ? [] : [1, 1, 2, 0x52, 0x44, 0, 0, 1];
        byte[] group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, .. about[13..]];
        byte[] message = [135, code, 0, 0, 0, 0, 0, 0, .. about, .. options];
        var sum = InternetChecksum.PseudoHeader(true, IpAddressValue.Read(from), IpAddressValue.Read(group), message.Length, 58);
        var checksum = InternetChecksum.Finish(InternetChecksum.Add(sum, message));
        (message[2], message[3]) = ((byte)(checksum >> 8), (byte)checksum);
        return
        [
            .. (byte[])[0x33, 0x33, 0xff, .. about[13..], 2, 0x52, 0x44, 0, 0, 1, 0x86, 0xdd],
            .. (byte[])[0x60, 0, 0, 0, 0, (byte)message.Length, 58, hops],
            .. from,
            .. group,
            .. message,
        ];
    }

    [Fact]
    public void A_request_for_a_proxied_address_is_answered_to_its_asker_alone()
    {
        Assert.Equal(ProxyOutcome.Answered, Ask(Bytes(Request), out var answer));

        Assert.Equal(Bytes(Reply), answer);
        Assert.Equal((1L, 0L), (_proxy.Answers(0), _proxy.Answers(2)));
    }

    [Theory]
    [InlineData("cb007129", "cb00712c", ProxyOutcome.NotProxied)] // .44, the first behind the network
    [InlineData("cb007129", "cb007127", ProxyOutcome.NotProxied)]
    [InlineData("cb007129", "cb00712a", ProxyOutcome.Excepted)] // somebody has it
    [InlineData("cb007164", "cb007129", ProxyOutcome.Announcement)] // its own
    [InlineData("0001 02", "0002 02", ProxyOutcome.NotAQuestion)]
    [InlineData("0001 02", "0008 02", ProxyOutcome.NotAQuestion)]
    [InlineData("0800 06 04", "0800 08 04", ProxyOutcome.Malformed)]
    [InlineData("0800 06 04", "86dd 06 04", ProxyOutcome.Malformed)]
    [InlineData("0806 0001", "0806 0006", ProxyOutcome.Malformed)]
    [InlineData("0806", "0800", ProxyOutcome.NotAQuestion)]
    [InlineData("0001 025244000001", "0001 035244000001", ProxyOutcome.Malformed)] // a group asks
    [InlineData("0001 025244000001", "0001 000000000000", ProxyOutcome.Malformed)]
    [InlineData("0001 025244000001", "0001 00005e000102", ProxyOutcome.Own)]
    [InlineData("ffffffffffff 025244000001", "ffffffffffff 00005e000102", ProxyOutcome.Own)]
    [InlineData("cb007129", "cb0071", ProxyOutcome.Malformed)] // a byte is missing
    public void A_request_that_is_no_question_for_a_proxied_address_gets_no_answer(string good, string bad, ProxyOutcome expected)
    {
        Assert.Equal(expected, Ask(Request.Replace(good, bad, StringComparison.Ordinal)));
        Assert.Equal(1, _proxy.Count(expected));
        Assert.Equal(0, _proxy.Answers(0));
    }

    [Fact]
    public void Who_probes_before_he_takes_an_address_learns_that_it_is_in_use()
    {
        Assert.Equal(ProxyOutcome.Answered, Ask(Bytes(Request.Replace("cb007164", "00000000", StringComparison.Ordinal)), out var answer));

        Assert.Equal(Bytes("cb007129 025244000001 00000000"), answer[28..]);
    }

    [Fact]
    public void A_solicitation_is_answered_without_overriding_who_really_has_the_address()
    {
        Assert.Equal(ProxyOutcome.Answered, Ask(Solicitation("fd00:2::41"), out var answer));

        Assert.Equal(
            Bytes(
                "025244000001 00005e000102 86dd 60000000 0020 3a ff fd000002000000000000000000000041 fd000002000000000000000000000100"
                    + "8800"
            ),
            answer[..56]
        );
        Assert.Equal(Bytes("40000000 fd000002000000000000000000000041 0201 00005e000102"), answer[58..]);
        var sum = InternetChecksum.PseudoHeader(
            true,
            IpAddressValue.Read(answer.AsSpan(22, 16)),
            IpAddressValue.Read(answer.AsSpan(38, 16)),
            32,
            58
        );
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Add(sum, answer.AsSpan(54))));
        Assert.Equal(1, _proxy.Answers(1));
    }

    [Fact]
    public void Duplicate_address_detection_is_answered_to_all()
    {
        Assert.Equal(ProxyOutcome.Answered, Ask(Solicitation("fd00:2::41", "::"), out var answer));

        Assert.Equal(Bytes("333300000001"), answer[..6]);
        Assert.Equal(IPAddress.Parse("ff02::1").GetAddressBytes(), answer[38..54]);
        Assert.Equal(0, answer[58]); // not solicited
    }

    [Fact]
    public void A_solicitation_that_is_no_question_for_a_proxied_address_gets_no_answer()
    {
        Assert.Equal(ProxyOutcome.NotProxied, Ask(Solicitation("fd00:2::50"), out _));
        Assert.Equal(ProxyOutcome.Excepted, Ask(Solicitation("fd00:2::42"), out _));
        Assert.Equal(ProxyOutcome.NotFromTheLink, Ask(Solicitation("fd00:2::41", hops: 254), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", code: 1), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("ff02::41"), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", "ff02::1"), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", "::", [1, 1, 2, 0x52, 0x44, 0, 0, 1]), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", options: [1, 0, 0, 0, 0, 0, 0, 0]), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", options: [1, 2, 0, 0, 0, 0, 0, 0]), out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41", options: [1, 1, 0xff, 0, 0, 0, 0, 1]), out _));
        Assert.Equal(ProxyOutcome.Own, Ask(Solicitation("fd00:2::41", options: [1, 1, 0, 0, 0x5e, 0, 1, 2]), out _));
        var damaged = Solicitation("fd00:2::41");
        damaged[56] ^= 1;
        Assert.Equal(ProxyOutcome.BadChecksum, Ask(damaged, out _));
        Assert.Equal(ProxyOutcome.Malformed, Ask(Solicitation("fd00:2::41")[..^1], out _));
        Assert.Equal(0, _proxy.Answers(1));
    }

    [Fact]
    public void Survives_any_frame() =>
        Seeds.ForEach(
            2_000,
            seed =>
            {
                var random = new Random(seed);
                var frame = random.Next(2) == 0 ? Bytes(Request) : Solicitation("fd00:2::41");
                for (var i = random.Next(4); i > 0; i--)
                    frame[random.Next(frame.Length)] = (byte)random.Next(256);
                var length = random.Next(4) == 0 ? random.Next(frame.Length) : frame.Length;
                Ask(frame[..length], out _);
            }
        );

    [Fact]
    public void An_answer_allocates_nothing()
    {
        byte[][] frames = [Bytes(Request), Solicitation("fd00:2::41"), Solicitation("fd00:2::50")];
        long Round()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 3_000; i++)
                _proxy.Answer(frames[i % 3], _own, _answer, out _);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        // The runtime itself allocates while it makes better code of a busy method: of some rounds one is without.
        Assert.Contains(0, Enumerable.Range(0, 5).Select(_ => Round()));
    }
}
