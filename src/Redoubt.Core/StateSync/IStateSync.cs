namespace Redoubt.Core.StateSync;

/// <summary>
/// Keeps the connection tables of nodes alike, whatever it speaks with the others. Pure and not thread safe: told the time, the kernel's news and what peers sent; call
/// <see cref="Tick"/> after every batch of news and at <see cref="Deadline"/>.
/// </summary>
public interface IStateSync
{
    /// <summary>Something an operator wants to know: a kind and a sentence.</summary>
    Action<string, string>? Notice { get; set; }

    /// <summary>Live states known.</summary>
    int Count { get; }

    /// <summary>Live states whose packets pass this node.</summary>
    int OwnedCount { get; }

    /// <summary>What peers knew is here, or a limit passed. Once true it stays.</summary>
    bool IsReady { get; }

    /// <summary>Why this node is ready, or what it waits for.</summary>
    string ReadyReason { get; }

    /// <summary>No own TCP entry waits to be made liberal.</summary>
    bool IsLiberal { get; }

    /// <summary>When <see cref="Tick"/> wants to be called next, at the latest.</summary>
    Instant Deadline { get; }

    /// <summary>What was counted.</summary>
    StateSyncCounters Counters { get; }

    /// <summary>Does what is due.</summary>
    void Tick(Instant now);

    /// <summary>A piece of the kernel's news; <paramref name="isEcho"/> where our own change of the table caused it.</summary>
    void TakeNews(Instant now, TableNews kind, in ConntrackEntry entry, EntryParts parts, bool isEcho);

    /// <summary>The kernel expects a flow, or does not any more.</summary>
    void TakeExpectation(Instant now, in ExpectedFlow flow, bool isGone, bool isEcho);

    /// <summary>The kernel dropped news.</summary>
    void TakeOverrun(Instant now);

    /// <summary>
    /// A datagram came over a link from the peer of this number, -1 for anybody else; <paramref name="ttl"/> is -1 where it is not known.
    /// </summary>
    void Receive(Instant now, int peer, int link, int ttl, ReadOnlySpan<byte> datagram);

    /// <summary>Tells whether this node forwards.</summary>
    void SetForwarding(Instant now, bool forwarding);

    /// <summary>Begins to make TCP entries liberal for a hand-over; done when <see cref="IsLiberal"/>.</summary>
    void PrepareHandOver();

    /// <summary>Asks every peer for its states and offers it ours.</summary>
    void RequestSync(Instant now);

    /// <summary>How it stands with a peer.</summary>
    StateSyncPeerStatus Peer(int number);

    /// <summary>Every counter by its name for metrics.</summary>
    IEnumerable<KeyValuePair<string, long>> ListCounters();

    /// <summary>Gives up what it holds.</summary>
    void Close();
}
