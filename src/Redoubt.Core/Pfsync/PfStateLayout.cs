using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Where the fields of one state format stand; -1 for those it lacks. All numbers big endian, nothing aligned.</summary>
public sealed record PfStateLayout
{
    /// <summary>The flavour whose packets carry it.</summary>
    public required PfFlavour Flavour { get; init; }

    /// <summary>Bytes of a state.</summary>
    public required int Length { get; init; }

    internal int KeySize { get; init; } = 36;
    internal int Source { get; init; } = 96;
    internal int RouteAddress { get; init; } = 160;
    internal int Creator { get; init; } = 228;
    internal int Family { get; init; } = -1;
    internal int Protocol { get; init; } = -1;
    internal int StackProtocol { get; init; } = -1;
    internal int WireFamily { get; init; } = -1;
    internal int StackFamily { get; init; } = -1;
    internal int RouteFamily { get; init; } = -1;
    internal int Direction { get; init; }
    internal int Log { get; init; }
    internal int Flags { get; init; } = -1;
    internal int NarrowFlags { get; init; } = -1;
    internal int Timeout { get; init; }
    internal int SyncFlags { get; init; } = -1;
    internal int Updates { get; init; } = -1;
    internal int Queues { get; init; } = -1;
    internal int RoutingTable { get; init; } = -1;
    internal int ReplyRoutingTable { get; init; } = -1;
    internal int MinTtl { get; init; } = -1;
    internal int MaxMss { get; init; } = -1;
    internal int SetPriority { get; init; } = -1;
    internal int Route { get; init; } = -1;
    internal int RouteInterface { get; init; } = -1;
    internal int OriginalInterface { get; init; } = -1;
    internal int Tag { get; init; } = -1;

    private const int WireKey = 24;
    private const int KeyRoutingDomain = 36;
    private const int KeyFamily = 38;

    private bool HasKeyFamilies => KeySize > KeyFamily;

    /// <summary>Reads a state of at least <see cref="Length"/> bytes; whether its values are possible is said by <see cref="Check"/>.</summary>
    public void Read(ReadOnlySpan<byte> bytes, out PfState state)
    {
        state = default;
        state.Id = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        bytes.Slice(8, PfName.Length).CopyTo(state.Interface);
        state.Family = U8(bytes, Family);
        state.Protocol = U8(bytes, Protocol);
        state.StackProtocol = U8(bytes, StackProtocol);
        state.RouteFamily = U8(bytes, RouteFamily);
        var wire = bytes[WireKey..];
        var stack = bytes[(WireKey + KeySize)..];
        state.Wire.Family =
            WireFamily >= 0 ? bytes[WireFamily]
            : HasKeyFamilies ? wire[KeyFamily]
            : state.Family;
        state.Stack.Family =
            StackFamily >= 0 ? bytes[StackFamily]
            : HasKeyFamilies ? stack[KeyFamily]
            : state.Family;
        if (HasKeyFamilies)
        {
            state.Wire.RoutingDomain = BinaryPrimitives.ReadUInt16BigEndian(wire[KeyRoutingDomain..]);
            state.Stack.RoutingDomain = BinaryPrimitives.ReadUInt16BigEndian(stack[KeyRoutingDomain..]);
        }
        state.Wire.Read(wire, FamilyOf(state.Wire, state.Family));
        state.Stack.Read(stack, FamilyOf(state.Stack, state.Family));
        state.Source = PfPeer.Read(bytes[Source..]);
        state.Destination = PfPeer.Read(bytes[(Source + PfPeer.Length)..]);
        state.RouteAddress = PfKey.ReadAddress(bytes[RouteAddress..], RouteFamily >= 0 ? state.RouteFamily : state.Family);
        var numbers = bytes[(RouteAddress + 16)..];
        state.Rule = BinaryPrimitives.ReadUInt32BigEndian(numbers);
        state.Anchor = BinaryPrimitives.ReadUInt32BigEndian(numbers[4..]);
        state.NatRule = BinaryPrimitives.ReadUInt32BigEndian(numbers[8..]);
        state.Creation = BinaryPrimitives.ReadUInt32BigEndian(numbers[12..]);
        state.Expire = BinaryPrimitives.ReadUInt32BigEndian(numbers[16..]);
        state.PacketsForward = BinaryPrimitives.ReadUInt64BigEndian(numbers[20..]);
        state.PacketsBack = BinaryPrimitives.ReadUInt64BigEndian(numbers[28..]);
        state.BytesForward = BinaryPrimitives.ReadUInt64BigEndian(numbers[36..]);
        state.BytesBack = BinaryPrimitives.ReadUInt64BigEndian(numbers[44..]);
        state.Creator = BinaryPrimitives.ReadUInt32BigEndian(bytes[Creator..]);
        state.Direction = bytes[Direction];
        state.Log = bytes[Log];
        state.Flags = NarrowFlags >= 0 ? bytes[NarrowFlags] : BinaryPrimitives.ReadUInt16BigEndian(bytes[Flags..]);
        state.Timeout = bytes[Timeout];
        state.SyncFlags = U8(bytes, SyncFlags);
        state.Updates = U8(bytes, Updates);
        ReadOptions(bytes, ref state);
    }

