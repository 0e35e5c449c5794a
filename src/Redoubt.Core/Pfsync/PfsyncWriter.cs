using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Packs messages into one datagram of the caller's memory; neighbours of one action share a subheader. Allocates nothing.</summary>
public struct PfsyncWriter
{
    private int _section;
    private PfsyncAction _action;
    private int _size;
    private int _count;

    /// <summary>Bytes written, the header's place included; 0 before <see cref="Begin"/>.</summary>
    public int Length { get; private set; }

    /// <summary>True while no message was written.</summary>
    public readonly bool IsEmpty => Length <= PfsyncHeader.Length;

    /// <summary>Starts a datagram: leaves room for the header.</summary>
    public void Begin()
    {
        Length = PfsyncHeader.Length;
        _action = PfsyncAction.None;
    }

    /// <summary>Room for one message of <paramref name="size"/> bytes (a multiple of four), or an empty span when it does not fit any more.</summary>
    public Span<byte> Append(Span<byte> buffer, PfsyncAction action, int size)
    {
        var joins = action == _action && size == _size;
        if (Length + size + (joins ? 0 : PfsyncSections.HeaderLength) > PfsyncLimits.MaxContent)
            return default;
        if (!joins)
        {
            _section = Length;
            _action = action;
            _size = size;
            _count = 0;
            buffer[_section] = (byte)action;
            buffer[_section + 1] = (byte)(size / 4);
            Length += PfsyncSections.HeaderLength;
        }
        BinaryPrimitives.WriteUInt16BigEndian(buffer[(_section + 2)..], (ushort)++_count);
        Length += size;
        return buffer.Slice(Length - size, size);
    }
}
