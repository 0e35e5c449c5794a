using Redoubt.Linux.Interop;

namespace Redoubt.Linux;

/// <summary>Whose a file is and who may write it, which decides whether the daemon may run it.</summary>
/// <param name="IsDirectory">A directory.</param>
/// <param name="IsFile">A regular file.</param>
/// <param name="User">Its owner's user id.</param>
/// <param name="Mode">The twelve permission bits.</param>
public readonly record struct FileOwner(bool IsDirectory, bool IsFile, uint User, int Mode)
{
    private const int WritableByOthers = 0b000_010_010;
    private const int Executable = 0b001_001_001;

    /// <summary>Somebody may execute it.</summary>
    public bool IsExecutable => (Mode & Executable) != 0;

    /// <summary>Reads it, links followed; null where there is none, or the kernel does not say.</summary>
    public static unsafe FileOwner? TryRead(string path)
    {
        LibC.StatX stat;
        if (LibC.StatXOf(LibC.AT_FDCWD, path, 0, LibC.STATX_TYPE | LibC.STATX_MODE | LibC.STATX_UID, &stat) != 0)
            return null;
        var kind = stat.Mode & LibC.S_IFMT;
        return new FileOwner(kind == LibC.S_IFDIR, kind == LibC.S_IFREG, stat.Owner, stat.Mode & 0xfff);
    }

    /// <summary>Null where only root and this process's user can change it; else what is wrong, as the end of a sentence.</summary>
    public string? Distrust()
    {
        if ((Mode & WritableByOthers) != 0)
            return "may be written by others than its owner";
        return User == 0 || User == LibC.GetEffectiveUserId() ? null : FormattableString.Invariant($"belongs to user {User}");
    }
}
