using System.Buffers.Binary;
using System.Numerics;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.Pfsync;

/// <summary>
/// The `linux` state format: all that conntrack tells of a connection. 40 bytes for an untranslated IPv4 flow of UDP, 56 for a translated one of TCP.
/// </summary>
/// <remarks><code>
/// identity: 0..7         8..11    12..15  16     17        18..19
///           incarnation  creator  term    owner  protocol  zone          (20 bytes; Delete and Ask: then the original tuple)
/// state:    20..21    22..23  24..27
///           revision  parts   status 12 bits, timeout 20 bits            (then the original tuple, …Nat: the reply tuple, then the parts)
/// tuple:    source 4 or 16, destination 4 or 16, source port 2, destination port 2
/// part 0    TCP, 4:      state 4 bits, window scale original 4, reply 4, 0 4, flags original 8, reply 8
/// part 1    mark, 4
/// part 2    labels, 16:  127..64, 63..0
/// part 3, 4 shift of sequence numbers, original and reply, 12 each: position, before, after
/// part 5    helper, 16:  its name, filled up with zeroes
/// part 6    zone of the reply where it is another one, 4: zone 2, 0 2
/// part 7    SCTP, 12:    state 1, 0 3, verification tag original 4, reply 4
/// </code>Ports as <see cref="ConntrackTuple"/> has them; numbers big endian. Parts stand in the order of their bits. New parts take higher bits, so a reader
/// that does not know them reads all that it knows and passes over the rest of the message. Reserved bits are sent 0 and ignored.</remarks>
public static class LinuxState
{
    private const int IdentityLength = 20;
    private const int StateLength = 28;
    private const int Tuple4 = 12;
    private const int Tuple6 = 36;
    private const byte FamilyIPv4 = 2;
    private const byte FamilyIPv6 = 10;
    private const byte Tcp = 6;
    private const byte Sctp = 132;
    private const int TimeoutBits = 20;
    private const uint StatusMask = 0xfff;

    [Flags]
    private enum Parts : ushort
    {
        None = 0,
        Tcp = 1,
        Mark = 2,
        Labels = 4,
        AdjustOriginal = 8,
        AdjustReply = 16,
        Helper = 32,
        ReplyZone = 64,
        Sctp = 128,
        Known = 255,
    }

    private static ReadOnlySpan<byte> PartLengths => [4, 4, 16, 12, 12, HelperName.Length, 4, 12];

    /// <summary>The longest message of this format.</summary>
    public const int MaxLength = StateLength + Tuple6 + Tuple6 + 4 + 4 + 16 + 12 + 12 + HelperName.Length + 4 + 12;

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

    /// <summary>Bytes of the shortest message; 0 for actions of other kinds.</summary>
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

    /// <summary>Bytes that <see cref="Write"/> needs for this state.</summary>
    public static int LengthOf(PfsyncAction action, in ReplicatedState state) =>
        LengthOf(action) + (IsState(action) ? LengthOf(PartsOf(state.Entry)) : 0);

