using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Core.PlainPfsync;

/// <summary>
/// Connections in the words of pf. A connection that is forwarded is two states there: one made on input (its stack key is behind destination
/// translation) and one made on output (its wire key is behind source translation). Between the two lies the inner tuple, which both have.
/// </summary>
public static class PfStateMap
{
    private const byte Icmp = 1;
    private const byte Tcp = 6;
    private const byte Udp = 17;
    private const byte Gre = 47;
    private const byte IcmpV6 = 58;
    private const byte Sctp = 132;
    private const byte FamilyIPv4 = 2;
    private const byte FamilyIPv6 = 10;
    private const byte EchoRequest = 8;
    private const byte EchoRequestV6 = 128;

    /// <summary>Whether pf can be told of it: no SCTP (FreeBSD refuses it without a verification tag, others differ), no GRE with keys.</summary>
    public static bool CanTell(in ConntrackEntry entry) =>
        entry.Original.Family is FamilyIPv4 or FamilyIPv6
        && entry.Original.Protocol != Sctp
        && (entry.Original.Protocol != Gre || (entry.Original.SourcePort == 0 && entry.Original.DestinationPort == 0));

    /// <summary>The connection between its translations, from its initiator.</summary>
    public static ConntrackTuple Inner(in ConntrackEntry entry) =>
        entry.Original with
        {
            Destination = entry.Reply.Source,
            DestinationPort = HasPorts(entry.Original.Protocol) ? entry.Reply.SourcePort : entry.Original.DestinationPort,
        };

    /// <summary>The answers' tuple of a connection that nothing translates.</summary>
    public static ConntrackTuple Mirror(in ConntrackTuple tuple) =>
        IsIcmp(tuple.Protocol)
            ? tuple with
            {
                Source = tuple.Destination,
                Destination = tuple.Source,
                DestinationPort = (ushort)((IcmpTypes.AnswerTo(tuple.Protocol, (byte)(tuple.DestinationPort >> 8)) ?? 0) << 8),
            }
            : tuple with
            {
                Source = tuple.Destination,
                SourcePort = tuple.DestinationPort,
                Destination = tuple.Source,
                DestinationPort = tuple.SourcePort,
            };

    /// <summary>
    /// What a state says of a connection: its inner tuple and, for one made on input, the first packet's tuple, for one made on output that of
    /// the answers. False where conntrack has nothing like it: two families (nat64), SCTP, an unknown family.
    /// </summary>
    public static bool TryRead(in PfState state, PfFormat format, out bool isOut, out ConntrackTuple inner, out ConntrackTuple outer)
    {
        isOut = state.Direction == PfEndpoints.DirectionOut;
        inner = outer = default;
        var ends = PfEndpoints.Of(state);
        if (ends.Family != ends.TranslatedFamily || state.Protocol is 0 or Sctp)
            return false;
        var before = Tuple(format, ends.Family, state.Protocol, ends.Initiator, ends.Responder);
        var after = Tuple(format, ends.Family, state.Protocol, ends.TranslatedInitiator, ends.TranslatedResponder);
        (inner, outer) = isOut ? (before, Mirror(after)) : (after, before);
        return true;
    }

    /// <summary>One of the two states of an entry; names, peers and times are the caller's.</summary>
    internal static void Write(in ConntrackEntry entry, in PfHalf half, bool isOut, PfFormat format, out PfState state)
    {
        state = default;
        var family = entry.Original.Family == FamilyIPv4 ? PfFlavourNumbers.FamilyIPv4 : format.Flavour.FamilyIPv6();
        var inner = Inner(entry);
        var first = Key(format, family, entry.Original, isSecondFirst: false);
        var between = Key(format, family, inner, isOut);
        state.Id = half.Reference.Id;
        state.Creator = half.Reference.Creator;
        state.Interface = half.Interface;
        state.OriginalInterface = PfName.All;
        state.Direction = isOut ? PfEndpoints.DirectionOut : PfEndpoints.DirectionIn;
        state.Wire = isOut ? Key(format, family, Outside(entry), isSecondFirst: true) : first;
        state.Stack = between;
        state.Family = family;
        state.Protocol = state.StackProtocol = entry.Original.Protocol;
        state.Source = half.Source;
        state.Destination = half.Destination;
        state.Flags = half.Flags;
        state.Rule = state.Anchor = state.NatRule = PfState.NoRule;
        state.RoutingTable = state.ReplyRoutingTable = -1;
        state.SetPriority = state.SetPriorityLowDelay = byte.MaxValue;
    }

