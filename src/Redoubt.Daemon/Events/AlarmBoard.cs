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

/// <summary>
/// The alarms that are raised now. Safe from every thread. Raising and clearing is an event each, but at most
/// <see cref="EventsPerMinute"/>: who can make an alarm flap from outside must not wash the other events out of the log.
/// </summary>
public sealed class AlarmBoard
{
    /// <summary>Alarms raised at the same time; more are counted and shown as one.</summary>
    public const int Limit = 256;

    /// <summary>Events that the board writes in a minute.</summary>
    public const int EventsPerMinute = 60;

    private readonly Lock _gate = new();
    private readonly EventLog _events;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, Alarm> _raised = [];
    private long _overflow;
    private long _minute; // timestamp at which the running minute began
    private int _eventsInMinute;
    private int _suppressed;

    /// <summary>A board that tells <paramref name="events"/> of each alarm raised and cleared, and takes that log's own trouble
    /// with its disk as the alarm "event-log".</summary>
    public AlarmBoard(EventLog events, TimeProvider? clock = null)
    {
        _events = events;
        _clock = clock ?? TimeProvider.System;
        _minute = _clock.GetTimestamp();
        events.DiskTrouble += trouble =>
        {
            if (trouble is null)
                Clear("event-log");
            else
                Raise("event-log", trouble);
        };
    }

    /// <summary>The raised alarms, oldest first.</summary>
    public ImmutableArray<Alarm> Active
    {
        get
        {
            lock (_gate)
                return [.. _raised.Values.OrderBy(a => a.Since).ThenBy(a => a.Id, StringComparer.Ordinal)];
        }
    }

    /// <summary>Alarms that could not be kept since more than <see cref="Limit"/> were raised; 0 again when all are cleared.</summary>
    public long Overflow
    {
        get
        {
            lock (_gate)
                return _overflow;
        }
    }

    /// <summary>Health that follows from the raised alarms.</summary>
    public Health Health
    {
        get
        {
            var active = Active;
            return active.Any(a => a.Severity == AlarmSeverity.Failed) ? Health.Failed
                : active.IsEmpty ? Health.Healthy
                : Health.Degraded;
        }
    }

    /// <summary>The texts of the raised alarms, worst first.</summary>
    public ImmutableArray<string> Reasons
    {
        get
        {
            var reasons = Active.OrderByDescending(a => a.Severity).Select(a => a.Text);
            return Overflow is > 0 and var more ? [.. reasons, $"{more} more alarms were raised than can be kept"] : [.. reasons];
        }
    }

    /// <summary>Raises an alarm; of a raised one it replaces text and severity, without a new event unless it gets worse.</summary>
    public void Raise(string id, string text, AlarmSeverity severity = AlarmSeverity.Degraded)
    {
        lock (_gate)
        {
            if (_raised.TryGetValue(id, out var known))
            {
                _raised[id] = known with { Text = text, Severity = severity };
                if (severity <= known.Severity)
                    return;
            }
            else if (_raised.Count >= Limit)
            {
                _overflow++;
                return;
            }
            else
            {
                _raised.Add(id, new Alarm(id, text, severity, _clock.GetUtcNow()));
            }
            Tell(id, text, "raised");
        }
    }

    /// <summary>Clears an alarm; no effect when it is not raised.</summary>
    public void Clear(string id)
    {
        lock (_gate)
        {
            if (!_raised.Remove(id, out var alarm))
                return;
            if (_raised.Count == 0)
                _overflow = 0;
            Tell(id, $"over: {alarm.Text}", "cleared");
        }
    }

    private void Tell(string id, string message, string to)
    {
        if (_clock.GetElapsedTime(_minute) >= TimeSpan.FromMinutes(1))
        {
            _minute = _clock.GetTimestamp();
            _eventsInMinute = 0;
            if (_suppressed > 0)
                _events.Add(EventKind.Alarm, $"{_suppressed} alarm events were left out: more than {EventsPerMinute} in a minute");
            _suppressed = 0;
        }
        if (_eventsInMinute++ < EventsPerMinute)
            _events.Add(EventKind.Alarm, message, to: to, alarm: id);
        else
            _suppressed++;
    }
}
