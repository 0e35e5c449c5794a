using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Redoubt.Web.Requests;

/// <summary>The headers by which our nodes tell where a push came from. pfSense sends none of them; one that is not as we write it is refused.</summary>
internal static class LoopHeaders
{
    /// <summary>Id of the node where the change was made.</summary>
    public const string Origin = "X-Redoubt-Origin";

    /// <summary>Ids of the nodes that passed it on, the origin first, comma separated.</summary>
    public const string Path = "X-Redoubt-Path";

    /// <summary>The origin's count of its pushes.</summary>
    public const string Generation = "X-Redoubt-Generation";

    // Eight nodes; a longer path has a ring in it.
    private const int MostHops = 16;

    /// <summary>Reads them; false where one is malformed.</summary>
    public static bool TryRead(IHeaderDictionary headers, out string? origin, out ImmutableArray<string> path, out long? generation)
    {
        (origin, path, generation) = (null, [], null);
        if (headers.TryGetValue(Origin, out var text))
        {
            origin = text.ToString();
            if (!IsNode(origin))
                return false;
        }
        if (headers.TryGetValue(Generation, out text))
        {
            if (!long.TryParse(text.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return false;
            generation = number;
        }
        if (headers.TryGetValue(Path, out text) && text.ToString().Length > 0)
            path = [.. text.ToString().Split(',', StringSplitOptions.TrimEntries)];
        return path.Length <= MostHops && path.All(IsNode);
    }

    private static bool IsNode(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
