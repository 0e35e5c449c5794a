using System.Buffers.Binary;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Netlink;
using static Redoubt.Linux.Conntrack.ConntrackAttribute;

namespace Redoubt.Linux.Conntrack;

/// <summary>
/// The codec between ctnetlink messages and <see cref="ConntrackEntry"/>. Pure, allocates nothing. This part writes.
/// </summary>
/// <remarks><code>
/// nfgenmsg  = family u8 | version u8 = 0 | resource u16 = 0
/// entry     = TUPLE_ORIG | TUPLE_REPLY | [ZONE] | TIMEOUT | [STATUS] | MARK | [PROTOINFO] | [NAT_DST] [NAT_SRC]
///             | [HELP] | [SEQ_ADJ_ORIG SEQ_ADJ_REPLY] | [LABELS]     numbers big endian, labels little endian
/// tuple     = IP { V4_SRC V4_DST | V6_SRC V6_DST } PROTO { NUM [SRC_PORT DST_PORT | ICMP_ID ICMP_TYPE ICMP_CODE] } [ZONE]
/// nat       = V4_MINIP V4_MAXIP | V6_MINIP V6_MAXIP, [PROTO { PORT_MIN PORT_MAX }]
/// </code></remarks>
public static partial class ConntrackMessage
{
    /// <summary>Bytes of struct nfgenmsg, in front of the attributes.</summary>
    public const int HeaderLength = 4;

    /// <summary>
    /// The status bits we may ask for. The kernel ignores or refuses (EBUSY) all others of IPS_UNCHANGEABLE_MASK, except that
    /// IPS_CONFIRMED must be named because an entry in the table has it. IPS_FIXED_TIMEOUT and IPS_HELPER are this machine's own matter.
    /// </summary>
    public const uint SettableStatus = ConntrackEntry.StatusSeenReply | ConntrackEntry.StatusAssured;

    // What a flag says of the peers (scale, SACK, who closed, simultaneous open) travels; what belongs to the window that the
    // kernel follows (DATA_UNACKNOWLEDGED 0x10, MAXACK_SET 0x20, CHALLENGE_ACK 0x40) must not: that window is not ours to set.
    private const byte SettableTcpFlags = 0x87;

    /// <summary>
    /// The tuple that answers carry when nothing is translated: sides exchanged, an ICMP query turned into its answer.
    /// </summary>
    public static ConntrackTuple Mirror(in ConntrackTuple tuple)
    {
        var mirrored = tuple with { Source = tuple.Destination, Destination = tuple.Source };
        return tuple.Protocol switch
        {
            IPPROTO_ICMP => mirrored with { DestinationPort = MirrorIcmp(tuple.DestinationPort) },
            IPPROTO_ICMPV6 => mirrored with { DestinationPort = MirrorIcmp6(tuple.DestinationPort) },
            _ => mirrored with { SourcePort = tuple.DestinationPort, DestinationPort = tuple.SourcePort },
        };
    }

    /// <summary>
    /// Writes the request that creates <paramref name="entry"/>; it fails with EEXIST where one of the tuples is taken. Tuples of
    /// different zones make an entry whose zone holds for one direction. Helper and labels go only <paramref name="withExtras"/>: a kernel that
    /// lacks the helper refuses the whole.
    /// </summary>
    public static void WriteCreate(
        ref NetlinkWriter writer,
        in ConntrackEntry entry,
        NetlinkFlags flags,
        uint sequence,
        bool withExtras = true
    )
    {
        var original = entry.Original;
        var isOneWay = original.Zone != entry.Reply.Zone;
        BeginMessage(
            ref writer,
            IPCTNL_MSG_CT_NEW,
            flags | NetlinkFlags.Request | NetlinkFlags.Create | NetlinkFlags.Exclusive,
            sequence,
            original
        );
        WriteTuple(ref writer, CTA_TUPLE_ORIG, original, isOneWay ? original.Zone : (ushort)0);
        // The reply goes untranslated: the kernel translates it itself from the NAT attributes, and only then marks the entry as translated.
        WriteTuple(ref writer, CTA_TUPLE_REPLY, Mirror(original), isOneWay ? entry.Reply.Zone : (ushort)0);
        if (!isOneWay && original.Zone != 0)
            writer.PutUInt16BE(CTA_ZONE, original.Zone);
        writer.PutUInt32BE(CTA_TIMEOUT, Math.Clamp(entry.TimeoutSeconds, 1, ConntrackLimits.MaxTimeoutSeconds));
        writer.PutUInt32BE(CTA_STATUS, (entry.Status & SettableStatus) | ConntrackEntry.StatusConfirmed);
        writer.PutUInt32BE(CTA_MARK, entry.Mark);
        WriteProtocolInfo(ref writer, entry);
        WriteNat(ref writer, entry);
        if (!entry.Helper.IsEmpty && withExtras)
        {
            var help = writer.BeginNest(CTA_HELP);
            entry.Helper.Write(writer.PutSpace(CTA_HELP_NAME, HelperName.Length));
            writer.EndNest(help);
        }
        WriteAdjustments(ref writer, entry);
        if (withExtras)
            WriteLabels(ref writer, entry);
        writer.EndMessage();
    }

