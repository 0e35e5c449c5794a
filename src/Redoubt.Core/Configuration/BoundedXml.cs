using System.Net;
using System.Text;
using System.Xml;

namespace Redoubt.Core.Configuration;

/// <summary>Why a text is not XML that we take.</summary>
/// <param name="Line">From 1; 0 when the whole text is meant.</param>
/// <param name="Message">What is wrong.</param>
public sealed record XmlRefusal(int Line, string Message);

/// <summary>The only door for XML: no document type, no entities of the file's own, nothing fetched, bounded in size, depth and elements.</summary>
public static class BoundedXml
{
    /// <summary>Reads a document; on refusal the result is null and <paramref name="refusal"/> says why. Never throws for its content.</summary>
    public static ConfigElement? Read(ReadOnlySpan<byte> xml, out XmlRefusal? refusal)
    {
        refusal = null;
        if (xml.Length > ConfigurationLimits.FileBytes)
        {
            refusal = new XmlRefusal(0, "the file is larger than 64 MiB");
            return null;
        }
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = ConfigurationLimits.FileBytes,
            MaxCharactersFromEntities = 1,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        };
        try
        {
            using var reader = XmlReader.Create(new MemoryStream(xml.ToArray(), writable: false), settings);
            return ReadTree(reader, out refusal);
        }
        catch (XmlException e)
        {
            refusal = new XmlRefusal(e.LineNumber, FirstSentence(e.Message));
        }
        catch (DecoderFallbackException)
        {
            refusal = new XmlRefusal(0, "the file holds bytes that are not UTF-8");
        }
        return null;
    }

    // Iterative: a deep file must meet a limit, never the end of the stack.
    private static ConfigElement? ReadTree(XmlReader reader, out XmlRefusal? refusal)
    {
        refusal = null;
        var lines = (IXmlLineInfo)reader;
        ConfigElement? root = null;
        ConfigElement? open = null;
        var elements = 0;
        var text = new StringBuilder();
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (++elements > ConfigurationLimits.Elements)
                        refusal = new XmlRefusal(lines.LineNumber, "the file has too many elements");
                    else if (reader.Depth >= ConfigurationLimits.Depth)
                        refusal = new XmlRefusal(lines.LineNumber, "elements are nested too deeply");
                    if (refusal is not null)
                        return null;
                    var element = new ConfigElement(open, reader.Name.ToLowerInvariant(), lines.LineNumber);
                    open?.Add(element);
                    root ??= element;
                    text.Clear();
                    if (!reader.IsEmptyElement)
                        open = element;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    text.Append(reader.Value);
                    break;
                case XmlNodeType.EndElement:
                    if (open!.Children.Count == 0)
                        open.Text = Clean(text.ToString());
                    text.Clear();
                    open = open.Parent;
                    break;
                default:
                    break;
            }
        }
        return root;
    }

    private static string Clean(string raw)
    {
        var trimmed = raw.Trim('\t', '\r', '\n');
        return string.IsNullOrWhiteSpace(trimmed) ? "" : WebUtility.HtmlDecode(trimmed);
    }

    // The framework appends "Line 3, position 4."; the line is reported apart. It also quotes the character it did not like.
    private static string FirstSentence(string message)
    {
        var end = message.IndexOf(" Line ", StringComparison.Ordinal);
        var sentence = end < 0 ? message : message[..end];
        return string.Concat(sentence.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }
}
