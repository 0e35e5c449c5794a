using System.Text;

namespace Redoubt.Core.XmlRpc;

/// <summary>
/// What an XML reader may see of a message. The reader keeps a tag with all its attributes in memory before anybody can say that it is too
/// long, so tags are measured here, and a document type ends the message before the reader meets it.
/// </summary>
internal sealed class MarkupGuard : TextReader
{
    private const char ByteOrderMark = '\uFEFF';
    private readonly StreamReader _inner;
    private readonly CappedStream _bytes;
    private readonly int _tagCharacters;
    private XmlRpcReason _reason;
    private Region _region;
    private int _tag;
    private int _matched;
    private bool _begun;

    public MarkupGuard(Stream stream, XmlRpcLimits limits)
    {
        _bytes = new CappedStream(stream, limits.Bytes);
        _inner = new StreamReader(
            _bytes,
            new UTF8Encoding(false, throwOnInvalidBytes: true),
            detectEncodingFromByteOrderMarks: false,
            4096
        );
        _tagCharacters = limits.TagCharacters;
    }

    private enum Region : byte
    {
        Text,
        TagStart,
        Tag,
        SingleQuoted,
        DoubleQuoted,
        Declaration,
        Comment,
        CData,
        Instruction,
    }

    /// <summary>Why nothing more is handed out.</summary>
    public XmlRpcReason Reason => _bytes.IsOverrun ? XmlRpcReason.TooLarge : _reason;

    /// <summary>True while every character was one that all encodings of this kind agree on.</summary>
    public bool IsAscii { get; private set; } = true;

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        if (Reason != XmlRpcReason.None)
            return 0;
        var read = _inner.Read(buffer);
        if (!_begun && read > 0)
        {
            _begun = true;
            if (buffer[0] == ByteOrderMark)
            {
                buffer[1..read].CopyTo(buffer);
                read = read > 1 ? read - 1 : _inner.Read(buffer);
            }
        }
        Watch(buffer[..read]);
        IsAscii &= Ascii.IsValid(buffer[..read]);
        return Reason == XmlRpcReason.None ? read : 0;
    }

    protected override void Dispose(bool disposing)
    {
        _inner.Dispose();
        base.Dispose(disposing);
    }

    private void Watch(ReadOnlySpan<char> text)
    {
        while (!text.IsEmpty && _reason == XmlRpcReason.None)
        {
            switch (_region)
            {
                case Region.Text:
                    text = SkipTo(text, '<', Region.TagStart);
                    _tag = 0;
                    break;
                case Region.TagStart:
                    _region = text[0] switch
                    {
                        '!' => Region.Declaration,
                        '?' => Region.Instruction,
                        _ => Region.Tag,
                    };
                    _matched = 0;
                    if (_region != Region.Tag)
                        text = text[1..];
                    break;
                case Region.Tag:
                    text = InTag(text);
                    break;
                case Region.SingleQuoted:
                    text = InQuotes(text, '\'');
                    break;
                case Region.DoubleQuoted:
                    text = InQuotes(text, '"');
                    break;
                case Region.Declaration:
                    // <!-- or <![CDATA[; what is left is a document type.
                    _region = text[0] switch
                    {
                        '-' => Region.Comment,
                        '[' => Region.CData,
                        _ => Region.Declaration,
                    };
                    if (_region == Region.Declaration)
                        _reason = XmlRpcReason.DocumentType;
                    // The second dash of "<!--" does not count towards "-->".
                    _matched = _region == Region.Comment ? -1 : 0;
                    text = text[1..];
                    break;
                case Region.Comment:
                    text = SkipPast(text, '-', 2);
                    break;
                case Region.CData:
                    text = SkipPast(text, ']', 2);
                    break;
                default:
                    text = SkipPast(text, '?', 1);
                    break;
            }
        }
    }

    private ReadOnlySpan<char> SkipTo(ReadOnlySpan<char> text, char end, Region next)
    {
        var at = text.IndexOf(end);
        if (at < 0)
            return [];
        _region = next;
        return text[(at + 1)..];
    }

    // Ends at '>' after at least so many of the closing character.
    private ReadOnlySpan<char> SkipPast(ReadOnlySpan<char> text, char closing, int times)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == closing)
            {
                _matched++;
                continue;
            }
            if (text[i] == '>' && _matched >= times)
            {
                _region = Region.Text;
                return text[(i + 1)..];
            }
            _matched = 0;
            var next = text[i..].IndexOfAny(closing, '>');
            if (next < 0)
                return [];
            i += Math.Max(0, next - 1);
        }
        return [];
    }

    private ReadOnlySpan<char> InTag(ReadOnlySpan<char> text)
    {
        var at = text.IndexOfAny('>', '"', '\'');
        if (!Count(at < 0 ? text.Length : at + 1) || at < 0)
            return [];
        _region = text[at] switch
        {
            '>' => Region.Text,
            '"' => Region.DoubleQuoted,
            _ => Region.SingleQuoted,
        };
        return text[(at + 1)..];
    }

    private ReadOnlySpan<char> InQuotes(ReadOnlySpan<char> text, char quote)
    {
        var at = text.IndexOf(quote);
        if (!Count(at < 0 ? text.Length : at + 1) || at < 0)
            return [];
        _region = Region.Tag;
        return text[(at + 1)..];
    }

    private bool Count(int characters)
    {
        _tag += characters;
        if (_tag > _tagCharacters)
            _reason = XmlRpcReason.LongTag;
        return _reason == XmlRpcReason.None;
    }

    /// <summary>Ends early where more bytes come than allowed, and remembers that it did.</summary>
    private sealed class CappedStream(Stream inner, int limit) : Stream
    {
        private int _left = limit;

        public bool IsOverrun { get; private set; }

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (IsOverrun)
                return 0;
            var read = inner.Read(buffer);
            if (read > _left)
            {
                IsOverrun = true;
                return 0;
            }
            _left -= read;
            return read;
        }

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
