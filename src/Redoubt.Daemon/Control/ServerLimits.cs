namespace Redoubt.Daemon.Control;

/// <summary>What the control socket grants its clients.</summary>
public sealed record ServerLimits
{
    /// <summary>Open connections of all users together.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>Of these, open connections of users who may only read; the rest stay free for root and the daemon's own user.</summary>
    public int ReaderConnections { get; init; } = 48;

    /// <summary>The user of redoubt-web, which may do what root may: it has authenticated who asks. Null: none.</summary>
    public uint? WebUser { get; init; }

    /// <summary>How long a connection may rest between two requests.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a line may take from its first byte to its newline.</summary>
    public TimeSpan PartialLine { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a client may take no byte of an answer.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one list of states may take altogether.</summary>
    public TimeSpan List { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Lists of states that run at the same time, each with a thread.</summary>
    public const int ListsAtOnce = 4;

    /// <summary>Verbs of the configuration that run at the same time, each with a thread.</summary>
    public const int ConfigsAtOnce = 16;
}
