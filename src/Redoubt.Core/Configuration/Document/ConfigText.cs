using System.Buffers;
using System.Net;
using System.Text;
using System.Xml;

namespace Redoubt.Core.Configuration.Document;

/// <summary>
/// The text of an element between the file and its meaning. pfSense escapes the five characters of XML, in some tags inside CDATA as well, and decodes
/// entities twice when it reads: so the text <c>a &amp; b</c> stands in a file as <c>&lt;![CDATA[a &amp;amp; b]]&gt;</c> or as <c>a &amp;amp; b</c>.
/// </summary>
public static class ConfigText
{
    private static readonly SearchValues<char> _special = SearchValues.Create("&<>\"'\r");

    /// <summary>The meaning of what an XML reader found between two tags: blank text is none, tabs and line ends around it go, entities are decoded once more.</summary>
    public static string FromFile(string raw)
    {
        var trimmed = Trimmed(raw);
        if (!trimmed.Contains('&'))
            return trimmed;
        // A reference to a character that XML does not have stays as it is written: every text here can be written again.
        var decoded = WebUtility.HtmlDecode(trimmed);
        return CanBeWritten(decoded) ? Trimmed(decoded) : trimmed;
    }

    /// <summary>What of a text survives in a file: without tabs and line ends around it; blank text is none.</summary>
    public static string Trimmed(string text)
    {
        if (text.AsSpan().IndexOfAnyExcept(" \t\r\n") < 0)
            return "";
        return text.Trim('\t', '\r', '\n');
    }

    /// <summary>Whether XML 1.0 has a way to write the text: no control characters, no halves of surrogate pairs.</summary>
    public static bool CanBeWritten(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (XmlConvert.IsXmlChar(text[i]))
                continue;
            if (i + 1 >= text.Length || !XmlConvert.IsXmlSurrogatePair(text[i + 1], text[i]))
                return false;
            i++;
        }
        return true;
    }

    /// <summary>The text as it stands in a file for a tag, CDATA included. <see cref="FromFile"/> of what an XML reader makes of it is the same text again.</summary>
    internal static void Append(StringBuilder output, string tag, string text)
    {
        if (text.Length == 0)
            return;
        if (ConfigTags.IsCData(tag))
        {
            output.Append("<![CDATA[");
            Escape(output, text);
            output.Append("]]>");
        }
        // Outside of CDATA the second decoding would change a text that looks like an entity itself: escaped twice it survives.
        else if (text.Contains('&') && WebUtility.HtmlDecode(text) != text)
            Escape(output, Escape(new StringBuilder(text.Length + 16), text).ToString());
        else
            Escape(output, text);
    }

    private static StringBuilder Escape(StringBuilder output, ReadOnlySpan<char> text)
    {
        while (text.IndexOfAny(_special) is var at and >= 0)
        {
            output.Append(text[..at]);
            output.Append(
                text[at] switch
                {
                    '&' => "&amp;",
                    '<' => "&lt;",
                    '>' => "&gt;",
                    '"' => "&quot;",
                    '\r' => "&#13;",
                    _ => "&apos;",
                }
            );
            text = text[(at + 1)..];
        }
        return output.Append(text);
    }
}
