using System.Collections.Immutable;

namespace Redoubt.Core.XmlRpc;

/// <summary>One value of XML-RPC. Immutable; equal where kind and content are equal, members and items in order.</summary>
public abstract record XmlRpcValue
{
    private protected XmlRpcValue() { }

    /// <summary>The element's name on the wire.</summary>
    public abstract string Kind { get; }
}

/// <summary>Text.</summary>
/// <param name="Value">Any text; only what XML 1.0 can carry can be written.</param>
public sealed record XmlRpcString(string Value) : XmlRpcValue
{
    /// <summary>The empty text: what PHP sends for an empty element.</summary>
    public static XmlRpcString Empty { get; } = new("");

    /// <inheritdoc/>
    public override string Kind => "string";
}

/// <summary>An integer.</summary>
/// <param name="Value">The number.</param>
/// <param name="IsI8">True when it came as, or shall go as, <c>i8</c>; a number outside of 32 bits always does.</param>
public sealed record XmlRpcInt(long Value, bool IsI8 = false) : XmlRpcValue
{
    /// <inheritdoc/>
    public override string Kind => IsI8 || Value != (int)Value ? "i8" : "int";
}

/// <summary>True or false.</summary>
/// <param name="Value">The value.</param>
public sealed record XmlRpcBoolean(bool Value) : XmlRpcValue
{
    /// <summary>What a method that did its work answers.</summary>
    public static XmlRpcBoolean True { get; } = new(true);

    /// <summary>What a method that did not answers.</summary>
    public static XmlRpcBoolean False { get; } = new(false);

    /// <inheritdoc/>
    public override string Kind => "boolean";
}

/// <summary>A finite floating point number.</summary>
/// <param name="Value">The number.</param>
public sealed record XmlRpcDouble(double Value) : XmlRpcValue
{
    /// <inheritdoc/>
    public override string Kind => "double";
}

/// <summary>A date as its sender wrote it (<c>19980717T14:08:55</c>); no time zone, so it is kept as text.</summary>
/// <param name="Value">The text.</param>
public sealed record XmlRpcDateTime(string Value) : XmlRpcValue
{
    /// <inheritdoc/>
    public override string Kind => "dateTime.iso8601";
}

/// <summary>Bytes.</summary>
/// <param name="Value">The bytes.</param>
public sealed record XmlRpcBase64(ImmutableArray<byte> Value) : XmlRpcValue
{
    /// <inheritdoc/>
    public override string Kind => "base64";

    /// <inheritdoc/>
    public bool Equals(XmlRpcBase64? other) => other is not null && Value.AsSpan().SequenceEqual(other.Value.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Value.AsSpan());
        return hash.ToHashCode();
    }
}

/// <summary>No value.</summary>
public sealed record XmlRpcNil : XmlRpcValue
{
    /// <summary>The only one.</summary>
    public static XmlRpcNil Instance { get; } = new();

    private XmlRpcNil() { }

    /// <inheritdoc/>
    public override string Kind => "nil";
}

/// <summary>A list.</summary>
/// <param name="Values">The items, in order.</param>
public sealed record XmlRpcArray(ImmutableArray<XmlRpcValue> Values) : XmlRpcValue
{
    /// <summary>What PHP sends for an array without elements, whatever it would have held.</summary>
    public static XmlRpcArray Empty { get; } = new([]);

    /// <inheritdoc/>
    public override string Kind => "array";

    /// <inheritdoc/>
    public bool Equals(XmlRpcArray? other) => other is not null && Values.AsSpan().SequenceEqual(other.Values.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Values.Length;
}

/// <summary>One named value of a struct.</summary>
/// <param name="Name">The name; PHP sends the keys of a list with holes as "2", "4".</param>
/// <param name="Value">The value.</param>
public readonly record struct XmlRpcMember(string Name, XmlRpcValue Value);

/// <summary>Named values, in the order in which they came. No name occurs twice in one that was read.</summary>
/// <param name="Members">The members.</param>
public sealed record XmlRpcStruct(ImmutableArray<XmlRpcMember> Members) : XmlRpcValue
{
    /// <inheritdoc/>
    public override string Kind => "struct";

    /// <summary>The value of that name, or null.</summary>
    public XmlRpcValue? this[string name]
    {
        get
        {
            foreach (var member in Members)
            {
                if (member.Name == name)
                    return member.Value;
            }
            return null;
        }
    }

    /// <inheritdoc/>
    public bool Equals(XmlRpcStruct? other) => other is not null && Members.AsSpan().SequenceEqual(other.Members.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => Members.Length;
}
