using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Linux.Interop;

internal static unsafe partial class LibC
{
    public const int O_RDWR = 2;
    public const int O_NONBLOCK = 0x800;
    public const ushort IFF_TAP = 0x0002;
    public const ushort IFF_NO_PI = 0x1000;
    public const ulong TUNSETIFF = 0x400454ca;
    public const ulong TUNSETOFFLOAD = 0x400454d0;

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int IoControl(SafeFileHandle descriptor, ulong request, byte* argument);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    public static partial int IoControl(SafeFileHandle descriptor, ulong request, ulong argument);
}
