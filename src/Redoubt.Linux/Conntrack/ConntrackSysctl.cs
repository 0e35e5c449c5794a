using System.Globalization;

namespace Redoubt.Linux.Conntrack;

/// <summary>
/// /proc/sys/net/netfilter of the calling thread's network namespace. Nothing throws: false where the tracker is not
/// there or the kernel refuses (nf_conntrack_max is read-only in every namespace but the first).
/// </summary>
public static class ConntrackSysctl
{
    private const string Directory = "/proc/sys/net/netfilter/";

    /// <summary>
    /// nf_conntrack_events = 1: with 2, the default, entries that came while nobody listened stay silent for ever.
    /// Must be set before the rules that track.
    /// </summary>
    public static bool EnableEvents() => TryWrite("nf_conntrack_events", 1);

    /// <summary>nf_conntrack_tcp_loose: true lets a segment in the middle of an unknown connection open an entry.</summary>
    public static bool SetTcpLoose(bool loose) => TryWrite("nf_conntrack_tcp_loose", loose ? 1 : 0);

    /// <summary>nf_conntrack_tcp_be_liberal: true where every connection accepts segments outside its window.</summary>
    public static bool TryGetTcpBeLiberal(out bool liberal)
    {
        var known = TryRead("nf_conntrack_tcp_be_liberal", out var value);
        liberal = value != 0;
        return known;
    }

    /// <summary>nf_conntrack_max: how many entries the table takes.</summary>
    public static bool TryGetMax(out long max) => TryRead("nf_conntrack_max", out max);

    /// <summary>nf_conntrack_count: how many entries the table has.</summary>
    public static bool TryGetCount(out long count) => TryRead("nf_conntrack_count", out count);

    /// <summary>Reads a number, for example the lifetime of a class: "nf_conntrack_udp_timeout", in seconds.</summary>
    public static bool TryRead(string name, out long value)
    {
        value = 0;
        if (!IsName(name))
            return false;
        try
        {
            return long.TryParse(
                File.ReadAllText(Directory + name).AsSpan().Trim(),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out value
            );
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Writes a number.</summary>
    public static bool TryWrite(string name, long value)
    {
        if (!IsName(name))
            return false;
        try
        {
            // WriteAllText would create and truncate, which procfs knows nothing of.
            using var file = new FileStream(Directory + name, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            Span<byte> text = stackalloc byte[20];
            value.TryFormat(text, out var length, default, CultureInfo.InvariantCulture);
            file.Write(text[..length]);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool IsName(string name) =>
        name.StartsWith("nf_", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);
}
