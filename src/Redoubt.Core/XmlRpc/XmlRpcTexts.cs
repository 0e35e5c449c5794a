using System.Xml;

namespace Redoubt.Core.XmlRpc;

/// <summary>The text that is being read, and the short ones that were: a configuration says "wan" ten thousand times.</summary>
internal sealed class XmlRpcTexts(XmlRpcLimits limits)
{
    private const int ShortCharacters = 24;
    private const int Slots = 1024;
    private readonly string?[] _names = new string?[Slots];
    private readonly XmlRpcString?[] _values = new XmlRpcString?[Slots];
    private char[] _buffer = new char[1024];
    private int _length;

    /// <summary>The text so far.</summary>
    public ReadOnlySpan<char> Current => _buffer.AsSpan(0, _length);

    /// <summary>True when there is nothing but white space.</summary>
    public bool IsBlank => Current.IndexOfAnyExcept(" \t\r\n") < 0;

    /// <summary>Begins a new text.</summary>
    public void Clear() => _length = 0;

    /// <summary>Appends the text of the reader's node; false when it is too long.</summary>
    public bool TryAppend(XmlReader reader)
    {
        if (!reader.CanReadValueChunk || !reader.HasValue)
            return true;
        while (true)
        {
            if (_length == _buffer.Length)
            {
                if (_length > limits.TextCharacters)
                    return false;
                Array.Resize(ref _buffer, Math.Min(_length * 2, limits.TextCharacters + 1));
            }
            var read = reader.ReadValueChunk(_buffer, _length, _buffer.Length - _length);
            if (read == 0)
                return _length <= limits.TextCharacters;
            _length += read;
        }
    }

    /// <summary>The text as a value.</summary>
    public XmlRpcString Value()
    {
        var text = Current;
        if (text.IsEmpty)
            return XmlRpcString.Empty;
        if (text.Length > ShortCharacters)
            return new XmlRpcString(text.ToString());
        ref var slot = ref _values[Slot(text)];
        if (slot is null || !text.SequenceEqual(slot.Value))
            slot = new XmlRpcString(text.ToString());
        return slot;
    }

    /// <summary>The text as a name.</summary>
    public string Intern(ReadOnlySpan<char> text)
    {
        ref var slot = ref _names[Slot(text)];
        if (slot is null || !text.SequenceEqual(slot))
            slot = text.ToString();
        return slot;
    }

    // A collision costs a string, so a weak hash will do.
    private static int Slot(ReadOnlySpan<char> text)
    {
        var hash = (uint)text.Length;
        foreach (var c in text)
            hash = (hash * 31) + c;
        return (int)((hash ^ (hash >> 10)) % Slots);
    }
}