    /// <summary>
    /// Writes the request that updates the entry with this original tuple: mark, TCP state, lifetime (0 leaves it), and status unless
    /// <paramref name="withStatus"/> is false. Translation cannot be changed and is not repeated.
    /// </summary>
    public static void WriteUpdate(ref NetlinkWriter writer, in ConntrackEntry entry, bool withStatus, NetlinkFlags flags, uint sequence)
    {
        Begin(ref writer, IPCTNL_MSG_CT_NEW, flags | NetlinkFlags.Request, sequence, entry.Original);
        if (entry.TimeoutSeconds != 0)
            writer.PutUInt32BE(CTA_TIMEOUT, Math.Min(entry.TimeoutSeconds, ConntrackLimits.MaxTimeoutSeconds));
        // Both bits can only be set: without them the attribute could only fail.
        if (withStatus && (entry.Status & SettableStatus) != 0)
            writer.PutUInt32BE(CTA_STATUS, (entry.Status & SettableStatus) | ConntrackEntry.StatusConfirmed);
        writer.PutUInt32BE(CTA_MARK, entry.Mark);
        WriteProtocolInfo(ref writer, entry);
        WriteAdjustments(ref writer, entry);
        // The last that the kernel handles: where a node has no rule that knows labels it answers ENOSPC, and all else is done.
        WriteLabels(ref writer, entry);
        writer.EndMessage();
    }

    /// <summary>Writes the request that makes the TCP entry with this original tuple liberal in both directions and changes nothing else.</summary>
    public static void WriteLiberal(ref NetlinkWriter writer, in ConntrackTuple original, NetlinkFlags flags, uint sequence)
    {
        Begin(ref writer, IPCTNL_MSG_CT_NEW, flags | NetlinkFlags.Request, sequence, original);
        WriteTcp(ref writer, default, withState: false);
        writer.EndMessage();
    }

    /// <summary>
    /// Writes the request that deletes the entry with this original tuple, provided it has <paramref name="kernelId"/> where that is not 0.
    /// </summary>
    public static void WriteDelete(ref NetlinkWriter writer, in ConntrackTuple original, uint kernelId, NetlinkFlags flags, uint sequence)
    {
        Begin(ref writer, IPCTNL_MSG_CT_DELETE, flags | NetlinkFlags.Request, sequence, original);
        if (kernelId != 0)
            writer.PutUInt32BE(CTA_ID, kernelId);
        writer.EndMessage();
    }

