using Redoubt.Core.Roles;
using Redoubt.Daemon.Events;

namespace Redoubt.Daemon.Election;

/// <summary>Where the election thread reports to. The delegates must not wait.</summary>
internal sealed record ElectionReports(EventLog Events, AlarmBoard Alarms)
{
    /// <summary>Told whether this node holds any address: it then forwards, and owns the states it sees.</summary>
    public required Action<bool> ForwardingChanged { get; init; }

    /// <summary>Told of the role of each vhid and each failover group, at the start and whenever it changes.</summary>
    public required Action<RoleChange> RoleChanged { get; init; }
}
