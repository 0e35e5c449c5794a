using System.Runtime.InteropServices;

namespace Redoubt.Linux.Interop;

/// <summary>What the kernel answered: 0 for success or a positive errno of Linux. Callers name those they expect.</summary>
public readonly record struct Errno(int Value)
{
    /// <summary>Success.</summary>
    public static readonly Errno None = new(0);

    /// <summary>EPERM, 1.</summary>
    public static readonly Errno NotPermitted = new(1);

    /// <summary>ENOENT, 2.</summary>
    public static readonly Errno NoEntry = new(2);

    /// <summary>EINTR, 4.</summary>
    public static readonly Errno Interrupted = new(4);

    /// <summary>EAGAIN, 11.</summary>
    public static readonly Errno TryAgain = new(11);

    /// <summary>ENOMEM, 12.</summary>
    public static readonly Errno NoMemory = new(12);

    /// <summary>EBUSY, 16.</summary>
    public static readonly Errno Busy = new(16);

    /// <summary>EEXIST, 17.</summary>
    public static readonly Errno Exists = new(17);

    /// <summary>ENODEV, 19.</summary>
    public static readonly Errno NoDevice = new(19);

    /// <summary>EINVAL, 22.</summary>
    public static readonly Errno Invalid = new(22);

    /// <summary>ENETDOWN, 100.</summary>
    public static readonly Errno NoSpace = new(28);
    public static readonly Errno NotSupported = new(95);
    public static readonly Errno NetworkDown = new(100);

    /// <summary>ENOBUFS, 105: a socket's queue overran.</summary>
    public static readonly Errno NoBufferSpace = new(105);

    /// <summary>EADDRNOTAVAIL, 99.</summary>
    public static readonly Errno AddressNotAvailable = new(99);

    /// <summary>ESRCH, 3.</summary>
    public static readonly Errno NoSuchProcess = new(3);

    /// <summary>True when nothing went wrong.</summary>
    public bool IsSuccess => Value == 0;

    /// <summary>The errno of the last failed call on this thread.</summary>
    public static Errno Last => new(Marshal.GetLastPInvokeError());

    /// <inheritdoc />
    public override string ToString() => IsSuccess ? "success" : $"{Marshal.GetPInvokeErrorMessage(Value)} (errno {Value})";
}
