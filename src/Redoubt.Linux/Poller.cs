using Microsoft.Win32.SafeHandles;
using Redoubt.Core;
using Redoubt.Linux.Interop;

namespace Redoubt.Linux;

/// <summary>
/// Waits for a few descriptors or an instant of the boot clock, whichever comes first (ppoll). Allocates nothing while waiting.
/// Owned by one thread.
/// </summary>
public sealed unsafe class Poller : IDisposable
{
    /// <summary>Most descriptors one poller takes.</summary>
    public const int SlotLimit = 4096;

    private static readonly TimeSpan _longest = TimeSpan.FromHours(1);
    private readonly List<SafeFileHandle> _handles = [];
    private LibC.PollDescriptor[] _descriptors = new LibC.PollDescriptor[16];

    /// <summary>Adds a descriptor and returns its slot. The poller keeps it open until <see cref="Dispose"/>.</summary>
    public int Add(SafeFileHandle handle)
    {
        if (_handles.Count == SlotLimit)
            throw new InvalidOperationException($"a poller takes at most {SlotLimit} descriptors");
        var added = false;
        handle.DangerousAddRef(ref added);
        if (_handles.Count == _descriptors.Length)
            Array.Resize(ref _descriptors, _descriptors.Length * 2);
        _descriptors[_handles.Count] = new LibC.PollDescriptor { Descriptor = (int)handle.DangerousGetHandle(), Events = LibC.POLLIN };
        _handles.Add(handle);
        return _handles.Count - 1;
    }

    /// <summary>
    /// Waits until a descriptor is readable or <paramref name="deadline"/> is reached; a deadline in the past only looks. An
    /// interrupted wait returns early with nothing readable: callers look at the clock anyway.
    /// </summary>
    public void Wait(Instant deadline)
    {
        var left = deadline - BootClock.Now;
        left =
            left < TimeSpan.Zero ? TimeSpan.Zero
            : left > _longest ? _longest
            : left;
        var ticks = left.Ticks;
        var timeout = new LibC.TimeSpec
        {
            Seconds = ticks / TimeSpan.TicksPerSecond,
            Nanoseconds = ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick,
        };
        fixed (LibC.PollDescriptor* descriptors = _descriptors)
        {
            if (LibC.PPoll(descriptors, (nuint)_handles.Count, &timeout, 0) >= 0)
                return;
            for (var i = 0; i < _handles.Count; i++)
                descriptors[i].ReturnedEvents = 0;
        }
    }

    /// <summary>Lets a span pass, whatever becomes readable meanwhile.</summary>
    public static void Pause(TimeSpan span)
    {
        var timeout = new LibC.TimeSpec { Nanoseconds = span.Ticks * TimeSpan.NanosecondsPerTick };
        LibC.PPoll(null, 0, &timeout, 0);
    }

    /// <summary>Whether the last wait found something to read (or an error to be read) on a slot.</summary>
    public bool IsReadable(int slot) => _descriptors[slot].ReturnedEvents != 0;

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var handle in _handles)
            handle.DangerousRelease();
        _handles.Clear();
    }
}
