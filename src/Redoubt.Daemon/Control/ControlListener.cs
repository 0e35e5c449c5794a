using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Redoubt.Control;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.Control;

/// <summary>
/// Opens the listening socket at a path: a socket that a killed predecessor left is replaced, one that somebody serves is not,
/// and a file that is no socket is never removed.
/// </summary>
internal static class ControlListener
{
    private const uint Mode = 0x1b0; // 0660
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(5);

    /// <summary>Throws <see cref="IOException"/> with a sentence for people when the socket cannot be opened.</summary>
    public static Socket Open(string path, int backlog)
    {
        if (Encoding.UTF8.GetByteCount(path) > ControlLimits.SocketPath)
            throw new IOException($"control socket {path}: the path is longer than {ControlLimits.SocketPath} bytes");
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        Socket? socket = null;
        try
        {
            Directory.CreateDirectory(directory);
            // Two daemons that start at once must not both find a dead socket and replace each other's.
            using var turn = Lock(directory);
            RemoveDead(path);
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            if (LibC.ChMod(path, Mode) != 0) // before listen: nobody can connect until then
                throw new IOException($"control socket {path}: {Errno.Last}");
            socket.Listen(backlog);
            return socket;
        }
        catch (Exception e) when (e is SocketException or UnauthorizedAccessException or IOException)
        {
            socket?.Dispose();
            throw e as IOException ?? new IOException($"control socket {path}: {e.Message}", e);
        }
    }

    private static SafeFileHandle Lock(string directory)
    {
        var descriptor = LibC.Open(directory, LibC.O_RDONLY | LibC.O_DIRECTORY | LibC.O_CLOEXEC);
        if (descriptor < 0)
            throw new IOException($"{directory}: {Errno.Last}");
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        var begin = TimeProvider.System.GetTimestamp();
        while (LibC.FLock(handle, LibC.LOCK_EX | LibC.LOCK_NB) != 0)
        {
            if (TimeProvider.System.GetElapsedTime(begin) > LockLimit)
            {
                handle.Dispose();
                throw new IOException($"{directory}: another process keeps it locked");
            }
            Thread.Sleep(20);
        }
        return handle;
    }

    private static unsafe void RemoveDead(string path)
    {
        LibC.StatX stat;
        if (LibC.StatXOf(LibC.AT_FDCWD, path, LibC.AT_SYMLINK_NOFOLLOW, LibC.STATX_TYPE, &stat) != 0)
        {
            var error = Errno.Last;
            if (error == Errno.NoEntry)
                return;
            throw new IOException($"control socket {path}: {error}");
        }
        if ((stat.Mode & LibC.S_IFMT) != LibC.S_IFSOCK)
            throw new IOException($"control socket {path}: a file that is not a socket stands there");
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // somebody listens and is busy or stopped
        }
        throw new IOException($"control socket {path}: another daemon serves it");
    }
}
