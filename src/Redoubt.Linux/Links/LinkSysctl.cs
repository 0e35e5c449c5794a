using System.Globalization;

namespace Redoubt.Linux.Links;

/// <summary>
/// Network settings under /proc/sys/net of the calling thread's namespace. A name may contain dots (eth0.5): it is one path
/// component and never split.
/// </summary>
public static class LinkSysctl
{
    private const string Root = "/proc/sys/net";

    /// <summary>The path of a setting of a device, "ipv4" or "ipv6"; device may be "all" or "default".</summary>
    public static string Path(string family, string device, string key) => $"{Root}/{family}/conf/{device}/{key}";

    /// <summary>The path of a setting of a whole family: net/ipv4/ip_forward.</summary>
    public static string Path(string family, string key) => $"{Root}/{family}/{key}";

    /// <summary>Reads a number; null where the file is missing, unreadable or holds no number.</summary>
    public static int? Read(string path)
    {
        try
        {
            return int.TryParse(File.ReadAllText(path).AsSpan().Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var value)
                ? value
                : null;
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes a number; false where the kernel does not have the setting or refuses it.</summary>
    public static bool Write(string path, int value)
    {
        try
        {
            // Not File.WriteAllText: that would try to create and truncate.
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            Span<byte> text = stackalloc byte[12];
            value.TryFormat(text, out var length, provider: CultureInfo.InvariantCulture);
            stream.Write(text[..length]);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
