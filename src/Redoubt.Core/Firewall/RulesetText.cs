using System.Globalization;
using System.Text;

namespace Redoubt.Core.Firewall;

/// <summary>Writes nft's language with indentation. Everything but comments is given by the compiler, never by the configuration.</summary>
internal sealed class RulesetText
{
    /// <summary>Bytes of a comment; the kernel takes 128 with the closing zero, and a rule's user data is shared with nft's own notes.</summary>
    private const int MaxComment = 100;

    private readonly StringBuilder _text = new();
    private int _depth;

    public void Raw(string text) => _text.Append(text);

    public void Line(string line) => _text.Append('\t', _depth).Append(line).Append('\n');

    public void Open(string head, string remark)
    {
        if (remark.Length > 0)
            Line($"# {Comment(remark)}");
        Line($"{head} {{");
        _depth++;
    }

    public void Close()
    {
        _depth--;
        Line("}");
    }

    public void Rule(string rule, string comment)
    {
        var clean = Comment(comment);
        Line(clean.Length == 0 ? rule : $"{rule} comment \"{clean}\"");
    }

    public void Nested(RulesetText inner)
    {
        foreach (var line in inner.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Line(line);
    }

    public override string ToString() => _text.ToString();

    /// <summary>
    /// What of a text may stand in a comment: letters and digits of any script, spaces and harmless punctuation. Quotation mark,
    /// backslash, line ends, braces, ';', '#', '$', '@' and every control or format character become '_'.
    /// </summary>
    public static string Comment(string text)
    {
        var clean = new StringBuilder();
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            var keep =
                Rune.IsLetterOrDigit(rune)
                || (rune.IsAscii && " .,:()<>=+-_/!&|*?%~[]".Contains((char)rune.Value, StringComparison.Ordinal));
            var written = keep ? rune : new Rune('_');
            bytes += written.Utf8SequenceLength;
            if (bytes > MaxComment)
                break;
            clean.Append(written.ToString());
        }
        return clean.ToString().Trim();
    }

    public static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
