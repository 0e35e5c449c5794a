using System.Buffers.Binary;

namespace Redoubt.Core.StateSync;

/// <summary>
/// Reads from an Ethernet frame that leaves by which tuple connection tracking knows its answers. What leaves is translated already, so the frame mirrored is the reply tuple.
/// </summary>
public static class FrameTuple
{
    private const int MacHeader = 14;
    private const int MaxVlanTags = 2;
    private const int MaxExtensions = 8;

    /// <summary>
    /// False where the frame holds no whole header of IPv4 or IPv6 and of what it carries, is a later fragment, or its protocol's tuple cannot be told from one direction (GRE with keys). The zone is 0.
    /// </summary>
    public static bool TryReadReply(ReadOnlySpan<byte> frame, out ConntrackTuple reply)
    {
        reply = default;
        var at = MacHeader;
        for (var tags = 0; frame.Length >= at; tags++, at += 4)
        {
            switch (BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]))
            {
                case 0x0800:
                    return TryReadIPv4(frame[at..], out reply);
                case 0x86dd:
                    return TryReadIPv6(frame[at..], out reply);
                case 0x8100 or 0x88a8 when tags < MaxVlanTags: // 802.1Q, 802.1ad
                    continue;
                default:
                    return false;
            }
        }
        return false;
    }

    private static bool TryReadIPv4(ReadOnlySpan<byte> packet, out ConntrackTuple reply)
    {
        reply = default;
        if (packet.Length < 20 || packet[0] >> 4 != 4)
            return false;
        var header = (packet[0] & 15) * 4;
        var isLaterFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x1fff) != 0;
        if (header < 20 || packet.Length < header || isLaterFragment)
            return false;
        var mirrored = new ConntrackTuple
        {
            Family = 2,
            Protocol = packet[9],
            Source = IpAddressValue.Read(packet.Slice(16, 4)),
            Destination = IpAddressValue.Read(packet.Slice(12, 4)),
        };
        return TryReadPorts(packet[header..], mirrored, out reply);
    }

    private static bool TryReadIPv6(ReadOnlySpan<byte> packet, out ConntrackTuple reply)
    {
        reply = default;
        if (packet.Length < 40 || packet[0] >> 4 != 6)
            return false;
        var next = packet[6];
        var rest = packet[40..];
        for (var extensions = 0; IsExtension(next); extensions++)
        {
            if (extensions == MaxExtensions || rest.Length < 8)
                return false;
            if (next == 44 && (BinaryPrimitives.ReadUInt16BigEndian(rest[2..]) & 0xfff8) != 0)
                return false;
            // RFC 8200: in units of 8 octets without the first; fragment: always 8. RFC 4302: authentication, in units of 4 without the first two.
            var length =
                next == 44 ? 8
                : next == 51 ? (rest[1] + 2) * 4
                : (rest[1] + 1) * 8;
            next = rest[0];
            if (rest.Length < length)
                return false;
            rest = rest[length..];
        }
        var mirrored = new ConntrackTuple
        {
            Family = 10,
            Protocol = next,
            Source = IpAddressValue.Read(packet.Slice(24, 16)),
            Destination = IpAddressValue.Read(packet.Slice(8, 16)),
        };
        return TryReadPorts(rest, mirrored, out reply);
    }

    // Those that the kernel steps over (ipv6_skip_exthdr): hop by hop, routing, fragment, authentication, destination.
    private static bool IsExtension(byte next) => next is 0 or 43 or 44 or 51 or 60;

    private static bool TryReadPorts(ReadOnlySpan<byte> payload, ConntrackTuple mirrored, out ConntrackTuple reply)
    {
        reply = mirrored;
        switch (mirrored.Protocol)
        {
            case 6 or 17 or 33 or 132 or 136: // TCP, UDP, DCCP, SCTP, UDP-Lite
                if (payload.Length < 4)
                    return false;
                reply = mirrored with
                {
                    SourcePort = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]),
                    DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(payload),
                };
                return true;
            case 1 when mirrored.Family == 2:
            case 58 when mirrored.Family == 10:
                if (payload.Length < 8 || IcmpTypes.AnswerTo(mirrored.Protocol, payload[0]) is not { } answer)
                    return false;
                reply = mirrored with
                {
                    SourcePort = BinaryPrimitives.ReadUInt16BigEndian(payload[4..]),
                    DestinationPort = (ushort)((answer << 8) | payload[1]),
                };
                return true;
            case 47: // GRE: version 1 (PPTP) is told apart by call ids, one for each direction
                return payload.Length >= 4 && (payload[1] & 7) == 0;
            default:
                return true;
        }
    }
}