    /// <summary>Writes a state, a delete or an ask; <paramref name="message"/> has <see cref="LengthOf(PfsyncAction, in ReplicatedState)"/> bytes.</summary>
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
        var parts = PartsOf(state.Entry);
        var timeout = Math.Min(state.Entry.TimeoutSeconds, StateTimeouts.Longest);
        BinaryPrimitives.WriteUInt16BigEndian(message[20..], state.Revision);
        BinaryPrimitives.WriteUInt16BigEndian(message[22..], (ushort)parts);
        BinaryPrimitives.WriteUInt32BigEndian(message[24..], ((state.Entry.Status & StatusMask) << TimeoutBits) | timeout);
        WriteTuple(message[StateLength..], state.Entry.Original, ipv6);
        if (HasReply(action))
            WriteTuple(message[(StateLength + (ipv6 ? Tuple6 : Tuple4))..], state.Entry.Reply, ipv6);
        if (parts != Parts.None)
            WriteParts(message[LengthOf(action)..], parts, state.Entry);
    }

    /// <summary>Reads a message; false when it is shorter than its action and its parts need or no connection can have these values.</summary>
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
            state.Revision = BinaryPrimitives.ReadUInt16BigEndian(message[20..]);
            var parts = (Parts)BinaryPrimitives.ReadUInt16BigEndian(message[22..]) & Parts.Known;
            if (message.Length < length + LengthOf(parts))
                return false;
            var packed = BinaryPrimitives.ReadUInt32BigEndian(message[24..]);
            entry.Status = packed >> TimeoutBits;
            entry.TimeoutSeconds = packed & ((1 << TimeoutBits) - 1);
            entry.Reply = HasReply(action)
                ? ReadTuple(message[(StateLength + (ipv6 ? Tuple6 : Tuple4))..], ipv6, protocol, zone)
                : Mirror(original);
            if (entry.TimeoutSeconds > StateTimeouts.Longest || !TryReadParts(message[length..], parts, ref entry))
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

    private static Parts PartsOf(in ConntrackEntry entry) =>
        (entry.HasTcp ? Parts.Tcp : Parts.None)
        | (entry.Mark != 0 ? Parts.Mark : Parts.None)
        | (entry.Labels.IsEmpty ? Parts.None : Parts.Labels)
        | (entry.AdjustOriginal == default ? Parts.None : Parts.AdjustOriginal)
        | (entry.AdjustReply == default ? Parts.None : Parts.AdjustReply)
        | (entry.Helper.IsEmpty ? Parts.None : Parts.Helper)
        | (entry.Reply.Zone == entry.Original.Zone ? Parts.None : Parts.ReplyZone)
        | (entry.SctpState != 0 ? Parts.Sctp : Parts.None);

    private static int LengthOf(Parts parts)
    {
        var length = 0;
        for (var rest = (int)parts; rest != 0; rest &= rest - 1)
            length += PartLengths[BitOperations.TrailingZeroCount(rest)];
        return length;
    }

    private static void WriteParts(Span<byte> bytes, Parts parts, in ConntrackEntry entry)
    {
        if ((parts & Parts.Tcp) != 0)
        {
            bytes[0] = (byte)((entry.TcpState << 4) | entry.WindowScaleOriginal);
            bytes[1] = (byte)(entry.WindowScaleReply << 4);
            bytes[2] = entry.TcpFlagsOriginal;
            bytes[3] = entry.TcpFlagsReply;
            bytes = bytes[4..];
        }
        if ((parts & Parts.Mark) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, entry.Mark);
            bytes = bytes[4..];
        }
        if ((parts & Parts.Labels) != 0)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, entry.Labels.High);
            BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], entry.Labels.Low);
            bytes = bytes[16..];
        }
        if ((parts & Parts.AdjustOriginal) != 0)
            bytes = WriteAdjustment(bytes, entry.AdjustOriginal);
        if ((parts & Parts.AdjustReply) != 0)
            bytes = WriteAdjustment(bytes, entry.AdjustReply);
        if ((parts & Parts.Helper) != 0)
        {
            entry.Helper.Write(bytes);
            bytes = bytes[HelperName.Length..];
        }
        if ((parts & Parts.ReplyZone) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)entry.Reply.Zone << 16);
            bytes = bytes[4..];
        }
        if ((parts & Parts.Sctp) != 0)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)entry.SctpState << 24);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], entry.SctpTagOriginal);
            BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], entry.SctpTagReply);
        }
    }

    private static Span<byte> WriteAdjustment(Span<byte> bytes, SequenceAdjustment adjustment)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, adjustment.Position);
        BinaryPrimitives.WriteInt32BigEndian(bytes[4..], adjustment.Before);
        BinaryPrimitives.WriteInt32BigEndian(bytes[8..], adjustment.After);
        return bytes[12..];
    }

    // All of them are there: the length was checked.
    private static bool TryReadParts(ReadOnlySpan<byte> bytes, Parts parts, ref ConntrackEntry entry)
    {
        var protocol = entry.Original.Protocol;
        if ((parts & Parts.Tcp) != 0 != (protocol == Tcp) || ((parts & Parts.Sctp) != 0 && protocol != Sctp))
            return false;
        if ((parts & Parts.Tcp) != 0)
        {
            entry.HasTcp = true;
            entry.TcpState = (byte)(bytes[0] >> 4);
            entry.WindowScaleOriginal = (byte)(bytes[0] & 15);
            entry.WindowScaleReply = (byte)(bytes[1] >> 4);
            entry.TcpFlagsOriginal = bytes[2];
            entry.TcpFlagsReply = bytes[3];
            // nf_conntrack_tcp.h: 1 SYN_SENT .. 9 SYN_SENT2; a window is shifted by 14 at most (RFC 7323 section 2.3).
            if (entry.TcpState is 0 or > 9 || entry.WindowScaleOriginal > 14 || entry.WindowScaleReply > 14)
                return false;
            bytes = bytes[4..];
        }
        if ((parts & Parts.Mark) != 0)
        {
            entry.Mark = BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }
        if ((parts & Parts.Labels) != 0)
        {
            entry.Labels = new ConnectionLabels(
                Low: BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
                High: BinaryPrimitives.ReadUInt64BigEndian(bytes)
            );
            bytes = bytes[16..];
        }
        if ((parts & Parts.AdjustOriginal) != 0)
        {
            entry.AdjustOriginal = ReadAdjustment(bytes);
            bytes = bytes[12..];
        }
        if ((parts & Parts.AdjustReply) != 0)
        {
            entry.AdjustReply = ReadAdjustment(bytes);
            bytes = bytes[12..];
        }
        if ((parts & Parts.Helper) != 0)
        {
            if (!HelperName.TryRead(bytes[..HelperName.Length], out var helper))
                return false;
            entry.Helper = helper;
            bytes = bytes[HelperName.Length..];
        }
        if ((parts & Parts.ReplyZone) != 0)
        {
            entry.Reply = entry.Reply with { Zone = BinaryPrimitives.ReadUInt16BigEndian(bytes) };
            bytes = bytes[4..];
        }
        if ((parts & Parts.Sctp) != 0)
        {
            // enum sctp_conntrack: 1 CLOSED .. 8 HEARTBEAT_SENT, 9 HEARTBEAT_ACKED of older kernels.
            if (bytes[0] is 0 or > 9)
                return false;
            entry.SctpState = bytes[0];
            entry.SctpTagOriginal = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
            entry.SctpTagReply = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]);
        }
        return true;
    }

    private static SequenceAdjustment ReadAdjustment(ReadOnlySpan<byte> bytes) =>
        new(
            BinaryPrimitives.ReadUInt32BigEndian(bytes),
            BinaryPrimitives.ReadInt32BigEndian(bytes[4..]),
            BinaryPrimitives.ReadInt32BigEndian(bytes[8..])
        );

    private static bool IsMirrored(in ConntrackEntry entry) =>
        entry.Reply.Source == entry.Original.Destination
        && entry.Reply.Destination == entry.Original.Source
        && entry.Reply.SourcePort == entry.Original.DestinationPort
        && entry.Reply.DestinationPort == entry.Original.SourcePort;

    private static bool IsState(PfsyncAction action) => action is >= PfsyncAction.State4 and <= PfsyncAction.State6Nat;

    private static bool HasReply(PfsyncAction action) => action is PfsyncAction.State4Nat or PfsyncAction.State6Nat;

    private static bool IsIPv6(PfsyncAction action) =>
        action is PfsyncAction.State6 or PfsyncAction.State6Nat or PfsyncAction.Delete6 or PfsyncAction.Ask6;

    internal static void WriteTuple(Span<byte> bytes, in ConntrackTuple tuple, bool ipv6)
    {
        var address = ipv6 ? 16 : 4;
        tuple.Source.Write(bytes[..address]);
        tuple.Destination.Write(bytes.Slice(address, address));
        BinaryPrimitives.WriteUInt16BigEndian(bytes[(2 * address)..], tuple.SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[((2 * address) + 2)..], tuple.DestinationPort);
    }

    internal static ConntrackTuple ReadTuple(ReadOnlySpan<byte> bytes, bool ipv6, byte protocol, ushort zone)
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
