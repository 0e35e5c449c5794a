using System.Text;
using System.Text.Unicode;
using System.Xml;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>Why a text is not XML that we take.</summary>
/// <param name="Line">From 1; 0 when the whole text is meant.</param>
/// <param name="Message">What is wrong.</param>
public sealed record XmlRefusal(int Line, string Message);

/// <summary>The only door for XML: no document type, no entities of the file's own, nothing fetched, bounded in size, depth and elements.</summary>
public static class BoundedXml
{
    /// <summary>Reads a document; on refusal the result is null and <paramref name="refusal"/> says why. Never throws for its content.</summary>
    public static ConfigElement? Read(ReadOnlySpan<byte> xml, out XmlRefusal? refusal) =>
        ReadDocument(xml, out refusal) is { } document ? ConfigElement.Of(document.Root) : null;

    /// <summary>Reads a document with all that is in it; on refusal the result is null. Never throws for its content.</summary>
    public static ConfigDocument? ReadDocument(ReadOnlySpan<byte> xml, out XmlRefusal? refusal)
    {
        refusal = null;
        if (xml.Length > ConfigurationLimits.FileBytes)
        {
            refusal = new XmlRefusal(0, "the file is larger than 64 MiB");
            return null;
        }
        var hasMark = xml.StartsWith(Encoding.UTF8.Preamble);
        if (hasMark)
            xml = xml[Encoding.UTF8.Preamble.Length..];
        if (!Utf8.IsValid(xml))
        {
            refusal = new XmlRefusal(0, "the file holds bytes that are not UTF-8");
            return null;
        }
        try
        {
            var source = Encoding.UTF8.GetString(xml);
            using var reader = XmlReader.Create(new StringReader(source), Settings(ConformanceLevel.Document));
            var tree = new ConfigTreeReader(reader, source);
            var root = tree.Read(out refusal);
            return root is null ? null : ConfigDocument.Read(root, source, hasMark, tree.Elements);
        }
        catch (XmlException e)
        {
            refusal = new XmlRefusal(e.LineNumber, FirstSentence(e.Message));
        }
        return null;
    }

    /// <summary>Reads a piece of what stands inside an element; null where it is not whole, or for whatever the whole file is to be read for.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="lines">Lines of the file before it.</param>
    /// <param name="depth">Elements around it.</param>
    /// <param name="elements">Elements in it.</param>
    internal static IReadOnlyList<ConfigNode>? ReadPiece(string piece, int lines, int depth, out int elements)
    {
        elements = 0;
        try
        {
            using var reader = XmlReader.Create(new StringReader(piece), Settings(ConformanceLevel.Fragment));
            var tree = new ConfigTreeReader(reader, piece, lines, depth);
            if (!tree.TryReadPiece(out var nodes))
                return null;
            elements = tree.Elements;
            return nodes;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static XmlReaderSettings Settings(ConformanceLevel level) =>
        new()
        {
            ConformanceLevel = level,
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = ConfigurationLimits.FileBytes,
            MaxCharactersFromEntities = 1,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };

    // The framework appends "Line 3, position 4."; the line is reported apart. It also quotes the character it did not like.
    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" Line ", StringComparison.Ordinal);
        var sentence = end < 0 ? message : message[..end];
        return string.Concat(sentence.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }
}
