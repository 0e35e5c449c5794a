using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Configuration;

/// <summary>A file that is the old one or the new one, whenever the power fails: written beside, synced, renamed, and the directory synced.</summary>
internal static class AtomicFile
{
    /// <summary>What a draft's name ends in; one that a dead process left is overwritten by the next.</summary>
    public const string Draft = ".draft";

    /// <summary>
    /// Durable when it returns. Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> where the disk refuses; then the old
    /// file stands and the draft is gone. <see cref="NotDurableException"/>: the new file stands, and a power failure may bring the old one back. A new file is for its
    /// owner alone, a replaced one keeps its mode.
    /// </summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        using var draft = AtomicDraft.Of(path, content);
        draft.Commit();
    }

    /// <summary>Deletes for good; no file is no fault.</summary>
    public static void Delete(string path)
    {
        using var directory = OpenDirectory(path);
        File.Delete(path);
        if (LibC.FSync(directory) != 0)
            throw new NotDurableException($"{Path.GetDirectoryName(path)} cannot be synced: {Errno.Last}");
    }

    /// <summary>Reads a whole file of at most <paramref name="limit"/> bytes; null where it is missing, larger, or cannot be read.</summary>
    public static byte[]? TryRead(string path, long limit)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var length = RandomAccess.GetLength(file);
            if (length > limit)
                return null;
            var content = new byte[length];
            var filled = 0;
            for (int read; filled < content.Length && (read = RandomAccess.Read(file, content.AsSpan(filled), filled)) > 0; )
                filled += read;
            return filled == content.Length ? content : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    // The framework cannot open a directory.
    internal static SafeFileHandle OpenDirectory(string path)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var descriptor = LibC.Open(directory, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw new IOException($"{directory}: {Errno.Last}");
    }
}

/// <summary>What was written is there, and the disk did not confirm it.</summary>
internal sealed class NotDurableException(string message) : IOException(message);
