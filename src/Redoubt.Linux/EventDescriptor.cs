using Microsoft.Win32.SafeHandles;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux;

/// <summary>An eventfd: wakes a thread that waits in <see cref="Poller"/>. <see cref="Signal"/> may be called from any thread.</summary>
public sealed unsafe class EventDescriptor : IDisposable
{
    /// <summary>Opens it, unsignalled and non-blocking.</summary>
    public EventDescriptor()
    {
        var descriptor = LibC.EventFd(0, LibC.EFD_CLOEXEC | LibC.EFD_NONBLOCK);
        if (descriptor < 0)
            throw new KernelException("eventfd", Errno.Last);
        Handle = new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>The descriptor, for <see cref="Poller"/>.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Makes the descriptor readable. Signals that were not yet drained collapse into one.</summary>
    public void Signal()
    {
        ulong one = 1;
        LibC.Write(Handle, (byte*)&one, sizeof(ulong));
    }

    /// <summary>Takes the signal back; call it before looking at what was signalled.</summary>
    public void Drain()
    {
        ulong count;
        LibC.Read(Handle, (byte*)&count, sizeof(ulong));
    }

    /// <inheritdoc />
    public void Dispose() => Handle.Dispose();
}
