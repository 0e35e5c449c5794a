namespace Redoubt.Core.Roles;

/// <summary>What is to be done about a role-bound service.</summary>
public enum ServiceAction
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Start it.</summary>
    Start,

    /// <summary>Ask it to end: SIGTERM; for a unit, <c>systemctl stop</c>.</summary>
    Stop,

    /// <summary>End it: SIGKILL to its process group; for a unit, end the systemctl that takes too long.</summary>
    Kill,
}
