using System.Security.Cryptography;
using System.Text;

namespace Redoubt.Core.Configuration.Document;

/// <summary>
/// What an element means to pfSense, whatever way it is written: names and texts. Items of the same name keep their order; names among each other have none.
/// An empty item of a list is no item. Attributes and comments mean nothing.
/// </summary>
public static class ConfigDigest
{
    // From so many elements inside on a digest is kept with its element.
    private const int Many = 64;

    // Bytes that neither a name nor a text can hold.
    private const byte Opens = 1;
    private const byte HasText = 2;
    private const byte Closes = 3;

    /// <summary>The digest of a section that is empty or not there.</summary>
    public static string Empty { get; } = Convert.ToHexStringLower(SHA256.HashData([]));

    /// <summary>SHA-256 in hexadecimal digits. A section without content has the digest of one that is not there.</summary>
    public static string Of(ConfigNode? node) =>
        node is null ? Empty
        : node.Children.Length < Many ? Of([node])
        : node.Digest ??= Of([node]);

    /// <summary>One digest of several sections, those that are empty left out, in order of their names.</summary>
    public static string Of(IEnumerable<ConfigNode> sections)
    {
        using var hash = new Sink();
        foreach (var section in sections.OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            if (section.Text.Length > 0 || Meaning(section).Length > 0)
                Add(hash, section);
        }
        return hash.Finish();
    }

    /// <summary>Whether two elements of any name mean the same.</summary>
    public static bool AreEqual(ConfigNode a, ConfigNode b)
    {
        if (ReferenceEquals(a, b))
            return true;
        // Mostly both have the same names in the same order: then nothing needs sorting.
        if (HaveSameNames(a.Children.AsSpan(), b.Children.AsSpan()))
        {
            if (a.Children.IsEmpty && a.Text != b.Text)
                return false;
            for (var i = 0; i < a.Children.Length; i++)
            {
                if (!AreEqual(a.Children[i], b.Children[i]))
                    return false;
            }
            return true;
        }
        var inA = Meaning(a);
        var inB = Meaning(b);
        if (inA.Length != inB.Length || (inA.Length == 0 && a.Text != b.Text))
            return false;
        for (var i = 0; i < inA.Length; i++)
        {
            if (inA[i].Name != inB[i].Name || !AreEqual(inA[i], inB[i]))
                return false;
        }
        return true;
    }

    /// <summary>A number that is the same for elements that mean the same, and mostly another one for others; quick, and good for one process only.</summary>
    internal static int HashOf(ConfigNode node)
    {
        var sum = 0;
        var inside = 0;
        foreach (var child in node.Children)
        {
            if (IsNothing(child))
                continue;
            inside++;
            sum += HashCode.Combine(child.Name.GetHashCode(StringComparison.Ordinal), HashOf(child));
        }
        return inside > 0 ? sum : node.Text.GetHashCode(StringComparison.Ordinal);
    }

    private static bool HaveSameNames(ReadOnlySpan<ConfigNode> a, ReadOnlySpan<ConfigNode> b)
    {
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
        {
            if (a[i].Name != b[i].Name || IsNothing(a[i]) || IsNothing(b[i]))
                return false;
        }
        return true;
    }

    /// <summary>The elements inside that count, in canonical order.</summary>
    internal static ReadOnlySpan<ConfigNode> Meaning(ConfigNode node)
    {
        var children = node.Children.AsSpan();
        var isCanonical = true;
        for (var i = 0; i < children.Length && isCanonical; i++)
            isCanonical = !IsNothing(children[i]) && (i == 0 || string.CompareOrdinal(children[i - 1].Name, children[i].Name) <= 0);
        if (isCanonical)
            return children;
        // The sort of LINQ is stable: items of one name keep their order.
        return node.Children.Where(c => !IsNothing(c)).OrderBy(c => c.Name, StringComparer.Ordinal).ToArray();
    }

    private static bool IsNothing(ConfigNode node) => node.IsEmpty && ConfigTags.IsList(node.Name);

    private static void Add(Sink hash, ConfigNode node)
    {
        hash.Add(Opens);
        hash.Add(node.Name);
        var inside = Meaning(node);
        if (inside.Length == 0 && node.Text.Length > 0)
        {
            hash.Add(HasText);
            hash.Add(node.Text);
        }
        foreach (var child in inside)
            Add(hash, child);
        hash.Add(Closes);
    }

    // Small pieces are gathered: a hash of many calls is slow.
    private sealed class Sink : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private readonly byte[] _buffer = new byte[16 * 1024];
        private int _length;

        public void Add(byte value)
        {
            if (_length == _buffer.Length)
                Flush();
            _buffer[_length++] = value;
        }

        public void Add(ReadOnlySpan<char> text)
        {
            while (!text.IsEmpty)
            {
                var piece = text[..Math.Min(text.Length, _buffer.Length / 4)];
                if (piece.Length < text.Length && char.IsHighSurrogate(piece[^1]))
                    piece = piece[..^1];
                if (_buffer.Length - _length < Encoding.UTF8.GetMaxByteCount(piece.Length))
                    Flush();
                _length += Encoding.UTF8.GetBytes(piece, _buffer.AsSpan(_length));
                text = text[piece.Length..];
            }
        }

        public string Finish()
        {
            Flush();
            return Convert.ToHexStringLower(_hash.GetHashAndReset());
        }

        public void Dispose() => _hash.Dispose();

        private void Flush()
        {
            _hash.AppendData(_buffer, 0, _length);
            _length = 0;
        }
    }
}
