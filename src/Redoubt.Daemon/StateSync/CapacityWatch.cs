using Redoubt.Core;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Raises an alarm while the kernel has no room for peers' states. What does not fit is tried again with every walk over the table: the alarm is over when one
/// passed without a refusal.
/// </summary>
/// <param name="scanPeriod">Time of a walk.</param>
internal sealed class CapacityWatch(TimeSpan scanPeriod)
{
    /// <summary>The alarm's id.</summary>
    public const string AlarmId = "state-sync-table-full";

    private const string Text =
        "state sync: the kernel's table of connections is full (nf_conntrack_max): states of peers are missing here and would not outlive a failover";

    private bool _isRaised;
    private long _before;
    private Instant _last;

    /// <summary>Compares how often the kernel had no room until now.</summary>
    public void Look(Instant now, long refusals, Action<string, string?>? alarm)
    {
        if (refusals > _before)
        {
            (_before, _last) = (refusals, now);
            if (!_isRaised)
                alarm?.Invoke(AlarmId, Text);
            _isRaised = true;
        }
        else if (_isRaised && now - _last >= 1.5 * scanPeriod)
            Clear(alarm);
    }

    /// <summary>Nothing is put in any more.</summary>
    public void Clear(Action<string, string?>? alarm)
    {
        if (_isRaised)
            alarm?.Invoke(AlarmId, null);
        _isRaised = false;
    }
}
