using System.Globalization;
using System.Text;

namespace Redoubt.Cli;

/// <summary>Text for a terminal.</summary>
internal static class Plain
{
    /// <summary>Without control characters: names come from configurations and from the network, and must not steer a terminal.</summary>
    public static string Text(string text) =>
        text.Any(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format)
            ? string.Concat(text.Select(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '?' : c))
            : text;

    /// <summary>A time in UTC to the second.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Rows under a heading, columns aligned, two spaces between and in front.</summary>
    public static string Table(string[] heading, IEnumerable<string[]> rows)
    {
        string[][] all = [heading, .. rows.Select(r => r.Select(Text).ToArray())];
        var widths = Enumerable.Range(0, heading.Length).Select(c => all.Max(r => r[c].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in all)
            text.AppendLine(string.Concat(row.Select((cell, c) => "  " + cell.PadRight(widths[c]))).TrimEnd());
        return text.ToString();
    }
}
