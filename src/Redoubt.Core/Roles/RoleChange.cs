using System.Collections.Immutable;
using Redoubt.Core.Carp;

namespace Redoubt.Core.Roles;

/// <summary>What a node is now for a vhid or for a failover group, as hooks and role-bound services are told.</summary>
public sealed record RoleChange
{
    /// <summary>Whose role: "lan@1", "lan@1 ipv6" for a virtual router of IPv6, "group main". One word of it stands for one subject.</summary>
    public required string Subject { get; init; }

    /// <summary>The vhid as the configuration names it ("lan@1"), or the group's name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it is a failover group.</summary>
    public required bool IsGroup { get; init; }

    /// <summary>The role. Of a group: MASTER where all vhids that take part are master, INIT where none takes part, else BACKUP.</summary>
    public required CarpState State { get; init; }

    /// <summary>Why, in a few words.</summary>
    public required string Reason { get; init; }

    /// <summary>Name of the failover group.</summary>
    public required string Group { get; init; }

    /// <summary>Kernel device of the interface; empty for a group.</summary>
    public string Device { get; init; } = "";

    /// <summary>The mastership epoch of the group; null where there is none, for without heartbeats nobody counts.</summary>
    public long? Epoch { get; init; }

    /// <summary>The vhid's number; null for a group.</summary>
    public byte? Vhid { get; init; }

    /// <summary>What the hook is told: interface, vhid, addresses; or group, members.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>How things stand at the start, and not a change that was seen.</summary>
    public bool IsFirst { get; init; }

    /// <summary>The word for <see cref="State"/>: MASTER, BACKUP, INIT; of a group, FAULT instead of INIT.</summary>
    public string StateText =>
        State switch
        {
            CarpState.Master => "MASTER",
            CarpState.Backup => "BACKUP",
            _ => IsGroup ? "FAULT" : "INIT",
        };

    /// <summary>The role of a group: whether any of its vhids takes part, and whether none of those that do is a backup.</summary>
    public static CarpState Combine(bool anyTakesPart, bool noneIsBackup) =>
        !anyTakesPart ? CarpState.Init
        : noneIsBackup ? CarpState.Master
        : CarpState.Backup;
}
