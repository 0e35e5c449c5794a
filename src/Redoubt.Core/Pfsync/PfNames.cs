using System.Runtime.CompilerServices;
using System.Text;

namespace Redoubt.Core.Pfsync;

/// <summary>An interface name as it stands in a message: 16 bytes, ended by a NUL.</summary>
[InlineArray(Length)]
public struct PfName
{
    /// <summary>IFNAMSIZ.</summary>
    public const int Length = 16;

    private byte _first;

    /// <summary>The name of a state that is bound to no interface.</summary>
    public static PfName All
    {
        get
        {
            PfName name = default;
            "all"u8.CopyTo(name);
            return name;
        }
    }

    /// <summary>The name up to its NUL.</summary>
    public override readonly string ToString() => PfText.Of(this);
}

/// <summary>A tag as it stands in a message: 64 bytes, ended by a NUL.</summary>
[InlineArray(Length)]
public struct PfTag
{
    /// <summary>PF_TAG_NAME_SIZE.</summary>
    public const int Length = 64;

    private byte _first;

    /// <summary>The tag up to its NUL.</summary>
    public override readonly string ToString() => PfText.Of(this);
}

/// <summary>Names on the wire.</summary>
internal static class PfText
{
    /// <summary>The text before the first NUL, bytes that are no ASCII as they would print in Latin-1.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