    /// <summary>Writes the request that asks for the entry with this tuple in its original or reply direction.</summary>
    public static void WriteGet(ref NetlinkWriter writer, in ConntrackTuple tuple, bool isReply, uint sequence)
    {
        Begin(ref writer, IPCTNL_MSG_CT_GET, NetlinkFlags.Request, sequence, tuple, isReply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
        writer.EndMessage();
    }

    /// <summary>Writes the request for a dump of a family: 2, 10, or 0 for all.</summary>
    public static void WriteDump(ref NetlinkWriter writer, byte family, uint sequence)
    {
        writer.BeginMessage(MessageType(IPCTNL_MSG_CT_GET), NetlinkFlags.Request | NetlinkFlags.Dump, sequence);
        writer.Reserve(HeaderLength)[0] = family;
        writer.EndMessage();
    }

    /// <summary>Writes the request for the number of entries.</summary>
    public static void WriteCount(ref NetlinkWriter writer, uint sequence)
    {
        writer.BeginMessage(MessageType(IPCTNL_MSG_CT_GET_STATS), NetlinkFlags.Request, sequence);
        writer.Reserve(HeaderLength);
        writer.EndMessage();
    }

    private static void Begin(
        ref NetlinkWriter writer,
        ushort message,
        NetlinkFlags flags,
        uint sequence,
        in ConntrackTuple tuple,
        ushort direction = CTA_TUPLE_ORIG
    )
    {
        BeginMessage(ref writer, message, flags, sequence, tuple);
        WriteTuple(ref writer, direction, tuple, 0);
        // Also finds an entry whose zone holds for this direction alone.
        if (tuple.Zone != 0)
            writer.PutUInt16BE(CTA_ZONE, tuple.Zone);
    }

    private static void BeginMessage(ref NetlinkWriter writer, ushort message, NetlinkFlags flags, uint sequence, in ConntrackTuple tuple)
    {
        writer.BeginMessage(MessageType(message), flags, sequence);
        writer.Reserve(HeaderLength)[0] = tuple.Family;
    }

    private static void WriteTuple(ref NetlinkWriter writer, ushort direction, in ConntrackTuple tuple, ushort zone)
    {
        var nest = writer.BeginNest(direction);
        var ip = writer.BeginNest(CTA_TUPLE_IP);
        var isIPv6 = tuple.Family == 10;
        tuple.Source.Write(writer.PutSpace(isIPv6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, isIPv6 ? 16 : 4));
        tuple.Destination.Write(writer.PutSpace(isIPv6 ? CTA_IP_V6_DST : CTA_IP_V4_DST, isIPv6 ? 16 : 4));
        writer.EndNest(ip);
        var protocol = writer.BeginNest(CTA_TUPLE_PROTO);
        writer.PutByte(CTA_PROTO_NUM, tuple.Protocol);
        switch (tuple.Protocol)
        {
            case IPPROTO_ICMP:
                writer.PutUInt16BE(CTA_PROTO_ICMP_ID, tuple.SourcePort);
                writer.PutByte(CTA_PROTO_ICMP_TYPE, (byte)(tuple.DestinationPort >> 8));
                writer.PutByte(CTA_PROTO_ICMP_CODE, (byte)tuple.DestinationPort);
                break;
            case IPPROTO_ICMPV6:
                writer.PutUInt16BE(CTA_PROTO_ICMPV6_ID, tuple.SourcePort);
                writer.PutByte(CTA_PROTO_ICMPV6_TYPE, (byte)(tuple.DestinationPort >> 8));
                writer.PutByte(CTA_PROTO_ICMPV6_CODE, (byte)tuple.DestinationPort);
                break;
            default:
                if (!HasPortAttributes(tuple.Protocol))
                    break;
                writer.PutUInt16BE(CTA_PROTO_SRC_PORT, tuple.SourcePort);
                writer.PutUInt16BE(CTA_PROTO_DST_PORT, tuple.DestinationPort);
                break;
        }
        writer.EndNest(protocol);
        if (zone != 0)
            writer.PutUInt16BE(CTA_TUPLE_ZONE, zone);
        writer.EndNest(nest);
    }

    private static void WriteProtocolInfo(ref NetlinkWriter writer, in ConntrackEntry entry)
    {
        if (entry.Original.Protocol == IPPROTO_TCP)
            WriteTcp(ref writer, entry, withState: entry.HasTcp);
        else if (entry.Original.Protocol == IPPROTO_SCTP && entry.SctpState != 0)
        {
            var info = writer.BeginNest(CTA_PROTOINFO);
            var sctp = writer.BeginNest(CTA_PROTOINFO_SCTP);
            writer.PutByte(CTA_PROTOINFO_SCTP_STATE, entry.SctpState);
            writer.PutUInt32BE(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, entry.SctpTagOriginal);
            writer.PutUInt32BE(CTA_PROTOINFO_SCTP_VTAG_REPLY, entry.SctpTagReply);
            writer.EndNest(sctp);
            writer.EndNest(info);
        }
    }

    private static void WriteAdjustments(ref NetlinkWriter writer, in ConntrackEntry entry)
    {
        if (entry.AdjustOriginal == default && entry.AdjustReply == default)
            return;
        WriteAdjustment(ref writer, CTA_SEQ_ADJ_ORIG, entry.AdjustOriginal);
        WriteAdjustment(ref writer, CTA_SEQ_ADJ_REPLY, entry.AdjustReply);
    }

    private static void WriteAdjustment(ref NetlinkWriter writer, ushort type, SequenceAdjustment adjustment)
    {
        var nest = writer.BeginNest(type);
        writer.PutUInt32BE(CTA_SEQADJ_CORRECTION_POS, adjustment.Position);
        writer.PutUInt32BE(CTA_SEQADJ_OFFSET_BEFORE, (uint)adjustment.Before);
        writer.PutUInt32BE(CTA_SEQADJ_OFFSET_AFTER, (uint)adjustment.After);
        writer.EndNest(nest);
    }

    private static void WriteLabels(ref NetlinkWriter writer, in ConntrackEntry entry)
    {
        if (entry.Labels.IsEmpty)
            return;
        var bytes = writer.PutSpace(CTA_LABELS, 16);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, entry.Labels.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], entry.Labels.High);
    }

    private static void WriteTcp(ref NetlinkWriter writer, in ConntrackEntry entry, bool withState)
    {
        var info = writer.BeginNest(CTA_PROTOINFO);
        var tcp = writer.BeginNest(CTA_PROTOINFO_TCP);
        if (withState)
        {
            writer.PutByte(CTA_PROTOINFO_TCP_STATE, entry.TcpState);
            writer.PutByte(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, entry.WindowScaleOriginal);
            writer.PutByte(CTA_PROTOINFO_TCP_WSCALE_REPLY, entry.WindowScaleReply);
        }
        WriteTcpFlags(ref writer, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, entry.TcpFlagsOriginal);
        WriteTcpFlags(ref writer, CTA_PROTOINFO_TCP_FLAGS_REPLY, entry.TcpFlagsReply);
        writer.EndNest(tcp);
        writer.EndNest(info);
    }

    // struct nf_ct_tcp_flags { flags u8; mask u8; }: value and mask are equal, so bits are set and none is cleared.
    private static void WriteTcpFlags(ref NetlinkWriter writer, ushort type, byte flags)
    {
        var pair = writer.PutSpace(type, 2);
        pair[0] = pair[1] = (byte)((flags & SettableTcpFlags) | ConntrackEntry.TcpFlagBeLiberal);
    }

    // With only one of the two the kernel binds the other freely, and may move the source port to avoid a clash: both or none.
    private static void WriteNat(ref NetlinkWriter writer, in ConntrackEntry entry)
    {
        var mirror = Mirror(entry.Original);
        var reply = entry.Reply;
        if (
            mirror.Source == reply.Source
            && mirror.Destination == reply.Destination
            && mirror.SourcePort == reply.SourcePort
            && mirror.DestinationPort == reply.DestinationPort
        )
            return;
        var isIcmp = entry.Original.Protocol is IPPROTO_ICMP or IPPROTO_ICMPV6;
        // The one identifier of ICMP belongs to both sides; destination translation must leave it for the source's.
        WriteNatRange(ref writer, CTA_NAT_DST, entry.Original, reply.Source, isIcmp ? entry.Original.SourcePort : reply.SourcePort);
        WriteNatRange(ref writer, CTA_NAT_SRC, entry.Original, reply.Destination, isIcmp ? reply.SourcePort : reply.DestinationPort);
    }

    private static void WriteNatRange(
        ref NetlinkWriter writer,
        ushort type,
        in ConntrackTuple original,
        IpAddressValue address,
        ushort port
    )
    {
        var nest = writer.BeginNest(type);
        var isIPv6 = original.Family == 10;
        address.Write(writer.PutSpace(isIPv6 ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, isIPv6 ? 16 : 4));
        address.Write(writer.PutSpace(isIPv6 ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, isIPv6 ? 16 : 4));
        if (HasPortAttributes(original.Protocol) || original.Protocol is IPPROTO_ICMP or IPPROTO_ICMPV6)
        {
            var range = writer.BeginNest(CTA_NAT_PROTO);
            writer.PutUInt16BE(CTA_PROTONAT_PORT_MIN, port);
            writer.PutUInt16BE(CTA_PROTONAT_PORT_MAX, port);
            writer.EndNest(range);
        }
        writer.EndNest(nest);
    }

    private static bool HasPortAttributes(byte protocol) =>
        protocol is IPPROTO_TCP or IPPROTO_UDP or IPPROTO_DCCP or IPPROTO_GRE or IPPROTO_SCTP or IPPROTO_UDPLITE;

    // Kernel: invmap of nf_conntrack_proto_icmp.c: echo, timestamp, information, address mask.
    private static ushort MirrorIcmp(ushort typeAndCode) =>
        (ushort)(
            (typeAndCode & 0xff)
            | (
                (typeAndCode >> 8) switch
                {
                    8 => 0,
                    0 => 8,
                    13 => 14,
                    14 => 13,
                    15 => 16,
                    16 => 15,
                    17 => 18,
                    18 => 17,
                    var other => other,
                } << 8
            )
        );

    // Kernel: invmap of nf_conntrack_proto_icmpv6.c: echo, node information.
    private static ushort MirrorIcmp6(ushort typeAndCode) =>
        (ushort)(
            (typeAndCode & 0xff)
            | (
                (typeAndCode >> 8) switch
                {
                    128 => 129,
                    129 => 128,
                    139 => 140,
                    140 => 139,
                    var other => other,
                } << 8
            )
        );
}