    private void ReadOptions(ReadOnlySpan<byte> bytes, ref PfState state)
    {
        if (Queues >= 0)
        {
            state.Queue = BinaryPrimitives.ReadUInt16BigEndian(bytes[Queues..]);
            state.PriorityQueue = BinaryPrimitives.ReadUInt16BigEndian(bytes[(Queues + 2)..]);
            state.Pipe = BinaryPrimitives.ReadUInt16BigEndian(bytes[(Queues + 4)..]);
            state.ReplyPipe = BinaryPrimitives.ReadUInt16BigEndian(bytes[(Queues + 6)..]);
        }
        if (RoutingTable >= 0)
            state.RoutingTable = BinaryPrimitives.ReadInt32BigEndian(bytes[RoutingTable..]);
        if (ReplyRoutingTable >= 0)
            state.ReplyRoutingTable = BinaryPrimitives.ReadInt32BigEndian(bytes[ReplyRoutingTable..]);
        if (MaxMss >= 0)
        {
            state.MaxMss = BinaryPrimitives.ReadUInt16BigEndian(bytes[MaxMss..]);
            state.MinTtl = bytes[MinTtl];
            state.SetTos = bytes[MinTtl + 1];
            state.SetPriority = bytes[SetPriority];
            state.SetPriorityLowDelay = bytes[SetPriority + 1];
            state.Route = bytes[Route];
        }
        if (RouteInterface >= 0)
            bytes.Slice(RouteInterface, PfName.Length).CopyTo(state.RouteInterface);
        if (OriginalInterface >= 0)
            bytes.Slice(OriginalInterface, PfName.Length).CopyTo(state.OriginalInterface);
        if (Tag >= 0)
            bytes.Slice(Tag, PfTag.Length).CopyTo(state.Tag);
    }

