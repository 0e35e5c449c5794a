using System.Buffers.Binary;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.Pfsync;

/// <summary>The `linux` state format: all that conntrack tells of a connection, in 52 bytes for an untranslated IPv4 flow.</summary>
/// <remarks><code>
/// identity: 0..7         8..11    12..15  16     17        18..19
///           incarnation  creator  term    owner  protocol  zone                    (20 bytes; Delete and Ask: then the original tuple)
/// state:    20        21         22          23           24           25            26..27    28..31  32..35   36..39
///           hasTcp 1  tcp state  flags orig  flags reply  wscale orig  wscale reply  revision  status  timeout  mark     (then the original tuple)
/// tuple:    source 4 or 16, destination 4 or 16, source port 2, destination port 2    (…Nat: twice, original and reply)
/// </code>Ports as <see cref="ConntrackTuple"/> has them. Reserved bits are sent 0 and ignored.</remarks>
public static class LinuxState
{
    private const int IdentityLength = 20;
    private const int StateLength = 40;
    private const int Tuple4 = 12;
    private const int Tuple6 = 36;
    private const byte FamilyIPv4 = 2;
    private const byte FamilyIPv6 = 10;

    /// <summary>The longest message of this format.</summary>
    public const int MaxLength = StateLength + Tuple6 + Tuple6;

    /// <summary>The action that carries this state most compactly.</summary>
    public static PfsyncAction ActionOf(in ReplicatedState state)
    {
        var translated = !IsMirrored(state.Entry);
        return state.Entry.Original.Family == FamilyIPv4
            ? translated
                ? PfsyncAction.State4Nat
                : PfsyncAction.State4
            : translated
                ? PfsyncAction.State6Nat
                : PfsyncAction.State6;
    }

    /// <summary>Bytes of a message; 0 for actions of other kinds.</summary>
    public static int LengthOf(PfsyncAction action) =>
        action switch
        {
            PfsyncAction.State4 => StateLength + Tuple4,
            PfsyncAction.State4Nat => StateLength + Tuple4 + Tuple4,
            PfsyncAction.State6 => StateLength + Tuple6,
            PfsyncAction.State6Nat => StateLength + Tuple6 + Tuple6,
            PfsyncAction.Delete4 or PfsyncAction.Ask4 => IdentityLength + Tuple4,
            PfsyncAction.Delete6 or PfsyncAction.Ask6 => IdentityLength + Tuple6,
            _ => 0,
        };

    /// <summary>Writes a state, a delete or an ask; <paramref name="message"/> has <see cref="LengthOf"/> bytes.</summary>
    public static void Write(Span<byte> message, PfsyncAction action, in ReplicatedState state)
    {
        BinaryPrimitives.WriteUInt64BigEndian(message, state.Identity.Incarnation);
        BinaryPrimitives.WriteUInt32BigEndian(message[8..], state.Identity.Creator);
        BinaryPrimitives.WriteUInt32BigEndian(message[12..], state.Term);
        message[16] = state.Owner;
        message[17] = state.Entry.Original.Protocol;
        BinaryPrimitives.WriteUInt16BigEndian(message[18..], state.Entry.Original.Zone);
        var ipv6 = IsIPv6(action);
        if (!IsState(action))
        {
            WriteTuple(message[IdentityLength..], state.Entry.Original, ipv6);
            return;
        }
        message[20] = state.Entry.HasTcp ? (byte)1 : (byte)0;
        message[21] = state.Entry.TcpState;
        message[22] = state.Entry.TcpFlagsOriginal;
        message[23] = state.Entry.TcpFlagsReply;
        message[24] = state.Entry.WindowScaleOriginal;
        message[25] = state.Entry.WindowScaleReply;
        BinaryPrimitives.WriteUInt16BigEndian(message[26..], state.Revision);
        BinaryPrimitives.WriteUInt32BigEndian(message[28..], state.Entry.Status);
        BinaryPrimitives.WriteUInt32BigEndian(message[32..], state.Entry.TimeoutSeconds);
        BinaryPrimitives.WriteUInt32BigEndian(message[36..], state.Entry.Mark);
        WriteTuple(message[StateLength..], state.Entry.Original, ipv6);
        if (HasReply(action))
            WriteTuple(message[(StateLength + (ipv6 ? Tuple6 : Tuple4))..], state.Entry.Reply, ipv6);
    }