    /// <summary>Has the peers say what the kernel says; they only go forward. True where that changed them.</summary>
    internal static bool Advance(in ConntrackEntry entry, ref PfHalf half)
    {
        byte source = 0;
        byte destination = 0;
        switch (entry.Original.Protocol)
        {
            case Tcp:
                (source, destination) = PfTcp.ToPf(entry.TcpState, (entry.TcpFlagsReply & PfTcp.FlagCloseInit) != 0);
                half.Source.WindowScale = Scale(entry.TcpFlagsOriginal, entry.WindowScaleOriginal, half.Source.WindowScale);
                half.Destination.WindowScale = Scale(entry.TcpFlagsReply, entry.WindowScaleReply, half.Destination.WindowScale);
                break;
            case Icmp or IcmpV6:
                break;
            default:
                var isAssured = (entry.Status & ConntrackEntry.StatusAssured) != 0;
                var isAnswered = (entry.Status & ConntrackEntry.StatusSeenReply) != 0;
                source = isAssured || isAnswered ? (byte)2 : (byte)1;
                destination =
                    isAssured ? (byte)2
                    : isAnswered ? (byte)1
                    : (byte)0;
                break;
        }
        var changed = source > half.Source.State || destination > half.Destination.State;
        half.Source.State = Math.Max(half.Source.State, source);
        half.Destination.State = Math.Max(half.Destination.State, destination);
        return changed;
    }

    /// <summary>Timeout class of a state.</summary>
    internal static byte Timeout(byte protocol, in PfHalf half) =>
        protocol switch
        {
            Tcp => PfTimeout.OfTcp(half.Source.State, half.Destination.State),
            Icmp or IcmpV6 => PfTimeout.IcmpFirst,
            Udp => PfTimeout.OfCounted(PfTimeout.UdpFirst, half.Source.State, half.Destination.State),
            _ => PfTimeout.OfCounted(PfTimeout.OtherFirst, half.Source.State, half.Destination.State),
        };

    /// <summary>Has the entry say what the farther of both halves' peers say.</summary>
    internal static void Apply(in PfHalf first, in PfHalf second, ref ConntrackEntry entry)
    {
        var source = Math.Max(first.Source.State, second.Source.State);
        var destination = Math.Max(first.Destination.State, second.Destination.State);
        entry.Status |= ConntrackEntry.StatusConfirmed;
        if (entry.Original.Protocol is Icmp or IcmpV6)
            return;
        if (destination > 0)
            entry.Status |= ConntrackEntry.StatusSeenReply;
        if (entry.Original.Protocol != Tcp)
        {
            if (source == 2 && destination == 2)
                entry.Status |= ConntrackEntry.StatusAssured;
            return;
        }
        if (source >= 4 && destination >= 4)
            entry.Status |= ConntrackEntry.StatusAssured;
        entry.HasTcp = true;
        entry.TcpState = PfTcp.ToConntrack(source, destination);
        entry.TcpFlagsOriginal = 0;
        entry.TcpFlagsReply = 0;
        if (entry.TcpState is 4 or 5 or 6)
        {
            if (PfTcp.ResponderCloses(source, destination))
                entry.TcpFlagsReply |= PfTcp.FlagCloseInit;
            else
                entry.TcpFlagsOriginal |= PfTcp.FlagCloseInit;
        }
        var known = first.IsKnown ? first : second;
        // The tracker takes scales only where both sides offered one.
        if ((known.Source.WindowScale & known.Destination.WindowScale & PfPeer.ScaleKnown) == 0)
            return;
        entry.TcpFlagsOriginal |= ConntrackEntry.TcpFlagWindowScale;
        entry.TcpFlagsReply |= ConntrackEntry.TcpFlagWindowScale;
        entry.WindowScaleOriginal = (byte)(known.Source.WindowScale & 0x0f);
        entry.WindowScaleReply = (byte)(known.Destination.WindowScale & 0x0f);
    }

