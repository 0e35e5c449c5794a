using System.Collections.Immutable;
using System.Text;
using System.Xml;

namespace Redoubt.Core.Configuration.Document;

/// <summary>Builds the tree of a document and notes where each element stands in its text. Iterative: a deep file must meet a limit, never the end of the stack.</summary>
/// <param name="reader">Over <paramref name="source"/>.</param>
/// <param name="source">The file, or a piece of what stands inside an element of it.</param>
/// <param name="lines">Lines of the file before it.</param>
/// <param name="depth">Elements around it.</param>
internal sealed class ConfigTreeReader(XmlReader reader, string source, int lines = 0, int depth = 0)
{
    private readonly IXmlLineInfo _position = (IXmlLineInfo)reader;
    private readonly Stack<Open> _open = new();
    private readonly List<ConfigNode> _closed = [];
    private readonly StringBuilder _text = new();
    private int _line = 1;
    private int _lineStart;
    private bool _isDeclared;

    /// <summary>Elements that were read.</summary>
    public int Elements { get; private set; }

    /// <summary>The root element; null where a limit was met.</summary>
    public ConfigNode? Read(out XmlRefusal? refusal) => ReadAll(out refusal) && _closed.Count == 1 ? _closed[0] : null;

    /// <summary>The elements of a piece; false where a limit was met, or where it begins as a file of its own.</summary>
    public bool TryReadPiece(out IReadOnlyList<ConfigNode> nodes)
    {
        nodes = _closed;
        return ReadAll(out _) && !_isDeclared;
    }

    private bool ReadAll(out XmlRefusal? refusal)
    {
        refusal = null;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.XmlDeclaration when reader.GetAttribute("encoding") is { } encoding && !IsUtf8(encoding):
                    refusal = new XmlRefusal(1, "the file says that it is not in UTF-8");
                    return false;
                case XmlNodeType.XmlDeclaration:
                    _isDeclared = true;
                    break;
                case XmlNodeType.Element:
                    if (++Elements > ConfigurationLimits.Elements)
                        refusal = new XmlRefusal(_position.LineNumber, "the file has too many elements");
                    else if (reader.Depth + depth >= ConfigurationLimits.Depth)
                        refusal = new XmlRefusal(_position.LineNumber, "elements are nested too deeply");
                    if (refusal is not null)
                        return false;
                    Begin();
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace or XmlNodeType.Whitespace:
                    _text.Append(reader.Value);
                    break;
                case XmlNodeType.EndElement:
                    var nameAt = Offset();
                    End(nameAt - 2, source.IndexOf('>', nameAt) + 1);
                    break;
                default:
                    break;
            }
        }
        return true;
    }

    private static bool IsUtf8(string encoding) => encoding.ToLowerInvariant() is "utf-8" or "utf8" or "us-ascii";

    private void Begin()
    {
        var nameAt = Offset();
        var content = EndOfTag(nameAt);
        var name = reader.Name.ToLowerInvariant();
        _text.Clear();
        _open.Push(new Open(name, lines + _position.LineNumber, nameAt - 1, content, _closed.Count));
        if (reader.IsEmptyElement)
            End(content, content);
    }

    private void End(int contentEnd, int end)
    {
        var open = _open.Pop();
        var children = ImmutableArray<ConfigNode>.Empty;
        var text = "";
        var tail = open.Content;
        if (_closed.Count > open.FirstChild)
        {
            tail = _closed[^1].Place.End;
            children = [.. System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_closed)[open.FirstChild..]];
            _closed.RemoveRange(open.FirstChild, _closed.Count - open.FirstChild);
        }
        else if (_text.Length > 0)
            text = ConfigText.FromFile(_text.ToString());
        _text.Clear();
        var lead = open.Start;
        if (_open.TryPeek(out var parent))
            lead = _closed.Count > parent.FirstChild ? _closed[^1].Place.End : parent.Content;
        else if (depth > 0)
            lead = _closed.Count > 0 ? _closed[^1].Place.End : 0;
        _closed.Add(
            ConfigNode.Read(open.Name, text, children, new(source, lead, open.Start, open.Content, tail, contentEnd, end), open.Line)
        );
    }

    // The reader tells line and column of a name; both only grow.
    private int Offset()
    {
        while (_line < _position.LineNumber)
        {
            _lineStart += source.AsSpan(_lineStart).IndexOfAny('\r', '\n') + 1;
            if (source[_lineStart - 1] == '\r' && _lineStart < source.Length && source[_lineStart] == '\n')
                _lineStart++;
            _line++;
        }
        return _lineStart + _position.LinePosition - 1;
    }

    private int EndOfTag(int at)
    {
        while (true)
        {
            at += source.AsSpan(at).IndexOfAny('>', '"', '\'');
            if (source[at] == '>')
                return at + 1;
            at = source.IndexOf(source[at], at + 1) + 1;
        }
    }

    private readonly record struct Open(string Name, int Line, int Start, int Content, int FirstChild);
}
