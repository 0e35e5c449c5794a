namespace Redoubt.Core.Configuration;

/// <summary>What a network device may be called.</summary>
public static class DeviceName
{
    /// <summary>Characters: the kernel's IFNAMSIZ is 16 with the closing zero.</summary>
    public const int MaxLength = 15;

    /// <summary>
    /// 1..15 of letters, digits and . _ - @ +. The kernel takes more; nft reads '*' as a wildcard and has no escape for a quotation mark,
    /// so names with such characters are refused.
    /// </summary>
    public static bool IsValid(string name) =>
        name.Length is >= 1 and <= MaxLength
        && name is not ("." or "..")
        && char.IsAsciiLetterOrDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@' or '+');
}
