using System.Buffers.Binary;
using Redoubt.Core.Carp;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Neighbours;

/// <summary>
/// Answers ARP requests and neighbour solicitations for addresses that nobody has, so that their packets come here. Who has one of them all the same (the node
/// itself, its peers, gateways) is excepted. Frames are whole, from the Ethernet header on. Allocates nothing once made; owned by one thread.
/// </summary>
/// <remarks><code>
/// ARP   14 htype=1 | 16 ptype=0800 | 18 hlen=6 | 19 plen=4 | 20 oper | 22 sender MAC | 28 sender IP | 32 target MAC | 38 target IP
/// IPv6  14 version | 18 length | 20 next=58 | 21 hops=255 | 22 source | 38 destination
/// NS    54 type=135 | 55 code=0 | 56 checksum | 58 reserved | 62 target | 78 options: type | length in units of 8 | ...
/// </code></remarks>
public sealed class NeighbourProxy
{
    /// <summary>Bytes of the longest answer.</summary>
    public const int AnswerLength = SolicitationEnd + 8;

    private const int ArpEnd = CarpFrame.EthernetLength + 28;
    private const int Icmp = CarpFrame.EthernetLength + CarpFrame.IPv6Length;
    private const int SolicitationEnd = Icmp + 24;
    private const byte IcmpV6 = 58;
    private const byte Solicitation = 135;
    private const byte Advertisement = 136;
    private const byte SourceLinkLayer = 1; // option
    private const byte TargetLinkLayer = 2; // option
    private const byte Solicited = 0x40; // no override flag: who really has the address is to win (RFC 4861, 7.2.8)
    private static readonly IpAddressValue _allNodes = new(0xff02_0000_0000_0000, 1);
    private static readonly MacAddress _allNodesMac = new(0x3333_0000_0001);

    private readonly AddressRange[] _ranges;
    private readonly HashSet<(IpAddressValue, bool)> _excepted;
    private readonly long[] _answered;
    private readonly long[] _outcomes = new long[Enum.GetValues<ProxyOutcome>().Length];

    /// <summary>Answers for <paramref name="ranges"/>, but not for <paramref name="excepted"/>.</summary>
    public NeighbourProxy(IEnumerable<AddressRange> ranges, IEnumerable<AddressPrefix> excepted)
    {
        _ranges = [.. ranges];
        _excepted = [.. excepted.Select(e => (e.Address, e.IsIPv6))];
        _answered = new long[_ranges.Length];
    }

    /// <summary>How many frames came to this.</summary>
    public long Count(ProxyOutcome outcome) => Interlocked.Read(ref _outcomes[(int)outcome]);

    /// <summary>How many questions for addresses of a range were answered, by its place among the ranges. From any thread.</summary>
    public long Answers(int range) => Interlocked.Read(ref _answered[range]);

    /// <summary>Looks at a frame; where it asks for a proxied address, writes the answer that says that it is at <paramref name="own"/>.</summary>
    public ProxyOutcome Answer(ReadOnlySpan<byte> frame, MacAddress own, Span<byte> answer, out int length)
    {
        length = 0;
        var outcome =
            frame.Length < CarpFrame.EthernetLength ? ProxyOutcome.Malformed
            : MacAddress.Read(frame[6..]) == own ? ProxyOutcome.Own
            : BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
            {
                CarpFrame.TypeArp => AnswerArp(frame, own, answer, out length),
                CarpFrame.TypeIPv6 => AnswerSolicitation(frame, own, answer, out length),
                _ => ProxyOutcome.NotAQuestion,
            };
        Interlocked.Increment(ref _outcomes[(int)outcome]);
        return outcome;
    }

    private ProxyOutcome AnswerArp(ReadOnlySpan<byte> frame, MacAddress own, Span<byte> answer, out int length)
    {
        length = 0;
        if (frame.Length < ArpEnd)
            return ProxyOutcome.Malformed;
        // Ethernet and IPv4, lengths 6 and 4.
        if (BinaryPrimitives.ReadUInt64BigEndian(frame[14..]) >> 16 != 0x0001_0800_0604)
            return ProxyOutcome.Malformed;
        if (BinaryPrimitives.ReadUInt16BigEndian(frame[20..]) != 1)
            return ProxyOutcome.NotAQuestion;
        var asker = MacAddress.Read(frame[22..]);
        var (sender, target) = (IpAddressValue.Read(frame.Slice(28, 4)), IpAddressValue.Read(frame.Slice(38, 4)));
        if (!IsHost(asker))
            return ProxyOutcome.Malformed;
        if (asker == own)
            return ProxyOutcome.Own;
        // A probe (RFC 5227), whose sender address is 0, is answered: who wants to take the address is to learn that it is in use.
        if (sender == target)
            return ProxyOutcome.Announcement;
        var outcome = Judge(target, ipv6: false);
        if (outcome != ProxyOutcome.Answered)
            return outcome;
        CarpFrame.WriteEthernet(answer, asker, own, CarpFrame.TypeArp);
        frame.Slice(14, 6).CopyTo(answer[14..]);
        BinaryPrimitives.WriteUInt16BigEndian(answer[20..], 2);
        own.Write(answer[22..]);
        target.Write(answer.Slice(28, 4));
        asker.Write(answer[32..]);
        sender.Write(answer.Slice(38, 4));
        length = ArpEnd;
        return ProxyOutcome.Answered;
    }

