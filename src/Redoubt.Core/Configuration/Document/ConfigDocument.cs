using System.Buffers;
using System.Text;

namespace Redoubt.Core.Configuration.Document;

/// <summary>A configuration file with everything that is in it. Immutable. What was read and not changed is written byte for byte as it was.</summary>
public sealed class ConfigDocument
{
    private const string Header = "<?xml version=\"1.0\"?>\n";

    private readonly string _before;
    private readonly string _after;
    private readonly bool _hasMark;

    private ConfigDocument(ConfigNode root, string before, string after, bool hasMark, int elements = 0)
    {
        Root = root;
        _before = before;
        _after = after;
        _hasMark = hasMark;
        Elements = elements;
    }

    /// <summary>A new document around a root element.</summary>
    public ConfigDocument(ConfigNode root)
        : this(root, Header, "\n", false) { }

    /// <summary>The root element; "pfsense" in a file that is a configuration.</summary>
    public ConfigNode Root { get; }

    /// <summary>The text of <c>version</c>, the version of the file's schema; empty where it is missing.</summary>
    public string Version => Root.Value("version");

    /// <summary>Reads a file. Whatever it holds is taken or refused, never thrown at the caller.</summary>
    public static bool TryRead(ReadOnlySpan<byte> xml, out ConfigDocument? document, out XmlRefusal? refusal)
    {
        document = BoundedXml.ReadDocument(xml, out refusal);
        return document is not null;
    }

    /// <summary>
    /// Reads a file that is much like one that was read before: what stands in both unchanged is taken from that one instead of being read again, and is the same
    /// object. The result is the same as without.
    /// </summary>
    /// <param name="xml">The file.</param>
    /// <param name="known">What was read before.</param>
    /// <param name="knownXml">The bytes that it was read from.</param>
    /// <param name="document">What was read.</param>
    /// <param name="refusal">Why nothing was.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> xml,
        ConfigDocument known,
        ReadOnlySpan<byte> knownXml,
        out ConfigDocument? document,
        out XmlRefusal? refusal
    )
    {
        document = known.IsRead ? ConfigTreeUpdate.TryMake(known, knownXml, xml) : null;
        refusal = null;
        return document is not null || TryRead(xml, out document, out refusal);
    }

    internal static ConfigDocument Read(ConfigNode root, string source, bool hasMark, int elements) =>
        new(root, source[..root.Place.Start], source[root.Place.End..], hasMark, elements);

    /// <summary>Elements of a file that was read; 0 for a document that was put together.</summary>
    internal int Elements { get; }

    internal bool IsRead => Elements > 0;

    /// <summary>Characters before the root element.</summary>
    internal int RootAt => _before.Length;

    internal bool HasMark => _hasMark;

    /// <summary>The same file, read, with something else inside of its root element.</summary>
    internal ConfigDocument Updated(ConfigNode root, int elements) => new(root, _before, _after, _hasMark, elements);

    /// <summary>The same file with another root element.</summary>
    public ConfigDocument With(ConfigNode root) => ReferenceEquals(root, Root) ? this : new ConfigDocument(root, _before, _after, _hasMark);

    /// <summary>A section, or null.</summary>
    public ConfigNode? Section(string name) => Root.First(name);

    /// <summary>The whole file as text.</summary>
    public override string ToString()
    {
        var text = new StringBuilder(_before);
        ConfigNodeWriter.Write(text, Root, 0);
        return text.Append(_after).ToString();
    }

    /// <summary>Writes the file in UTF-8.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        if (_hasMark)
            output.Write("\uFEFF"u8);
        var text = new StringBuilder(_before);
        ConfigNodeWriter.Write(text, Root, 0);
        text.Append(_after);
        var encoder = Encoding.UTF8.GetEncoder();
        foreach (var chunk in text.GetChunks())
            encoder.Convert(chunk.Span, output, flush: false, out _, out _);
        encoder.Convert([], output, flush: true, out _, out _);
    }

    /// <summary>The file in UTF-8.</summary>
    public byte[] ToBytes()
    {
        var output = new ArrayBufferWriter<byte>();
        Write(output);
        return output.WrittenSpan.ToArray();
    }
}
