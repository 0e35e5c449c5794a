using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Replicates the kernel's connection states with the peers, on a thread of its own. Every public member may be called from any
/// thread; callbacks run on the loop's thread and must not block.
/// </summary>
public sealed class StateSyncLoop(StateSyncOptions options) : IDisposable
{
    /// <summary>What the loop was built with.</summary>
    public StateSyncOptions Options { get; } = options;

    /// <summary>True when every live peer's bulk is in, or a time limit passed (D7).</summary>
    public bool IsReady { get; private set; }

    /// <summary>Readiness changed: the new value and why, in one short English sentence.</summary>
    public Action<bool, string>? ReadinessChanged { get; set; }

    /// <summary>Something an operator wants to know: a kind ("peer-up", "bulk-done", "overrun", ...) and a message.</summary>
    public Action<string, string>? Event { get; set; }

    /// <summary>Opens the sockets and starts the thread; throws when the kernel refuses.</summary>
    public void Start() { }

    /// <summary>Stops the thread and restores the sysctls; waits <paramref name="limit"/> at most.</summary>
    public void Stop(TimeSpan limit) { }

    /// <summary>Tells whether this node is MASTER of some vhid: its kernel forwards, its flows are its own.</summary>
    public void SetForwarding(bool forwarding) { }

    /// <summary>Asks every live peer for its states and offers it all of ours.</summary>
    public void RequestSync() { }

    /// <summary>How it stands; refreshed by the loop at least once a second.</summary>
    public StateSyncSnapshot Snapshot() => new(IsReady, 0, 0, [], []);

    /// <summary>Replicated states known.</summary>
    public long Count() => 0;

    /// <summary>Hands every replicated live state to <paramref name="visitor"/> until it returns false.</summary>
    public void List(Func<ConntrackEntry, bool> visitor) { }

    /// <inheritdoc />
    public void Dispose() => Stop(TimeSpan.FromSeconds(2));
}
