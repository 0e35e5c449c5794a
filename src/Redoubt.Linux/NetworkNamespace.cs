using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux;

/// <summary>A network namespace held open by a descriptor; it vanishes with the last one. Needs CAP_SYS_ADMIN in the user namespace.</summary>
public sealed class NetworkNamespace : IDisposable
{
    private NetworkNamespace(SafeFileHandle handle) => Handle = handle;

    /// <summary>The descriptor, for IFLA_NET_NS_FD.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Makes a new, empty namespace; the calling thread stays where it is.</summary>
    public static NetworkNamespace Create()
    {
        NetworkNamespace? created = null;
        OnThread(() =>
        {
            if (LibC.Unshare(LibC.CLONE_NEWNET) != 0)
                throw new KernelException("unshare network namespace", Errno.Last);
            created = Current();
        });
        return created!;
    }

    /// <summary>The namespace of the calling thread.</summary>
    public static NetworkNamespace Current()
    {
        var descriptor = LibC.Open("/proc/thread-self/ns/net", LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (descriptor < 0)
            throw new KernelException("open /proc/thread-self/ns/net", Errno.Last);
        return new NetworkNamespace(new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>
    /// Runs an action inside the namespace on a thread of its own and waits for it. Sockets opened there and threads and
    /// processes started there stay in the namespace. What the action throws is thrown here.
    /// </summary>
    public void Run(Action action) =>
        OnThread(() =>
        {
            if (LibC.SetNamespace(Handle, LibC.CLONE_NEWNET) != 0)
                throw new KernelException("setns", Errno.Last);
            action();
        });

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();

    // A thread that changed its namespace must end: it can not go back to the pool.
    private static void OnThread(Action action)
    {
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
#pragma warning disable CA1031 // carried over to the caller
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
