using Redoubt.Core.Configuration.Document;

namespace Redoubt.Daemon.Configuration;

/// <summary>A document without its secrets.</summary>
internal static class ConfigRedaction
{
    /// <summary>The same document with passwords, keys and hashes as ***.</summary>
    public static ConfigDocument Of(ConfigDocument document) => document.With(Of(document.Root));

    // As deep as the reader lets a document be.
    private static ConfigNode Of(ConfigNode node) =>
        !node.Children.IsEmpty ? node.WithChildren([.. node.Children.Select(Of)])
        : node.Text.Length > 0 && ConfigTags.IsSecret(node.Name) ? node.WithText(ConfigTags.Masked)
        : node;
}
