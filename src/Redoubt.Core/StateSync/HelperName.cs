using System.Buffers.Binary;

namespace Redoubt.Core.StateSync;

/// <summary>Name of a connection tracking helper ("ftp"): at most 15 characters (kernel: NF_CT_HELPER_NAME_LEN 16 with its zero). A value, no string.</summary>
public readonly record struct HelperName
{
    /// <summary>Bytes of a name on the wire, filled up with zeroes.</summary>
    public const int Length = 16;

    private readonly ulong _high;
    private readonly ulong _low;

    private HelperName(ulong high, ulong low) => (_high, _low) = (high, low);

    /// <summary>There is no helper.</summary>
    public bool IsEmpty => _high == 0;

    /// <summary>
    /// Reads a name that ends with a zero or with <paramref name="bytes"/>. False where it is empty, too long, or has other characters than printable ASCII
    /// ones; behind the zero nothing else may come.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out HelperName name)
    {
        name = default;
        var end = bytes.IndexOf((byte)0);
        var text = end < 0 ? bytes : bytes[..end];
        if (text.Length is 0 or >= Length || (end >= 0 && bytes[end..].ContainsAnyExcept((byte)0)))
            return false;
        if (text.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e))
            return false;
        Span<byte> padded = stackalloc byte[Length];
        padded.Clear();
        text.CopyTo(padded);
        name = new HelperName(BinaryPrimitives.ReadUInt64BigEndian(padded), BinaryPrimitives.ReadUInt64BigEndian(padded[8..]));
        return true;
    }

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, _high);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], _low);
    }

    /// <inheritdoc />
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Write(bytes);
        return System.Text.Encoding.ASCII.GetString(bytes.TrimEnd((byte)0));
    }
}
