using System.Globalization;
using System.Text;

namespace Redoubt.Core.Configuration;

/// <summary>Typed reading of one element's children; what does not fit becomes a problem and a default.</summary>
internal static class ElementReading
{
    /// <summary>The one child of that name; a second one is an error, as in pfSense.</summary>
    public static ConfigElement? Single(this ConfigElement parent, string name, Problems problems)
    {
        ConfigElement? found = null;
        foreach (var child in parent.Inside)
        {
            if (child.Name != name)
                continue;
            if (found is not null)
            {
                problems.Error(child, $"{name} occurs more than once", "one");
                break;
            }
            found = child;
        }
        return found;
    }

    /// <summary>The child's text without spaces around it; empty when missing, and an error when longer than any value may be.</summary>
    public static string Value(this ConfigElement parent, string name, Problems problems) =>
        parent.Single(name, problems)?.Value(problems) ?? "";

    public static string Value(this ConfigElement element, Problems problems)
    {
        if (element.Text.Length <= ConfigurationLimits.InterpretedText)
            return element.Text.Trim();
        problems.Error(element, "the text is too long", "at most 65536 characters");
        return "";
    }

    /// <summary>The name of an entry among others; null, and a problem, where it is missing, none, or taken.</summary>
    public static string? UniqueName(this ConfigElement entry, Problems problems, IEnumerable<string> taken)
    {
        var element = entry.Single("name", problems);
        var name = element?.Value(problems) ?? "";
        if (name.Length is < 1 or > 32 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'))
            problems.Error(
                element ?? entry,
                name.Length == 0 ? "the name is missing" : $"{Quote(name)} is no name",
                "up to 32 letters, digits and _ - ."
            );
        else if (taken.Contains(name))
            problems.Error(element!, $"the name {name} occurs more than once", "another name");
        else
            return name;
        return null;
    }

    /// <summary>A flag: the element is there, and does not say off, no, false or 0.</summary>
    public static bool Flag(this ConfigElement parent, string name, Problems problems) =>
        parent.Single(name, problems) is { } flag && !IsOff(flag.Value(problems));

    /// <summary>Whether a flag's text says that it is none.</summary>
    public static bool IsOff(string text) => text.Length is > 0 and <= 5 && text.ToLowerInvariant() is "off" or "no" or "false" or "0";

    /// <summary>A whole number in decimal digits; missing or empty gives <paramref name="missing"/>.</summary>
    public static int Number(this ConfigElement parent, string name, int min, int max, int missing, Problems problems)
    {
        var element = parent.Single(name, problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0)
            return missing;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
            return number;
        problems.Error(element!, $"{Quote(text)} is not valid", FormattableString.Invariant($"a number from {min} to {max}"));
        return missing;
    }

    /// <summary>One of a list of words, in any case; missing or empty gives the first.</summary>
    public static T Word<T>(this ConfigElement parent, string name, Problems problems, params ReadOnlySpan<(string Word, T Value)> words)
    {
        var element = parent.Single(name, problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0)
            return words[0].Value;
        foreach (var (word, value) in words)
        {
            if (word.Equals(text, StringComparison.OrdinalIgnoreCase))
                return value;
        }
        problems.Error(element!, $"{Quote(text)} is not known", string.Join(", ", words.ToArray().Select(w => w.Word)));
        return words[0].Value;
    }

    /// <summary>A single address of either family; null when missing, or when it was an error.</summary>
    public static AddressPrefix? Address(this ConfigElement parent, string name, Problems problems) =>
        parent.Single(name, problems) is { } element && element.Value(problems).Length > 0 ? element.Address(problems) : null;

    public static AddressPrefix? Address(this ConfigElement element, Problems problems)
    {
        var text = element.Value(problems);
        if (AddressPrefix.TryParseAddress(text, out var address, out var ipv6))
            return new AddressPrefix(address, ipv6, ipv6 ? 128 : 32);
        problems.Error(element, $"{Quote(text)} is not an address", "an IPv4 or IPv6 address without prefix length");
        return null;
    }

    /// <summary>Names of interfaces and the like: a letter, then letters, digits, underscore; at most 32.</summary>
    public static bool IsName(string text) =>
        text.Length is >= 1 and <= 32 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    /// <summary>Text of the file inside a message: one line, printable, short.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"", 48);
        foreach (var c in text)
        {
            if (quoted.Length > 40)
            {
                quoted.Append("...");
                break;
            }
            quoted.Append(char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '?' : c);
        }
        return quoted.Append('"').ToString();
    }
}