    /// <summary>Writes a state of <see cref="Length"/> bytes; padding and unused address bytes are zero.</summary>
    public void Write(Span<byte> bytes, in PfState state)
    {
        bytes = bytes[..Length];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes, state.Id);
        ((ReadOnlySpan<byte>)state.Interface).CopyTo(bytes[8..]);
        var wire = bytes[WireKey..];
        var stack = bytes[(WireKey + KeySize)..];
        state.Wire.Write(wire, FamilyOf(state.Wire, state.Family));
        state.Stack.Write(stack, FamilyOf(state.Stack, state.Family));
        if (HasKeyFamilies)
        {
            (wire[KeyFamily], stack[KeyFamily]) = (state.Wire.Family, state.Stack.Family);
            BinaryPrimitives.WriteUInt16BigEndian(wire[KeyRoutingDomain..], state.Wire.RoutingDomain);
            BinaryPrimitives.WriteUInt16BigEndian(stack[KeyRoutingDomain..], state.Stack.RoutingDomain);
        }
        state.Source.Write(bytes[Source..]);
        state.Destination.Write(bytes[(Source + PfPeer.Length)..]);
        PfKey.WriteAddress(bytes[RouteAddress..], state.RouteAddress, RouteFamily >= 0 ? state.RouteFamily : state.Family);
        var numbers = bytes[(RouteAddress + 16)..];
        BinaryPrimitives.WriteUInt32BigEndian(numbers, state.Rule);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[4..], state.Anchor);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[8..], state.NatRule);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[12..], state.Creation);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[16..], state.Expire);
        BinaryPrimitives.WriteUInt64BigEndian(numbers[20..], state.PacketsForward);
        BinaryPrimitives.WriteUInt64BigEndian(numbers[28..], state.PacketsBack);
        BinaryPrimitives.WriteUInt64BigEndian(numbers[36..], state.BytesForward);
        BinaryPrimitives.WriteUInt64BigEndian(numbers[44..], state.BytesBack);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[Creator..], state.Creator);
        Put(bytes, Family, state.Family);
        Put(bytes, WireFamily, state.Wire.Family);
        Put(bytes, StackFamily, state.Stack.Family);
        Put(bytes, RouteFamily, state.RouteFamily);
        Put(bytes, Protocol, state.Protocol);
        Put(bytes, StackProtocol, state.StackProtocol);
        Put(bytes, Direction, state.Direction);
        Put(bytes, Log, state.Log);
        Put(bytes, NarrowFlags, (byte)state.Flags);
        if (Flags >= 0)
            BinaryPrimitives.WriteUInt16BigEndian(bytes[Flags..], state.Flags);
        Put(bytes, Timeout, state.Timeout);
        Put(bytes, SyncFlags, state.SyncFlags);
        Put(bytes, Updates, state.Updates);
        WriteOptions(bytes, state);
    }

    private void WriteOptions(Span<byte> bytes, in PfState state)
    {
        if (Queues >= 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes[Queues..], state.Queue);
            BinaryPrimitives.WriteUInt16BigEndian(bytes[(Queues + 2)..], state.PriorityQueue);
            BinaryPrimitives.WriteUInt16BigEndian(bytes[(Queues + 4)..], state.Pipe);
            BinaryPrimitives.WriteUInt16BigEndian(bytes[(Queues + 6)..], state.ReplyPipe);
        }
        if (RoutingTable >= 0)
            BinaryPrimitives.WriteInt32BigEndian(bytes[RoutingTable..], state.RoutingTable);
        if (ReplyRoutingTable >= 0)
            BinaryPrimitives.WriteInt32BigEndian(bytes[ReplyRoutingTable..], state.ReplyRoutingTable);
        if (MaxMss >= 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes[MaxMss..], state.MaxMss);
            bytes[MinTtl] = state.MinTtl;
            bytes[MinTtl + 1] = state.SetTos;
            bytes[SetPriority] = state.SetPriority;
            bytes[SetPriority + 1] = state.SetPriorityLowDelay;
            bytes[Route] = state.Route;
        }
        if (RouteInterface >= 0)
            ((ReadOnlySpan<byte>)state.RouteInterface).CopyTo(bytes[RouteInterface..]);
        if (OriginalInterface >= 0)
            ((ReadOnlySpan<byte>)state.OriginalInterface).CopyTo(bytes[OriginalInterface..]);
        if (Tag >= 0)
            ((ReadOnlySpan<byte>)state.Tag).CopyTo(bytes[Tag..]);
    }

    /// <summary>Whether a receiver may import it: the checks of the BSDs, strictest version.</summary>
    public PfRejection Check(in PfState state)
    {
        if (
            state.Timeout >= Flavour.Timeouts()
            || state.Source.State > PfPeer.HighestState
            || state.Destination.State > PfPeer.HighestState
            || state.Direction > 2
        )
            return PfRejection.BadValue;
        var wire = FamilyOf(state.Wire, state.Family);
        var stack = FamilyOf(state.Stack, state.Family);
        if (
            !Flavour.IsFamily(wire)
            || !Flavour.IsFamily(stack)
            || (HasKeyFamilies && (state.Wire.Family == 0) != (state.Stack.Family == 0))
        )
            return PfRejection.BadValue;
        if (state.Creator == 0)
            return PfRejection.BadCreator;
        return
            IsEnded(state.Interface)
            && (RouteInterface < 0 || IsEnded(state.RouteInterface))
            && (OriginalInterface < 0 || IsEnded(state.OriginalInterface))
            && (Tag < 0 || IsEnded(state.Tag))
            ? PfRejection.None
            : PfRejection.BadIfname;
    }

    private static bool IsEnded(ReadOnlySpan<byte> name) => name.Contains((byte)0);

    private static byte FamilyOf(in PfKey key, byte family) => key.Family == 0 ? family : key.Family;

    private static byte U8(ReadOnlySpan<byte> bytes, int offset) => offset < 0 ? (byte)0 : bytes[offset];

    private static void Put(Span<byte> bytes, int offset, byte value)
    {
        if (offset >= 0)
            bytes[offset] = value;
    }
}
