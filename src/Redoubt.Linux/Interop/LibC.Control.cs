using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Redoubt.Linux.Interop;

internal static unsafe partial class LibC
{
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int SO_PEERCRED = 17;
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const uint STATX_TYPE = 1;
    public const uint STATX_MODE = 2;
    public const uint STATX_UID = 8;
    public const ushort S_IFMT = 0xf000;
    public const ushort S_IFSOCK = 0xc000;
    public const ushort S_IFDIR = 0x4000;
    public const ushort S_IFREG = 0x8000;

    /// <summary>struct statx: the same on every machine, unlike struct stat. Only kind, mode and owner are asked for here.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct StatX
    {
        [FieldOffset(20)]
        public uint Owner;

        [FieldOffset(28)]
        public ushort Mode;
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int FLock(SafeFileHandle descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int StatXOf(int directory, string path, int flags, uint mask, StatX* result);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ChMod(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int FChMod(SafeFileHandle descriptor, uint mode);
}
