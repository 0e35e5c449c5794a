using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Redoubt.Linux.Netlink;

/// <summary>
/// Writes one or more netlink messages in place, into memory of the caller; allocates nothing. Nests are tokens: begin gives
/// the place of the length, end patches it. The name of a Put says the byte order of the number. What does not fit the buffer, or
/// an attribute's 16-bit length, throws <see cref="InvalidOperationException"/>.
/// </summary>
/// <remarks><code>
/// message   = length u32 | type u16 | flags u16 | sequence u32 | port u32 | body, padded to 4   (struct nlmsghdr, host order)
/// attribute = length u16 | type u16 | value, padded to 4; the length counts its 4 bytes, not the padding (struct nlattr)
/// </code></remarks>
public ref struct NetlinkWriter
{
    private const ushort Nested = 0x8000; // NLA_F_NESTED
    private readonly Span<byte> _buffer;
    private int _message;

    /// <summary>Starts writing at the front of <paramref name="buffer"/>.</summary>
    public NetlinkWriter(Span<byte> buffer)
    {
        _buffer = buffer;
        _message = -1;
        Length = 0;
    }

    /// <summary>Bytes written so far, all messages together.</summary>
    public int Length { get; private set; }

    /// <summary>Bytes still free. A caller that batches stops while its largest message still fits.</summary>
    public readonly int Free => _buffer.Length - Length;

    /// <summary>All that was written; the open message is closed first.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        EndMessage();
        return _buffer[..Length];
    }

    /// <summary>Begins a message, closing the one before.</summary>
    public void BeginMessage(ushort type, NetlinkFlags flags, uint sequence)
    {
        EndMessage();
        _message = Length;
        var header = Reserve(16);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)flags);
        MemoryMarshal.Write(header[8..], sequence);
    }

    /// <summary>Closes the open message: patches its length.</summary>
    public void EndMessage()
    {
        if (_message < 0)
            return;
        MemoryMarshal.Write(_buffer[_message..], (uint)(Length - _message));
        _message = -1;
    }

    /// <summary>Appends a fixed header of the family (ifinfomsg, nfgenmsg, ...), cleared; the caller fills it.</summary>
    public Span<byte> Reserve(int length)
    {
        var padded = (length + 3) & ~3;
        if (padded > Free)
            throw new InvalidOperationException($"netlink buffer of {_buffer.Length} bytes is too small");
        var span = _buffer.Slice(Length, padded);
        span.Clear();
        Length += padded;
        return span[..length];
    }

    /// <summary>Begins a nest (with NLA_F_NESTED); give the token to <see cref="EndNest"/>.</summary>
    public int BeginNest(ushort type)
    {
        var token = Length;
        MemoryMarshal.Write(Reserve(4)[2..], (ushort)(type | Nested));
        return token;
    }

    /// <summary>Ends the nest that <paramref name="token"/> began.</summary>
    public readonly void EndNest(int token) => MemoryMarshal.Write(_buffer[token..], AttributeLength(Length - token));

    /// <summary>An attribute with <paramref name="length"/> cleared bytes for the caller to fill.</summary>
    public Span<byte> PutSpace(ushort type, int length)
    {
        var header = Reserve(4);
        MemoryMarshal.Write(header, AttributeLength(4 + length));
        MemoryMarshal.Write(header[2..], type);
        return Reserve(length);
    }

    /// <summary>An attribute of raw bytes.</summary>
    public void Put(ushort type, scoped ReadOnlySpan<byte> value) => value.CopyTo(PutSpace(type, value.Length));

    /// <summary>An attribute without a value.</summary>
    public void PutFlag(ushort type) => PutSpace(type, 0);

    /// <summary>One byte.</summary>
    public void PutByte(ushort type, byte value) => PutSpace(type, 1)[0] = value;

    /// <summary>16 bits in the machine's order.</summary>
    public void PutUInt16(ushort type, ushort value) => MemoryMarshal.Write(PutSpace(type, 2), value);

    /// <summary>32 bits in the machine's order.</summary>
    public void PutUInt32(ushort type, uint value) => MemoryMarshal.Write(PutSpace(type, 4), value);

    /// <summary>16 bits, big endian.</summary>
    public void PutUInt16BE(ushort type, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(PutSpace(type, 2), value);

    /// <summary>32 bits, big endian.</summary>
    public void PutUInt32BE(ushort type, uint value) => BinaryPrimitives.WriteUInt32BigEndian(PutSpace(type, 4), value);

    /// <summary>64 bits, big endian.</summary>
    public void PutUInt64BE(ushort type, ulong value) => BinaryPrimitives.WriteUInt64BigEndian(PutSpace(type, 8), value);

    /// <summary>A zero-terminated string.</summary>
    public void PutString(ushort type, string value)
    {
        var bytes = Encoding.UTF8.GetByteCount(value);
        Encoding.UTF8.GetBytes(value, PutSpace(type, bytes + 1));
    }

    // Wrapped, the kernel would take the rest for attributes of the level above.
    private static ushort AttributeLength(int length) =>
        length <= ushort.MaxValue
            ? (ushort)length
            : throw new InvalidOperationException($"a netlink attribute of {length} bytes is longer than its 16-bit length can say");
}

/// <summary>Flags of a netlink message (NLM_F_*).</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>NLM_F_REQUEST.</summary>
    Request = 0x1,

    /// <summary>NLM_F_MULTI: more messages of the same answer follow.</summary>
    Multi = 0x2,

    /// <summary>NLM_F_ACK: answer with an error message, also for success.</summary>
    Ack = 0x4,

    /// <summary>NLM_F_ECHO.</summary>
    Echo = 0x8,

    /// <summary>NLM_F_DUMP_INTR: the dump is not consistent.</summary>
    DumpInterrupted = 0x10,

    /// <summary>NLM_F_DUMP (ROOT | MATCH).</summary>
    Dump = 0x300,

    /// <summary>NLM_F_REPLACE.</summary>
    Replace = 0x100,

    /// <summary>NLM_F_EXCL.</summary>
    Exclusive = 0x200,

    /// <summary>NLM_F_CREATE.</summary>
    Create = 0x400,

    /// <summary>NLM_F_APPEND.</summary>
    Append = 0x800,
}
