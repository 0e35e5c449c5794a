using System.Globalization;

namespace Redoubt.Core.Configuration;

/// <summary>One thing that is wrong, or not acted on, in a configuration file.</summary>
/// <param name="IsError">True: the file is refused. False: a warning; the file is taken.</param>
/// <param name="File">The file's name as the caller gave it.</param>
/// <param name="Line">Line of the element, from 1; 0 when there is none.</param>
/// <param name="Element">Path from the root, e.g. "virtualip/vip[2]/vhid"; the index counts from 1 among elements of the same name.</param>
/// <param name="Message">What is wrong. Never holds a secret.</param>
/// <param name="Expected">What would be right; empty when the message says it.</param>
public sealed record ConfigurationProblem(bool IsError, string File, int Line, string Element, string Message, string Expected)
{
    /// <inheritdoc />
    public override string ToString()
    {
        var expected = Expected.Length == 0 ? "" : $" (expected: {Expected})";
        var kind = IsError ? "error" : "warning";
        return string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}: {kind}: {Element}: {Message}{expected}");
    }
}
