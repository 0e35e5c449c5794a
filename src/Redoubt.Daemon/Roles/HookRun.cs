using System.Globalization;
using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Roles;
using Redoubt.Daemon.Processes;

namespace Redoubt.Daemon.Roles;

/// <summary>Which program is told of a change, and with which words.</summary>
internal static class HookRun
{
    /// <summary>Who loses a role without an own word for it hears it as BACKUP: a service must end in either case.</summary>
    public static IReadOnlyList<string> Names(RoleChange change) =>
        change.State switch
        {
            CarpState.Master => [change.IsGroup ? "group-master" : "carp-master"],
            CarpState.Backup => [change.IsGroup ? "group-backup" : "carp-backup"],
            _ => change.IsGroup ? ["group-fault", "group-backup"] : ["carp-init", "carp-backup"],
        };

    /// <summary>All of a hook's environment.</summary>
    public static IReadOnlyDictionary<string, string> Environment(RoleChange change, string node)
    {
        var environment = new Dictionary<string, string>(ChildEnvironment.Basic)
        {
            ["REDOUBT_NODE"] = node,
            ["REDOUBT_STATE"] = change.StateText,
            ["REDOUBT_REASON"] = new string([.. change.Reason.Select(c => char.IsControl(c) ? ' ' : c)]),
            ["REDOUBT_GROUP"] = change.Group,
        };
        if (!change.IsGroup)
            environment["REDOUBT_DEVICE"] = change.Device;
        if (change.Epoch is { } epoch)
            environment["REDOUBT_EPOCH"] = epoch.ToString(CultureInfo.InvariantCulture);
        return environment;
    }
}

/// <summary>A hook that runs.</summary>
/// <param name="Change">What it is told.</param>
/// <param name="Name">Its name.</param>
/// <param name="Child">Its process.</param>
/// <param name="Deadline">When it is killed.</param>
internal sealed record RunningHook(RoleChange Change, string Name, ChildProcess Child, Instant Deadline)
{
    /// <summary>It is the hook for BACKUP, which speaks for another role that has none.</summary>
    public bool IsFallback { get; init; }

    /// <summary>It was killed for its time.</summary>
    public bool IsLate { get; set; }
}
