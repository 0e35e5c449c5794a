using Redoubt.Control;

namespace Redoubt.Daemon.Events;

/// <summary>The node's events.</summary>
public sealed class EventLog : IDisposable
{
    /// <summary>Opens the log; without a state directory it lives in memory only.</summary>
    public EventLog(string? stateDirectory, TimeProvider? clock = null)
    {
        _ = (stateDirectory, clock);
    }

    /// <summary>Adds an event. Never waits for the disk, never throws; safe from every thread.</summary>
    public void Add(
        EventKind kind,
        string message,
        string? @interface = null,
        byte? vhid = null,
        string? from = null,
        string? to = null,
        string? reason = null,
        string? alarm = null
    )
    {
        _ = (kind, message, @interface, vhid, from, to, reason, alarm);
    }

    /// <inheritdoc />
    public void Dispose() { }
}
