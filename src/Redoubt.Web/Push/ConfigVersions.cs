using System.Globalization;

namespace Redoubt.Web.Push;

/// <summary>Versions of configurations, compared as PHP compares texts that look like numbers: 24.5 is 24.50.</summary>
public static class ConfigVersions
{
    /// <summary>True when both name the same version.</summary>
    public static bool AreEqual(string a, string b)
    {
        (a, b) = (a.Trim(), b.Trim());
        const NumberStyles Styles = NumberStyles.AllowDecimalPoint;
        return
            decimal.TryParse(a, Styles, CultureInfo.InvariantCulture, out var x)
            && decimal.TryParse(b, Styles, CultureInfo.InvariantCulture, out var y)
            ? x == y
            : a == b;
    }
}
