using System.Runtime.InteropServices;
using Redoubt.Linux.Interop;

namespace Redoubt.Lab.Processes;

internal static unsafe partial class SystemCalls
{
    /// <summary>Sends many datagrams at once; how many were taken, or -1.</summary>
    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(int socket, LibC.MultiMessageHeader* messages, uint count, int flags);
}
