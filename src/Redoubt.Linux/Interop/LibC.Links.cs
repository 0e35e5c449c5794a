using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Linux.Interop;

internal static unsafe partial class LibC
{
    public const int IPPROTO_IPV6 = 41;
    public const int IP_ADD_MEMBERSHIP = 35;
    public const int IP_MULTICAST_LOOP = 34;
    public const int IPV6_MULTICAST_LOOP = 19;
    public const int IPV6_ADD_MEMBERSHIP = 20;
    public const int IPV6_RECVPKTINFO = 49;
    public const int IPV6_V6ONLY = 26;
    public const int IPV6_PKTINFO = 50;
    public const int IPV6_RECVHOPLIMIT = 51;
    public const int IPV6_HOPLIMIT = 52;
    public const int SOL_PACKET = 263;
    public const int PACKET_ADD_MEMBERSHIP = 1;
    public const int PACKET_MR_PROMISC = 1;
    public const int PACKET_MR_ALLMULTI = 2;
    public const int PACKET_OTHERHOST = 3;
    public const int PACKET_OUTGOING = 4;
    public const int SO_ATTACH_FILTER = 26;
    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
    public const int CLONE_NEWNET = 0x40000000;

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(SafeFileHandle descriptor, int kind);

    /// <summary>Sets an option of raw bytes; the errno is returned, not thrown.</summary>
    public static Errno SetOption(SafeFileHandle socket, int level, int name, ReadOnlySpan<byte> value)
    {
        fixed (byte* pointer = value)
            return SetSocketOption(socket, level, name, pointer, value.Length) == 0 ? Errno.None : Errno.Last;
    }
}
