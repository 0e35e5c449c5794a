using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Redoubt.Daemon;

/// <summary>Signals in the order they came, for the main thread.</summary>
internal sealed class SignalQueue : IDisposable
{
    private const int Limit = 16; // more of the same say nothing new
    private readonly BlockingCollection<PosixSignal> _queue = new(Limit);
    private readonly List<PosixSignalRegistration> _registrations = [];

    public SignalQueue()
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP })
        {
            _registrations.Add(
                PosixSignalRegistration.Create(
                    signal,
                    context =>
                    {
                        context.Cancel = true;
                        _queue.TryAdd(signal);
                    }
                )
            );
        }
    }

    /// <summary>Waits for the next one.</summary>
    public PosixSignal Take() => _queue.Take();

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _queue.Dispose();
    }
}
