using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Tells of datagrams that are refused for a cause an operator must know. An alarm is raised once <see cref="Threshold"/> were refused within
/// <see cref="Interval"/> and cleared after an interval in which fewer were.
/// </summary>
internal sealed class RefusalWatch
{
    /// <summary>Refusals within an interval that raise an alarm: a restart costs a few, a peer's hellos are 100.</summary>
    public const int Threshold = 20;

    /// <summary>Time between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private static readonly (PfsyncRejection Reason, string Id, string Text)[] _watched =
    [
        (PfsyncRejection.NotEncrypted, "state-sync-plain", "state sync: a peer does not encrypt; its cluster/secretfile is missing"),
        (PfsyncRejection.Encrypted, "state-sync-encrypted", "state sync: a peer encrypts and this node has no cluster/secretfile"),
        (PfsyncRejection.BadSeal, "state-sync-secret", "state sync: datagrams are forged, or a peer has another cluster secret"),
        (PfsyncRejection.DuplicateNode, "state-sync-node-id", "state sync: two nodes have the same node id; the other one is not let in"),
    ];

    private readonly long[] _before = new long[_watched.Length];
    private readonly bool[] _isRaised = new bool[_watched.Length];
    private Instant _next;

    /// <summary>Nothing is received any more.</summary>
    public void Clear(Action<string, string?>? alarm)
    {
        for (var i = 0; i < _watched.Length; i++)
        {
            if (_isRaised[i])
                alarm?.Invoke(_watched[i].Id, null);
            _isRaised[i] = false;
        }
    }

    /// <summary>Compares the counters with those of the last interval.</summary>
    public void Look(Instant now, StateSyncCounters counters, Action<string, string?>? alarm)
    {
        if (now < _next)
            return;
        _next = now + Interval;
        for (var i = 0; i < _watched.Length; i++)
        {
            var count = counters[_watched[i].Reason];
            var isRefusing = count - _before[i] >= Threshold;
            _before[i] = count;
            if (isRefusing == _isRaised[i])
                continue;
            _isRaised[i] = isRefusing;
            alarm?.Invoke(_watched[i].Id, isRefusing ? _watched[i].Text : null);
        }
    }
}
