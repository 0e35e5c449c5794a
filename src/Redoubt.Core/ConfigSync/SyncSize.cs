using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>Whether a candidate, once written, can be read again.</summary>
internal static class SyncSize
{
    // Of an element that is written anew: its two tags with their brackets, its indentation and line end, its CDATA.
    private const int PerElement = 24;

    /// <summary>Why it is too large, or null.</summary>
    public static string? Refusal(ConfigNode root)
    {
        var elements = 0;
        var bytes = 0L;
        Count(root, ref elements, ref bytes);
        if (elements > ConfigurationLimits.Elements)
            return "the configuration would have too many elements";
        return bytes > ConfigurationLimits.FileBytes ? "the configuration would be larger than 64 MiB" : null;
    }

    // An upper bound for the text that a push can bring: escaped twice at most where it may be, three bytes a character.
    private static void Count(ConfigNode node, ref int elements, ref long bytes)
    {
        elements++;
        if (node.IsAsWritten)
            bytes += node.Place.End - node.Place.Start;
        else
        {
            bytes += PerElement + (2L * node.Name.Length) + node.Text.Length;
            foreach (var c in node.Text)
                bytes +=
                    c > 0x7F ? 2
                    : c is '&' or '<' or '>' or '"' or '\'' or '\r' ? 8
                    : 0;
        }
        foreach (var child in node.Children)
        {
            if (node.IsAsWritten)
                CountElements(child, ref elements);
            else
                Count(child, ref elements, ref bytes);
        }
    }

    private static void CountElements(ConfigNode node, ref int elements)
    {
        elements++;
        foreach (var child in node.Children)
            CountElements(child, ref elements);
    }
}