    private ProxyOutcome AnswerSolicitation(ReadOnlySpan<byte> frame, MacAddress own, Span<byte> answer, out int length)
    {
        length = 0;
        if (frame.Length < Icmp || frame[14] >> 4 != 6)
            return ProxyOutcome.Malformed;
        if (frame[20] != IcmpV6)
            return ProxyOutcome.NotAQuestion;
        var size = BinaryPrimitives.ReadUInt16BigEndian(frame[18..]);
        if (size < 4 || size > frame.Length - Icmp)
            return ProxyOutcome.Malformed;
        var message = frame.Slice(Icmp, size);
        if (message[0] != Solicitation)
            return ProxyOutcome.NotAQuestion;
        if (frame[21] != 255)
            return ProxyOutcome.NotFromTheLink;
        if (size < 24 || message[1] != 0)
            return ProxyOutcome.Malformed;
        var (source, destination) = (IpAddressValue.Read(frame.Slice(22, 16)), IpAddressValue.Read(frame.Slice(38, 16)));
        var target = IpAddressValue.Read(message.Slice(8, 16));
        var sum = InternetChecksum.PseudoHeader(ipv6: true, source, destination, size, IcmpV6);
        if (InternetChecksum.Finish(InternetChecksum.Add(sum, message)) != 0)
            return ProxyOutcome.BadChecksum;
        if (!TryReadOptions(message[24..], out var named))
            return ProxyOutcome.Malformed;
        // Duplicate address detection has no source; it goes to the group, and names no MAC (RFC 4861, 7.1.1).
        var probe = source == default;
        var asker = named ?? MacAddress.Read(frame[6..]);
        if (IsGroup(target) || IsGroup(source) || !IsHost(asker) || (probe && (named is not null || !IsGroup(destination))))
            return ProxyOutcome.Malformed;
        if (asker == own)
            return ProxyOutcome.Own;
        var outcome = Judge(target, ipv6: true);
        if (outcome != ProxyOutcome.Answered)
            return outcome;
        var to = probe ? _allNodes : source;
        CarpFrame.WriteEthernet(answer, probe ? _allNodesMac : asker, own, CarpFrame.TypeIPv6);
        CarpFrame.WriteIPv6(answer[CarpFrame.EthernetLength..], 0, AnswerLength - Icmp, IcmpV6, target, to);
        var icmp = answer[Icmp..AnswerLength];
        icmp.Clear();
        icmp[0] = Advertisement;
        icmp[4] = probe ? (byte)0 : Solicited;
        target.Write(icmp.Slice(8, 16));
        icmp[24] = TargetLinkLayer;
        icmp[25] = 1;
        own.Write(icmp[26..]);
        sum = InternetChecksum.PseudoHeader(ipv6: true, target, to, AnswerLength - Icmp, IcmpV6);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Add(sum, icmp)));
        length = AnswerLength;
        return ProxyOutcome.Answered;
    }

    private ProxyOutcome Judge(IpAddressValue target, bool ipv6)
    {
        for (var i = 0; i < _ranges.Length; i++)
        {
            if (!_ranges[i].Contains(target, ipv6))
                continue;
            if (_excepted.Contains((target, ipv6)))
                return ProxyOutcome.Excepted;
            Interlocked.Increment(ref _answered[i]);
            return ProxyOutcome.Answered;
        }
        return ProxyOutcome.NotProxied;
    }

    private static bool TryReadOptions(ReadOnlySpan<byte> options, out MacAddress? source)
    {
        source = null;
        while (!options.IsEmpty)
        {
            if (options.Length < 8 || options[1] == 0 || options[1] * 8 > options.Length)
                return false;
            if (options[0] == SourceLinkLayer && options[1] == 1)
                source ??= MacAddress.Read(options[2..]);
            options = options[(options[1] * 8)..];
        }
        return true;
    }

    private static bool IsHost(MacAddress mac) => mac != default && (mac.Value >> 40 & 1) == 0;

    private static bool IsGroup(IpAddressValue address) => address.High >> 56 == 0xff;
}
