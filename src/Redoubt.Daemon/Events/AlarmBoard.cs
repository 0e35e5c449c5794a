using System.Collections.Immutable;
using Redoubt.Control;

namespace Redoubt.Daemon.Events;

/// <summary>How bad an alarm is.</summary>
public enum AlarmSeverity
{
    /// <summary>The node works, but with less than it should have.</summary>
    Degraded,

    /// <summary>The node cannot do its job.</summary>
    Failed,
}

/// <summary>One raised alarm.</summary>
/// <param name="Id">Stable name, e.g. "carp-bad-digest lan@1"; raising it again replaces the text.</param>
/// <param name="Text">One sentence for people.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Since">When it was raised, UTC.</param>
public sealed record Alarm(string Id, string Text, AlarmSeverity Severity, DateTimeOffset Since);

/// <summary>The alarms that are raised now. Safe from every thread.</summary>
public sealed class AlarmBoard
{
    /// <summary>A board that tells <paramref name="events"/> of each alarm raised and cleared.</summary>
    public AlarmBoard(EventLog events, TimeProvider? clock = null)
    {
        _ = (events, clock);
    }

    /// <summary>Raises an alarm, or replaces the text of a raised one.</summary>
    public void Raise(string id, string text, AlarmSeverity severity = AlarmSeverity.Degraded)
    {
        _ = (id, text, severity);
    }

    /// <summary>Clears an alarm; no effect when it is not raised.</summary>
    public void Clear(string id)
    {
        _ = id;
    }

    /// <summary>The raised alarms, oldest first.</summary>
    public ImmutableArray<Alarm> Active { get; } = [];

    /// <summary>Health that follows from the raised alarms.</summary>
    public Health Health { get; } = Health.Healthy;

    /// <summary>The texts of the raised alarms, worst first.</summary>
    public ImmutableArray<string> Reasons { get; } = [];
}
