using System.Buffers;
using System.Globalization;
using System.Text;

namespace Redoubt.Core.Firewall;

/// <summary>Turns text of the configuration into what may stand in a ruleset. Nothing of a file reaches nft by another way.</summary>
internal static class SafeText
{
    /// <summary>Bytes of a comment; the kernel takes 128 with the closing zero, and a rule's user data is shared with nft's own notes.</summary>
    private const int MaxComment = 100;

    private const string Harmless = " .,:()<>=+-_/!&|*?%~[]";

    private static readonly SearchValues<char> _plain = SearchValues.Create(
        Harmless + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    );

    /// <summary>
    /// What of a text may stand in a comment: letters and digits of any script, spaces and harmless punctuation. Quotation mark,
    /// backslash, line ends, braces, ';', '#', '$', '@' and every control or format character become '_'.
    /// </summary>
    public static string Comment(string text)
    {
        if (text.Length <= MaxComment && text.AsSpan().IndexOfAnyExcept(_plain) < 0)
            return text.Trim();
        var clean = new StringBuilder();
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            var keep = Rune.IsLetterOrDigit(rune) || (rune.IsAscii && Harmless.Contains((char)rune.Value, StringComparison.Ordinal));
            var written = keep ? rune : new Rune('_');
            bytes += written.Utf8SequenceLength;
            if (bytes > MaxComment)
                break;
            clean.Append(written.ToString());
        }
        return clean.ToString().Trim();
    }

    /// <summary>A tracker as part of a name: digits only, at most 20 of them; else empty.</summary>
    public static string Tracker(string tracker) => tracker.Length is > 0 and <= 20 && tracker.All(char.IsAsciiDigit) ? tracker : "";

    public static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Hex(uint value) => $"0x{value:x8}";
}
