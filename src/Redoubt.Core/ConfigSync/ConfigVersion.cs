using System.Globalization;

namespace Redoubt.Core.ConfigSync;

/// <summary>Whether a peer understands the configuration: pfSense compares the versions of the two files before a push.</summary>
public enum VersionVerdict : byte
{
    /// <summary>The same version.</summary>
    Same,

    /// <summary>The peer did not tell its version.</summary>
    Unknown,

    /// <summary>Another version: nothing is pushed.</summary>
    Different,
}

/// <summary>Compares the text of <c>version</c> as pfSense does: as numbers where both are numbers.</summary>
public static class ConfigVersion
{
    /// <summary>Compares.</summary>
    public static VersionVerdict Compare(string own, string? peer)
    {
        own = own.Trim();
        peer = peer?.Trim();
        if (string.IsNullOrEmpty(peer))
            return VersionVerdict.Unknown;
        if (own == peer)
            return VersionVerdict.Same;
        return TryNumber(own, out var a) && TryNumber(peer, out var b) && a == b ? VersionVerdict.Same : VersionVerdict.Different;
    }

    /// <summary>What the operator reads on both nodes; empty where the push goes ahead.</summary>
    public static string Message(VersionVerdict verdict, string own, string? peer) =>
        verdict switch
        {
            VersionVerdict.Unknown =>
                "The configuration version of the other member could not be determined. Skipping synchronization to avoid causing a problem!",
            VersionVerdict.Different =>
                $"The other member is on a different configuration version ({Shown(peer ?? "")}, this node: {Shown(own)}). Sync will not be done to prevent problems!",
            _ => "",
        };

    private static string Shown(string version) =>
        version.Length <= 32 && version.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-') ? version : "?";

    private static bool TryNumber(string text, out decimal number) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
}
