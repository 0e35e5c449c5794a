using System.Buffers.Binary;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Netlink;
using static Redoubt.Linux.Conntrack.ConntrackAttribute;

namespace Redoubt.Linux.Conntrack;

/// <remarks>This part reads. What it does not know it skips; a bad length, or a tuple without its address or protocol, refuses the message.</remarks>
public static partial class ConntrackMessage
{
    /// <summary>
    /// Reads a message of the kernel: an answer, a part of a dump, or an event. False for one that is no entry of IPv4 or IPv6, or is
    /// malformed; <paramref name="entry"/> must not be used then.
    /// </summary>
    public static bool TryRead(NetlinkMessage message, out ConntrackEntry entry, out EntryParts fields)
    {
        if (message.Type >> 8 == NFNL_SUBSYS_CTNETLINK && (message.Type & 0xff) is IPCTNL_MSG_CT_NEW or IPCTNL_MSG_CT_DELETE)
            return TryReadBody(message.Body, out entry, out fields);
        entry = default;
        fields = EntryParts.None;
        return false;
    }

    /// <summary>As <see cref="TryRead"/>, from the bytes behind the netlink header (nfgenmsg and attributes).</summary>
    public static bool TryReadBody(ReadOnlySpan<byte> body, out ConntrackEntry entry, out EntryParts fields)
    {
        entry = default;
        fields = EntryParts.None;
        if (body.Length < HeaderLength || body[0] is not (2 or 10))
            return false;
        var family = body[0];
        ushort zone = 0;
        ConntrackTuple original = default;
        ConntrackTuple reply = default;
        var attributes = new NetlinkAttributes(body[HeaderLength..]);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_TUPLE_ORIG:
                    if (!TryReadTuple(attribute.Value, family, out original))
                        return false;
                    break;
                case CTA_TUPLE_REPLY:
                    if (!TryReadTuple(attribute.Value, family, out reply))
                        return false;
                    break;
                case CTA_STATUS when attribute.Value.Length == 4:
                    entry.Status = attribute.UInt32BE;
                    fields |= EntryParts.Status;
                    break;
                case CTA_TIMEOUT when attribute.Value.Length == 4:
                    entry.TimeoutSeconds = attribute.UInt32BE;
                    fields |= EntryParts.Timeout;
                    break;
                case CTA_MARK when attribute.Value.Length == 4:
                    entry.Mark = attribute.UInt32BE;
                    fields |= EntryParts.Mark;
                    break;
                case CTA_ID when attribute.Value.Length == 4:
                    entry.KernelId = attribute.UInt32BE;
                    fields |= EntryParts.Id;
                    break;
                case CTA_ZONE when attribute.Value.Length == 2:
                    zone = attribute.UInt16BE;
                    fields |= EntryParts.Zone;
                    break;
                case CTA_PROTOINFO:
                    if (!TryReadProtocolInfo(attribute.Value, ref entry))
                        return false;
                    break;
                case CTA_LABELS when attribute.Value.Length is > 0 and <= 16:
                    entry.Labels = ReadLabels(attribute.Value);
                    fields |= EntryParts.Labels;
                    break;
                case CTA_HELP:
                    fields |= ReadHelper(attribute.Value, ref entry);
                    break;
                case CTA_SEQ_ADJ_ORIG:
                    entry.AdjustOriginal = ReadAdjustment(attribute.Value);
                    fields |= EntryParts.Adjust;
                    break;
                case CTA_SEQ_ADJ_REPLY:
                    entry.AdjustReply = ReadAdjustment(attribute.Value);
                    fields |= EntryParts.Adjust;
                    break;
                case CTA_STATUS or CTA_TIMEOUT or CTA_MARK or CTA_ID or CTA_ZONE:
                    return false;
            }
        }
        if (attributes.IsMalformed || original.Family == 0 || reply.Family == 0 || original.Protocol != reply.Protocol)
            return false;
        if (entry.HasTcp)
            fields |= EntryParts.Tcp;
        if (entry.SctpState != 0)
            fields |= EntryParts.Sctp;
        // CTA_ZONE is the zone of both directions; one that holds for a single direction stands in that tuple.
        if (zone != 0)
        {
            original = original with { Zone = zone };
            reply = reply with { Zone = zone };
        }
        else if (original.Zone != 0 || reply.Zone != 0)
        {
            fields |= EntryParts.Zone;
        }
        entry.Original = original;
        entry.Reply = reply;
        return true;
    }

    private static bool TryReadTuple(ReadOnlySpan<byte> nest, byte family, out ConntrackTuple tuple)
    {
        tuple = default;
        IpAddressValue source = default;
        IpAddressValue destination = default;
        byte protocol = 0;
        ushort sourcePort = 0;
        ushort destinationPort = 0;
        ushort zone = 0;
        var hasAddresses = false;
        var hasProtocol = false;
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_TUPLE_IP:
                    hasAddresses = TryReadAddresses(attribute.Value, family, out source, out destination);
                    break;
                case CTA_TUPLE_PROTO:
                    hasProtocol = TryReadProtocol(attribute.Value, out protocol, out sourcePort, out destinationPort);
                    break;
                case CTA_TUPLE_ZONE:
                    zone = attribute.UInt16BE;
                    break;
            }
        }
        if (attributes.IsMalformed || !hasAddresses || !hasProtocol)
            return false;
        tuple = new ConntrackTuple
        {
            Family = family,
            Protocol = protocol,
            Zone = zone,
            SourcePort = sourcePort,
            DestinationPort = destinationPort,
            Source = source,
            Destination = destination,
        };
        return true;
    }

    private static bool TryReadAddresses(ReadOnlySpan<byte> nest, byte family, out IpAddressValue source, out IpAddressValue destination)
    {
        source = destination = default;
        var (sourceType, destinationType, length) = family == 10 ? (CTA_IP_V6_SRC, CTA_IP_V6_DST, 16) : (CTA_IP_V4_SRC, CTA_IP_V4_DST, 4);
        var seen = 0;
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            if (attribute.Value.Length != length)
                continue;
            if (attribute.Type == sourceType)
            {
                source = IpAddressValue.Read(attribute.Value);
                seen |= 1;
            }
            else if (attribute.Type == destinationType)
            {
                destination = IpAddressValue.Read(attribute.Value);
                seen |= 2;
            }
        }
        return seen == 3 && !attributes.IsMalformed;
    }

    private static bool TryReadProtocol(ReadOnlySpan<byte> nest, out byte protocol, out ushort sourcePort, out ushort destinationPort)
    {
        protocol = 0;
        sourcePort = destinationPort = 0;
        var hasNumber = false;
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_PROTO_NUM when attribute.Value.Length == 1:
                    protocol = attribute.Byte;
                    hasNumber = true;
                    break;
                case CTA_PROTO_SRC_PORT or CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID:
                    sourcePort = attribute.UInt16BE;
                    break;
                case CTA_PROTO_DST_PORT:
                    destinationPort = attribute.UInt16BE;
                    break;
                case CTA_PROTO_ICMP_TYPE or CTA_PROTO_ICMPV6_TYPE:
                    destinationPort = (ushort)((destinationPort & 0xff) | (attribute.Byte << 8));
                    break;
                case CTA_PROTO_ICMP_CODE or CTA_PROTO_ICMPV6_CODE:
                    destinationPort = (ushort)((destinationPort & 0xff00) | attribute.Byte);
                    break;
            }
        }
        return hasNumber && !attributes.IsMalformed;
    }

    private static bool TryReadProtocolInfo(ReadOnlySpan<byte> nest, ref ConntrackEntry entry)
    {
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            if (attribute.Type == CTA_PROTOINFO_TCP && !TryReadTcp(attribute.Value, ref entry))
                return false;
            if (attribute.Type == CTA_PROTOINFO_SCTP && !TryReadSctp(attribute.Value, ref entry))
                return false;
        }
        return !attributes.IsMalformed;
    }

    private static bool TryReadSctp(ReadOnlySpan<byte> nest, ref ConntrackEntry entry)
    {
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_PROTOINFO_SCTP_STATE:
                    entry.SctpState = attribute.Byte;
                    break;
                case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL:
                    entry.SctpTagOriginal = attribute.UInt32BE;
                    break;
                case CTA_PROTOINFO_SCTP_VTAG_REPLY:
                    entry.SctpTagReply = attribute.UInt32BE;
                    break;
            }
        }
        return !attributes.IsMalformed;
    }

    // unsigned long bits[]: label n is bit n counted from the first byte, on little-endian machines.
    private static ConnectionLabels ReadLabels(ReadOnlySpan<byte> value)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        value.CopyTo(bytes);
        return new ConnectionLabels(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]));
    }

    private static EntryParts ReadHelper(ReadOnlySpan<byte> nest, ref ConntrackEntry entry)
    {
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            if (attributes.Current.Type == CTA_HELP_NAME && HelperName.TryRead(attributes.Current.Value, out var name))
                entry.Helper = name;
        }
        return entry.Helper.IsEmpty ? EntryParts.None : EntryParts.Helper;
    }

    private static SequenceAdjustment ReadAdjustment(ReadOnlySpan<byte> nest)
    {
        SequenceAdjustment adjustment = default;
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_SEQADJ_CORRECTION_POS:
                    adjustment = adjustment with { Position = attribute.UInt32BE };
                    break;
                case CTA_SEQADJ_OFFSET_BEFORE:
                    adjustment = adjustment with { Before = (int)attribute.UInt32BE };
                    break;
                case CTA_SEQADJ_OFFSET_AFTER:
                    adjustment = adjustment with { After = (int)attribute.UInt32BE };
                    break;
            }
        }
        return adjustment;
    }

    private static bool TryReadTcp(ReadOnlySpan<byte> nest, ref ConntrackEntry entry)
    {
        var attributes = new NetlinkAttributes(nest);
        while (attributes.MoveNext())
        {
            var attribute = attributes.Current;
            switch (attribute.Type)
            {
                case CTA_PROTOINFO_TCP_STATE when attribute.Value.Length == 1:
                    entry.TcpState = attribute.Byte;
                    entry.HasTcp = true;
                    break;
                case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL:
                    entry.WindowScaleOriginal = attribute.Byte;
                    break;
                case CTA_PROTOINFO_TCP_WSCALE_REPLY:
                    entry.WindowScaleReply = attribute.Byte;
                    break;
                case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL:
                    entry.TcpFlagsOriginal = attribute.Byte;
                    break;
                case CTA_PROTOINFO_TCP_FLAGS_REPLY:
                    entry.TcpFlagsReply = attribute.Byte;
                    break;
            }
        }
        return !attributes.IsMalformed;
    }
}