    /// <summary>A peer of whose sequence numbers nothing is known: pf learns them from its next packet, if its tracker of windows is off.</summary>
    internal static PfPeer UnknownPeer(byte protocol) =>
        protocol == Tcp ? new PfPeer { SequenceHigh = 1, MaxWindow = ushort.MaxValue } : default;

    // What leaves by the far interface, from the initiator as that side knows it.
    private static ConntrackTuple Outside(in ConntrackEntry entry)
    {
        var outside = Inner(entry) with { Source = entry.Reply.Destination };
        return IsIcmp(entry.Original.Protocol) ? outside with { SourcePort = entry.Reply.SourcePort }
            : HasPorts(entry.Original.Protocol) ? outside with { SourcePort = entry.Reply.DestinationPort }
            : outside;
    }

    private static PfKey Key(PfFormat format, byte family, in ConntrackTuple tuple, bool isSecondFirst)
    {
        var (initiator, responder) = (tuple.SourcePort, tuple.DestinationPort);
        if (IsIcmp(tuple.Protocol))
            responder = format.HasIdInBothPorts ? initiator : (ushort)(responder >> 8);
        else if (!HasPorts(tuple.Protocol))
            (initiator, responder) = (0, 0);
        var key = new PfKey { Family = family };
        if (isSecondFirst)
        {
            (key.Address0, key.Port0) = (tuple.Destination, responder);
            (key.Address1, key.Port1) = (tuple.Source, initiator);
        }
        else
        {
            (key.Address0, key.Port0) = (tuple.Source, initiator);
            (key.Address1, key.Port1) = (tuple.Destination, responder);
        }
        return key;
    }

    private static ConntrackTuple Tuple(PfFormat format, byte family, byte protocol, PfEndpoint from, PfEndpoint to)
    {
        var (source, destination) = (from.Port, to.Port);
        if (IsIcmp(protocol))
            destination = (ushort)(RequestType(protocol, format.HasIdInBothPorts && from.Port == to.Port ? 0 : to.Port) << 8);
        else if (!HasPorts(protocol))
            (source, destination) = (0, 0);
        return new ConntrackTuple
        {
            Family = family == PfFlavourNumbers.FamilyIPv4 ? FamilyIPv4 : FamilyIPv6,
            Protocol = protocol,
            Source = from.Address,
            SourcePort = source,
            Destination = to.Address,
            DestinationPort = destination,
        };
    }

    // What opens a tracked exchange: echo 8, timestamp 13, information 15, mask 17; of ICMPv6 echo 128 and node information 139.
    // FreeBSD 13 has the id there; a newer kernel that sends format 1301 has the type.
    private static byte RequestType(byte protocol, int port) =>
        (protocol, port) switch
        {
            (Icmp, 13 or 15 or 17) or (IcmpV6, 139) => (byte)port,
            (Icmp, _) => EchoRequest,
            _ => EchoRequestV6,
        };

    private static byte Scale(byte flags, byte scale, byte known) =>
        (flags & ConntrackEntry.TcpFlagWindowScale) != 0 ? (byte)(PfPeer.ScaleKnown | (scale & 0x0f)) : known;

    private static bool IsIcmp(byte protocol) => protocol is Icmp or IcmpV6;

    private static bool HasPorts(byte protocol) => protocol is Tcp or Udp or 33 or 136;
}
