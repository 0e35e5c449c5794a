using System.Threading.Channels;
using Redoubt.Control;

namespace Redoubt.Daemon.Events;

/// <summary>
/// The node's events: the newest in memory, all of them (as far as two files reach) in the state directory. Adding never waits
/// for a disk or a reader: the election thread reports here. A disk that fails is counted and told of, and catches up later.
/// </summary>
public sealed class EventLog : IDisposable
{
    /// <summary>Events kept in memory.</summary>
    public const int RingSize = 4096;

    /// <summary>Characters kept of one text; longer ones are cut.</summary>
    public const int TextLimit = 1000;

    /// <summary>Events that may wait for a slow subscriber.</summary>
    public const int SubscriptionQueue = 1024;

    private readonly Lock _gate = new();
    private readonly EventRecord?[] _ring = new EventRecord?[RingSize];
    private readonly List<EventSubscription> _subscriptions = [];
    private readonly TimeProvider _clock;
    private readonly EventFile? _file;
    private long _sequence; // of the newest event
    private long _added; // events ever put into the ring

    /// <summary>
    /// Opens the log and takes up the events of <paramref name="stateDirectory"/>; without a directory it lives in memory only.
    /// A directory that cannot be read or written is told by <see cref="DiskTrouble"/>, not by an exception.
    /// </summary>
    public EventLog(string? stateDirectory, TimeProvider? clock = null)
        : this(stateDirectory, clock, EventFile.DefaultSize) { }

    internal EventLog(string? stateDirectory, TimeProvider? clock, long fileSize)
    {
        _clock = clock ?? TimeProvider.System;
        if (stateDirectory is null)
            return;
        _file = new EventFile(stateDirectory, fileSize);
        foreach (var record in _file.ReadTail(RingSize))
        {
            Keep(record);
            _sequence = Math.Max(_sequence, record.Sequence);
        }
        _file.Start();
    }

    /// <summary>Events that never reached the disk.</summary>
    public long LostOnDisk => _file?.Lost ?? 0;

    /// <summary>Told when the disk begins to fail (with the reason) and when it works again (null), on the writer's thread; told
    /// at once when it fails already.</summary>
    public event Action<string?> DiskTrouble
    {
        add
        {
            if (_file is not null)
                _file.Trouble += value;
        }
        remove
        {
            if (_file is not null)
                _file.Trouble -= value;
        }
    }

    /// <summary>Adds an event. Never waits for the disk, never throws; safe from every thread.</summary>
    public void Add(
        EventKind kind,
        string message,
        string? @interface = null,
        byte? vhid = null,
        string? from = null,
        string? to = null,
        string? reason = null,
        string? alarm = null,
        long? epoch = null
    )
    {
        var now = _clock.GetUtcNow();
        lock (_gate)
        {
            var record = new EventRecord
            {
                Sequence = ++_sequence,
                Time = now,
                Kind = kind,
                Message = Cut(message)!,
                Interface = Cut(@interface),
                Vhid = vhid,
                From = Cut(from),
                To = Cut(to),
                Reason = Cut(reason),
                Alarm = Cut(alarm),
                Epoch = epoch,
            };
            Keep(record);
            _file?.Post(record);
            for (var i = _subscriptions.Count - 1; i >= 0; i--)
            {
                if (!_subscriptions[i].Offer(record))
                    _subscriptions.RemoveAt(i);
            }
        }
    }

    /// <summary>A vhid changed its state, for a reason in a few words.</summary>
    public void Transition(string @interface, byte vhid, string from, string to, string reason, long? epoch = null) =>
        Add(EventKind.Transition, $"{@interface}@{vhid}: {from} -> {to}: {reason}", @interface, vhid, from, to, reason, epoch: epoch);

    /// <summary>The events in memory, oldest first; only those at or after <paramref name="since"/> when given.</summary>
    public IReadOnlyList<EventRecord> Snapshot(DateTimeOffset? since = null)
    {
        lock (_gate)
            return SnapshotLocked(since);
    }

    /// <summary>
    /// The events in memory and, without a gap between, those to come. Dispose the subscription. One that lets
    /// <see cref="SubscriptionQueue"/> events wait is ended with <see cref="EventSubscription.Overrun"/> set.
    /// </summary>
    public EventSubscription Subscribe(out IReadOnlyList<EventRecord> past, DateTimeOffset? since = null)
    {
        var subscription = new EventSubscription(this);
        lock (_gate)
        {
            past = SnapshotLocked(since);
            _subscriptions.Add(subscription);
        }
        return subscription;
    }

    /// <summary>Ends the subscriptions, writes what waits, and closes the file; waits a few seconds for a slow disk at most.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var subscription in _subscriptions)
                subscription.Complete();
            _subscriptions.Clear();
        }
        _file?.Dispose();
    }

    internal void Remove(EventSubscription subscription)
    {
        lock (_gate)
            _subscriptions.Remove(subscription);
    }

    private void Keep(EventRecord record) => _ring[_added++ % RingSize] = record;

    private static string? Cut(string? text) => text is { Length: > TextLimit } ? text[..TextLimit] : text;

    private List<EventRecord> SnapshotLocked(DateTimeOffset? since)
    {
        var result = new List<EventRecord>();
        for (var i = Math.Max(0, _added - RingSize); i < _added; i++)
        {
            var record = _ring[i % RingSize]!;
            if (since is null || record.Time >= since)
                result.Add(record);
        }
        return result;
    }
}

/// <summary>Events to come, for one reader.</summary>
public sealed class EventSubscription : IDisposable
{
    private readonly EventLog _log;
    private readonly Channel<EventRecord> _queue = Channel.CreateBounded<EventRecord>(
        new BoundedChannelOptions(EventLog.SubscriptionQueue) { SingleReader = true }
    );

    internal EventSubscription(EventLog log) => _log = log;

    /// <summary>The events; ends when the log closes, or when this reader was too slow.</summary>
    public ChannelReader<EventRecord> Reader => _queue.Reader;

    /// <summary>True when this reader was too slow and events were lost for it.</summary>
    public bool Overrun { get; private set; }

    /// <inheritdoc />
    public void Dispose()
    {
        _log.Remove(this);
        Complete();
    }

    internal bool Offer(EventRecord record)
    {
        if (_queue.Writer.TryWrite(record))
            return true;
        Overrun = true;
        Complete();
        return false;
    }

    internal void Complete() => _queue.Writer.TryComplete();
}
