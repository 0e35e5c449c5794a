using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Builds a pfsync packet in the caller's memory; neighbours of one action share a section. Allocates nothing.</summary>
public struct PfPacketWriter
{
    private readonly PfFlavour _flavour;
    private readonly int _limit;
    private int _section;
    private PfAction? _action;
    private int _count;

    /// <summary>Starts a packet: header with a checksum of zeroes, which no ruleset has.</summary>
    /// <param name="buffer">Where it is built.</param>
    /// <param name="flavour">Version.</param>
    /// <param name="limit">Bytes at most, IP header not counted.</param>
    public PfPacketWriter(Span<byte> buffer, PfFlavour flavour, int limit)
    {
        _flavour = flavour;
        _limit = Math.Min(limit, buffer.Length) - (flavour == PfFlavour.FreeBsd ? PfPacketReader.SubheaderLength : 0);
        buffer[..PfPacketReader.HeaderLength].Clear();
        buffer[0] = flavour.Version();
        Length = PfPacketReader.HeaderLength;
    }

    /// <summary>Whether states of format 1301 share a section, as FreeBSD 13 sends them.</summary>
    public bool JoinsOldStates { get; set; }

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>True while no section was written.</summary>
    public readonly bool IsEmpty => Length == PfPacketReader.HeaderLength;

    /// <summary>Opens a section, also beside one of the same action.</summary>
    public bool BeginSection(Span<byte> buffer, PfAction action)
    {
        if (Length + PfPacketReader.SubheaderLength > _limit)
            return false;
        _section = Length;
        _action = action;
        _count = 0;
        buffer[_section] = action.Number;
        buffer[_section + 1] = _flavour == PfFlavour.OpenBsd ? (byte)(action.Size / 4) : (byte)0;
        BinaryPrimitives.WriteUInt16BigEndian(buffer[(_section + 2)..], 0);
        Length += PfPacketReader.SubheaderLength;
        return true;
    }

    /// <summary>Room for one message, or an empty span where it does not fit any more.</summary>
    /// <remarks>States of format 1301 get a section each unless told otherwise: FreeBSD 14 takes the wrong stride from the second on.</remarks>
    public Span<byte> Append(Span<byte> buffer, PfAction action)
    {
        var joins =
            ReferenceEquals(action, _action) && (JoinsOldStates || _count == 0 || !ReferenceEquals(action.Layout, PfState1301.Layout));
        if (Length + action.Size + (joins ? 0 : PfPacketReader.SubheaderLength) > _limit)
            return default;
        if (!joins)
            BeginSection(buffer, action);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[(_section + 2)..], (ushort)++_count);
        Length += action.Size;
        return buffer.Slice(Length - action.Size, action.Size);
    }

    /// <summary>Ends the packet: EOF where the version has one, and the length. Returns the length.</summary>
    public int Finish(Span<byte> buffer)
    {
        if (_flavour == PfFlavour.FreeBsd)
        {
            buffer[Length] = PfAction.Of(_flavour, PfKind.End)!.Number;
            buffer[Length + 1] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(buffer[(Length + 2)..], 1);
            Length += PfPacketReader.SubheaderLength;
        }
        BinaryPrimitives.WriteUInt16BigEndian(buffer[2..], (ushort)Length);
        return Length;
    }
}
