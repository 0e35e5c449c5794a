using System.Text;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon;

/// <summary>Small files of the state directory: written whole and durable before the call returns, or not at all.</summary>
internal static class StateFile
{
    /// <summary>Writes beside, syncs, renames, syncs the directory. Throws <see cref="IOException"/> when the disk refuses.</summary>
    public static void Write(string path, string text)
    {
        var pending = path + ".pending";
        using (var stream = new FileStream(pending, FileMode.Create, FileAccess.Write))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }
        File.Move(pending, path, overwrite: true);
        SyncDirectory(path);
    }

    /// <summary>Deletes; no file is no fault.</summary>
    public static void Delete(string path)
    {
        File.Delete(path);
        SyncDirectory(path);
    }

    private static void SyncDirectory(string path)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var descriptor = LibC.Open(directory, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
        if (descriptor < 0)
            return;
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
        LibC.FSync(handle);
    }
}
