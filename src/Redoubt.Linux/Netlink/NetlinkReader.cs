using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Redoubt.Linux.Netlink;

/// <summary>Walks the messages of one received datagram. A length that does not fit ends the walk with <see cref="IsMalformed"/>.</summary>
public ref struct NetlinkMessages(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>The message the walk stands on.</summary>
    public NetlinkMessage Current { get; private set; }

    /// <summary>True when the walk ended because of a bad length and not because of the end.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Steps to the next message.</summary>
    public bool MoveNext()
    {
        if (_rest.Length < 16)
        {
            IsMalformed |= _rest.Length != 0;
            return false;
        }
        var length = MemoryMarshal.Read<uint>(_rest);
        if (length < 16 || length > _rest.Length)
        {
            IsMalformed = true;
            return false;
        }
        Current = new NetlinkMessage(_rest[..(int)length]);
        _rest = _rest[Math.Min((int)((length + 3) & ~3u), _rest.Length)..];
        return true;
    }

    /// <summary>For foreach.</summary>
    public readonly NetlinkMessages GetEnumerator() => this;
}

/// <summary>One netlink message: header fields and body.</summary>
public readonly ref struct NetlinkMessage(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>NLMSG_ERROR: an answer with an errno, 0 for success.</summary>
    public const ushort ErrorType = 2;

    /// <summary>NLMSG_DONE: the end of a dump.</summary>
    public const ushort DoneType = 3;

    /// <summary>Message type.</summary>
    public ushort Type => MemoryMarshal.Read<ushort>(_bytes[4..]);

    /// <summary>Flags.</summary>
    public NetlinkFlags Flags => (NetlinkFlags)MemoryMarshal.Read<ushort>(_bytes[6..]);

    /// <summary>Sequence number of the request.</summary>
    public uint Sequence => MemoryMarshal.Read<uint>(_bytes[8..]);

    /// <summary>Port id: of the asking socket in answers, and in events of the one whose request caused the event.</summary>
    public uint Port => MemoryMarshal.Read<uint>(_bytes[12..]);

    /// <summary>Everything behind the header.</summary>
    public ReadOnlySpan<byte> Body => _bytes[16..];

    /// <summary>The errno of an <see cref="ErrorType"/> or <see cref="DoneType"/> message as a positive number; 0 is success.</summary>
    public int Error => Body.Length >= 4 ? -MemoryMarshal.Read<int>(Body) : 0;

    /// <summary>Attributes behind a fixed family header of <paramref name="headerLength"/> bytes; empty when the body is shorter.</summary>
    public NetlinkAttributes Attributes(int headerLength)
    {
        var start = (headerLength + 3) & ~3;
        return new NetlinkAttributes(Body.Length >= start ? Body[start..] : default);
    }
}

/// <summary>
/// Walks attributes. Unknown types are for the caller to skip; a bad length ends the walk with <see cref="IsMalformed"/>.
/// </summary>
public ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The attribute the walk stands on.</summary>
    public NetlinkAttribute Current { get; private set; }

    /// <summary>True when the walk ended because of a bad length.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>Steps to the next attribute.</summary>
    public bool MoveNext()
    {
        if (_rest.Length < 4)
        {
            IsMalformed |= _rest.Length != 0;
            return false;
        }
        var length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
        {
            IsMalformed = true;
            return false;
        }
        Current = new NetlinkAttribute(MemoryMarshal.Read<ushort>(_rest[2..]), _rest[4..length]);
        _rest = _rest[Math.Min((length + 3) & ~3, _rest.Length)..];
        return true;
    }

    /// <summary>For foreach.</summary>
    public readonly NetlinkAttributes GetEnumerator() => this;
}

/// <summary>One attribute. A number read from a value that is too short is 0: lengths lie, readers do not throw.</summary>
public readonly ref struct NetlinkAttribute(ushort rawType, ReadOnlySpan<byte> value)
{
    /// <summary>Type without the flag bits NLA_F_NESTED and NLA_F_NET_BYTEORDER.</summary>
    public ushort Type => (ushort)(rawType & 0x3fff);

    /// <summary>The value's bytes.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>The attributes inside.</summary>
    public NetlinkAttributes Nested => new(Value);

    /// <summary>One byte.</summary>
    public byte Byte => Value.Length >= 1 ? Value[0] : (byte)0;

    /// <summary>16 bits in the machine's order.</summary>
    public ushort UInt16 => Value.Length >= 2 ? MemoryMarshal.Read<ushort>(Value) : (ushort)0;

    /// <summary>32 bits in the machine's order.</summary>
    public uint UInt32 => Value.Length >= 4 ? MemoryMarshal.Read<uint>(Value) : 0;

    /// <summary>16 bits, big endian.</summary>
    public ushort UInt16BE => Value.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Value) : (ushort)0;

    /// <summary>32 bits, big endian.</summary>
    public uint UInt32BE => Value.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(Value) : 0;

    /// <summary>64 bits, big endian.</summary>
    public ulong UInt64BE => Value.Length >= 8 ? BinaryPrimitives.ReadUInt64BigEndian(Value) : 0;

    /// <summary>A string without its terminating zero. Allocates: not for hot paths.</summary>
    public string Text => Encoding.UTF8.GetString(Value.TrimEnd((byte)0));
}
