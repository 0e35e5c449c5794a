using System.Diagnostics.CodeAnalysis;

namespace Redoubt.Cli;

/// <summary>A file named on the command line, read whole up to a limit; pipes and devices too.</summary>
internal static class InputFile
{
    public static bool TryRead(string path, int limit, [NotNullWhen(true)] out byte[]? bytes, [NotNullWhen(false)] out string? why)
    {
        bytes = null;
        why = null;
        try
        {
            using var file = File.OpenRead(path);
            using var copy = new MemoryStream();
            var block = new byte[1 << 16];
            for (int read; (read = file.Read(block)) > 0; )
            {
                if (copy.Length + read > limit)
                {
                    why = $"{path}: larger than {limit} bytes";
                    return false;
                }
                copy.Write(block, 0, read);
            }
            bytes = copy.ToArray();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            why = $"{path}: {e.Message}";
            return false;
        }
    }
}
