using System.Globalization;
using System.Runtime.InteropServices;

namespace Redoubt.Web;

/// <summary>
/// Makes way for the election: what strangers ask of this process costs handshakes and parsing, and the daemon on the same machine has deadlines of milliseconds.
/// </summary>
internal static partial class Niceness
{
    private const int PRIO_PROCESS = 0; // with the id of a thread: that thread alone
    private const int Web = 10;

    /// <summary>Lowers the priority of every thread there is; those to come take it over. Where the kernel refuses, nothing is lost.</summary>
    public static void Lower()
    {
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            if (uint.TryParse(Path.GetFileName(task), NumberStyles.None, CultureInfo.InvariantCulture, out var thread))
                _ = setpriority(PRIO_PROCESS, thread, Web);
        }
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
