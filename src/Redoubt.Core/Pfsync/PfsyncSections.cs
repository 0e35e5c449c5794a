using System.Buffers.Binary;

namespace Redoubt.Core.Pfsync;

/// <summary>Walks the messages of all sections of a datagram, in order.</summary>
/// <remarks><code>
/// subheader = action u8 | message size in 32-bit words u8 | count u16, big endian; then count messages
/// </code>A section that runs beyond the end, is empty or has size 0 ends the walk with <see cref="IsMalformed"/>; unknown actions are
/// walked like any other and skipped by the caller.</remarks>
public ref struct PfsyncSections(ReadOnlySpan<byte> sections)
{
    /// <summary>Bytes of a subheader.</summary>
    public const int HeaderLength = 4;

    private ReadOnlySpan<byte> _rest = sections;
    private int _left;
    private int _size;
    private int _sections;

    /// <summary>The action of the message the walk stands on.</summary>
    public PfsyncAction Action { get; private set; }

    /// <summary>The message; a multiple of four bytes, as long as the section says.</summary>
    public ReadOnlySpan<byte> Message { get; private set; }

    /// <summary>The walk ended because of a bad section and not because of the end.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Steps to the next message.</summary>
    public bool MoveNext()
    {
        if (_left == 0)
        {
            if (_rest.IsEmpty)
                return false;
            if (_rest.Length < HeaderLength || ++_sections > PfsyncLimits.MaxSections)
                return Malformed();
            Action = (PfsyncAction)_rest[0];
            _size = _rest[1] * 4;
            _left = BinaryPrimitives.ReadUInt16BigEndian(_rest[2..]);
            _rest = _rest[HeaderLength..];
            if (_size == 0 || _left == 0 || (long)_size * _left > _rest.Length)
                return Malformed();
        }
        Message = _rest[.._size];
        _rest = _rest[_size..];
        _left--;
        return true;
    }

    private bool Malformed()
    {
        IsMalformed = true;
        _left = 0;
        _rest = default;
        return false;
    }
}
