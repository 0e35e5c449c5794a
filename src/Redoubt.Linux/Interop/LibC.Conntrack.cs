using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Linux.Interop;

internal static unsafe partial class LibC
{
    /// <summary>struct mmsghdr: a message header and the length that was received into it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MultiMessageHeader
    {
        public MessageHeader Header;
        public uint Length;
    }

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(
        SafeFileHandle socket,
        MultiMessageHeader* messages,
        uint count,
        int flags,
        TimeSpec* timeout
    );
}
