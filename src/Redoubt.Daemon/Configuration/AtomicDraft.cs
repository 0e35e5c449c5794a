using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Configuration;

/// <summary>What a file will hold, written and synced beside it. <see cref="Commit"/> makes it the file; disposed before that, it is gone.</summary>
internal sealed class AtomicDraft : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly SafeFileHandle _directory;
    private readonly string _path;
    private bool _isCommitted;

    private AtomicDraft(string path, SafeFileHandle directory) => (_path, _directory) = (path, directory);

    private string Draft => _path + AtomicFile.Draft;

    /// <summary>Writes it, with the mode of the file that it will replace. Throws as <see cref="AtomicFile.Write"/>; then there is none.</summary>
    public static AtomicDraft Of(string path, ReadOnlySpan<byte> content)
    {
        path = Target(path);
        var draft = new AtomicDraft(path, AtomicFile.OpenDirectory(path)); // whatever can fail does so before the new file is seen
        try
        {
            draft.Write(content);
        }
        catch
        {
            draft.Dispose();
            throw;
        }
        return draft;
    }

    /// <summary>Makes it the file, durable when it returns. Throws as <see cref="AtomicFile.Write"/>.</summary>
    public void Commit()
    {
        File.Move(Draft, _path, overwrite: true);
        _isCommitted = true;
        if (LibC.FSync(_directory) != 0)
            throw new NotDurableException($"{Path.GetDirectoryName(_path)} cannot be synced: {Errno.Last}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _directory.Dispose();
        if (_isCommitted)
            return;
        try
        {
            File.Delete(Draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What kept it from being committed is what the caller hears of; the next draft overwrites it.
        }
    }

    private void Write(ReadOnlySpan<byte> content)
    {
        var mode = File.Exists(_path) ? File.GetUnixFileMode(_path) : Private;
        File.Delete(Draft); // with another mode, perhaps
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = Private,
            BufferSize = 0,
        };
        using var stream = new FileStream(Draft, options);
        RandomAccess.Write(stream.SafeFileHandle, content, 0);
        File.SetUnixFileMode(stream.SafeFileHandle, mode);
        RandomAccess.FlushToDisk(stream.SafeFileHandle);
    }

    // A link to the file stays a link.
    private static string Target(string path) =>
        new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path : path;
}
