using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.XmlRpc;

/// <summary>Values that are not text and have no parts, strictly: what a lenient reader makes of "1x" is nobody's intent.</summary>
internal static class XmlRpcScalars
{
    private static readonly SearchValues<char> _number = SearchValues.Create("+-.0123456789eE");
    private static readonly SearchValues<char> _date = SearchValues.Create("0123456789-:.+TZ");

    /// <summary>The value, or null where <paramref name="text"/> is not one of that kind.</summary>
    public static XmlRpcValue? Read(string kind, ReadOnlySpan<char> text)
    {
        text = text.Trim(" \t\r\n");
        return kind switch
        {
            "int" or "i4" => Integer(text) is { } number && number == (int)number ? new XmlRpcInt(number) : null,
            "i8" => Integer(text) is { } large ? new XmlRpcInt(large, IsI8: true) : null,
            "boolean" => text is "1" ? XmlRpcBoolean.True
            : text is "0" ? XmlRpcBoolean.False
            : null,
            "double" => Double(text),
            "dateTime.iso8601" => Date(text),
            "base64" => Base64(text),
            "nil" => text.IsEmpty ? XmlRpcNil.Instance : null,
            _ => null,
        };
    }

    private static long? Integer(ReadOnlySpan<char> text) =>
        text.Length <= 20 && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static XmlRpcDouble? Double(ReadOnlySpan<char> text)
    {
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return
            text.Length <= 400
            && text.IndexOfAnyExcept(_number) < 0
            && double.TryParse(text, Styles, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number)
            ? new XmlRpcDouble(number)
            : null;
    }

    // 19980717T14:08:55, also with dashes, a fraction or a zone: the digits are not judged.
    private static XmlRpcDateTime? Date(ReadOnlySpan<char> text) =>
        text.Length is >= 8 and <= 40 && text.IndexOfAnyExcept(_date) < 0 ? new XmlRpcDateTime(text.ToString()) : null;

    private static XmlRpcBase64? Base64(ReadOnlySpan<char> text)
    {
        var bytes = new byte[(text.Length / 4 * 3) + 3];
        return Convert.TryFromBase64Chars(text, bytes, out var length) ? new XmlRpcBase64(ImmutableArray.Create(bytes, 0, length)) : null;
    }
}
