using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Redoubt.Core;

namespace Redoubt.Lab.Verdicts;

/// <summary>
/// The frame that asks who has an address, an ARP request (RFC 826) or a neighbour solicitation (RFC 4861), and what answers it.
/// A question's number is the end of the MAC that it wants the answer sent to, 02:52:44:NN:NN:NN; the Ethernet source stays the
/// asker's own.
/// </summary>
internal sealed class OwnerQuestion
{
    private const int EthernetHeader = 14;
    private const int IPv6Header = 40;
    private const int SolicitationLength = 32; // with the option source link-layer address
    private static readonly byte[] _answerTo = [0x02, 0x52, 0x44];
    private readonly byte[] _frame;
    private readonly byte[] _address;

    public OwnerQuestion(MacAddress source, IPAddress asker, IPAddress address)
    {
        _address = address.GetAddressBytes();
        _frame = address.AddressFamily == AddressFamily.InterNetwork ? Arp(asker) : Solicitation(asker);
        source.Write(_frame.AsSpan(6));
    }

    private bool IsIPv6 => _address.Length == 16;

    /// <summary>The frame of a question; good until the next call.</summary>
    public ReadOnlySpan<byte> Write(int number)
    {
        var mac = _frame.AsSpan(IsIPv6 ? EthernetHeader + IPv6Header + 26 : EthernetHeader + 8, 6);
        _answerTo.CopyTo(mac);
        mac[3] = (byte)(number >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(mac[4..], (ushort)number);
        if (IsIPv6)
            SetChecksum();
        return _frame;
    }

    /// <summary>The number of the question that a frame answers; null where it answers none of ours.</summary>
    public int? NumberAnsweredBy(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 42 || !frame.StartsWith(_answerTo))
            return null;
        var type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        var answers = IsIPv6
            // next header ICMPv6, type neighbour advertisement, target address
            ? type == 0x86dd && frame.Length >= 78 && frame[20] == 58 && frame[54] == 136 && frame.Slice(62, 16).SequenceEqual(_address)
            // reply, sender address
            : type == 0x0806 && frame[21] == 2 && frame.Slice(28, 4).SequenceEqual(_address);
        return answers ? (frame[3] << 16) | (frame[4] << 8) | frame[5] : null;
    }

    private byte[] Arp(IPAddress asker) =>
        [
            .. (byte[])[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 8, 6],
            .. (byte[])[0, 1, 8, 0, 6, 4, 0, 1], // Ethernet, IPv4, request
            .. new byte[6],
            .. asker.GetAddressBytes(),
            .. new byte[6],
            .. _address,
        ];

    // To the solicited-node group ff02::1:ffXX:XXXX.
    private byte[] Solicitation(IPAddress asker) =>
        [
            .. (byte[])[0x33, 0x33, 0xff, .. _address[13..], 0, 0, 0, 0, 0, 0, 0x86, 0xdd],
            .. (byte[])[0x60, 0, 0, 0, 0, SolicitationLength, 58, 255],
            .. asker.GetAddressBytes(),
            .. (byte[])[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, .. _address[13..]],
            .. (byte[])[135, 0, 0, 0, 0, 0, 0, 0],
            .. _address,
            .. (byte[])[1, 1, 0, 0, 0, 0, 0, 0],
        ];

    // RFC 4443, 2.3: over both addresses, the length, the next header and the message.
    private void SetChecksum()
    {
        var message = _frame.AsSpan(EthernetHeader + IPv6Header);
        message[2..4].Clear();
        uint sum = SolicitationLength + 58;
        for (var covered = _frame.AsSpan(EthernetHeader + 8); covered.Length > 0; covered = covered[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(covered);
        while (sum > 0xffff)
            sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], (ushort)~sum);
    }
}