    /// <summary>Reads a message; false when it is shorter than its action needs or no connection can have these values.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, PfsyncAction action, out ReplicatedState state)
    {
        state = default;
        var length = LengthOf(action);
        if (length == 0 || message.Length < length)
            return false;
        var protocol = message[17];
        var zone = BinaryPrimitives.ReadUInt16BigEndian(message[18..]);
        state.Identity = new StateIdentity(
            BinaryPrimitives.ReadUInt64BigEndian(message),
            BinaryPrimitives.ReadUInt32BigEndian(message[8..])
        );
        state.Term = BinaryPrimitives.ReadUInt32BigEndian(message[12..]);
        state.Owner = message[16];
        if (state.Identity.Incarnation == 0 || state.Owner is 0 or > PfsyncLimits.MaxNodeId || protocol == 0)
            return false;
        var ipv6 = IsIPv6(action);
        ConntrackEntry entry = default;
        var original = ReadTuple(message[(IsState(action) ? StateLength : IdentityLength)..], ipv6, protocol, zone);
        entry.Original = original;
        if (IsState(action))
        {
            entry.HasTcp = (message[20] & 1) != 0;
            entry.TcpState = message[21];
            entry.TcpFlagsOriginal = message[22];
            entry.TcpFlagsReply = message[23];
            entry.WindowScaleOriginal = message[24];
            entry.WindowScaleReply = message[25];
            state.Revision = BinaryPrimitives.ReadUInt16BigEndian(message[26..]);
            entry.Status = BinaryPrimitives.ReadUInt32BigEndian(message[28..]);
            entry.TimeoutSeconds = BinaryPrimitives.ReadUInt32BigEndian(message[32..]);
            entry.Mark = BinaryPrimitives.ReadUInt32BigEndian(message[36..]);
            entry.Reply = HasReply(action)
                ? ReadTuple(message[(StateLength + (ipv6 ? Tuple6 : Tuple4))..], ipv6, protocol, zone)
                : Mirror(original);
            // nf_conntrack_tcp.h: 1 SYN_SENT .. 9 SYN_SENT2; a window is shifted by 14 at most (RFC 7323 section 2.3).
            var isTcp = protocol == 6;
            if (entry.HasTcp != isTcp || (isTcp && entry.TcpState is 0 or > 9))
                return false;
            if (entry.WindowScaleOriginal > 14 || entry.WindowScaleReply > 14 || entry.TimeoutSeconds > StateTimeouts.Longest)
                return false;
        }
        state.Entry = entry;
        return true;
    }

    /// <summary>The reply tuple of an untranslated flow with ports: the original with its ends exchanged.</summary>
    public static ConntrackTuple Mirror(in ConntrackTuple original) =>
        original with
        {
            Source = original.Destination,
            Destination = original.Source,
            SourcePort = original.DestinationPort,
            DestinationPort = original.SourcePort,
        };

    private static bool IsMirrored(in ConntrackEntry entry) =>
        entry.Reply.Source == entry.Original.Destination
        && entry.Reply.Destination == entry.Original.Source
        && entry.Reply.SourcePort == entry.Original.DestinationPort
        && entry.Reply.DestinationPort == entry.Original.SourcePort;

    private static bool IsState(PfsyncAction action) => action is >= PfsyncAction.State4 and <= PfsyncAction.State6Nat;

    private static bool HasReply(PfsyncAction action) => action is PfsyncAction.State4Nat or PfsyncAction.State6Nat;

    private static bool IsIPv6(PfsyncAction action) =>
        action is PfsyncAction.State6 or PfsyncAction.State6Nat or PfsyncAction.Delete6 or PfsyncAction.Ask6;

    private static void WriteTuple(Span<byte> bytes, in ConntrackTuple tuple, bool ipv6)
    {
        var address = ipv6 ? 16 : 4;
        tuple.Source.Write(bytes[..address]);
        tuple.Destination.Write(bytes.Slice(address, address));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(2 * address)..], tuple.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[((2 * address) + 2)..], tuple.DestinationPort);
    }

    private static ConntrackTuple ReadTuple(ReadOnlySpan<byte> bytes, bool ipv6, byte protocol, ushort zone)
    {
        var address = ipv6 ? 16 : 4;
        return new ConntrackTuple
        {
            Family = ipv6 ? FamilyIPv6 : FamilyIPv4,
            Protocol = protocol,
            Zone = zone,
            Source = IpAddressValue.Read(bytes[..address]),
            Destination = IpAddressValue.Read(bytes.Slice(address, address)),
            SourcePort = BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * address)..]),
            DestinationPort = BinaryPrimitives.ReadUInt16BigEndian(bytes[((2 * address) + 2)..]),
        };
    }
}
