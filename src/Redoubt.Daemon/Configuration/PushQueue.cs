using Redoubt.Control;
using Redoubt.Daemon.Control;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Pushes that are wanted. A change after a quiet time is pushed at once; changes that follow closely on a push are one push together. One is under way at a time, and
/// one waits. A push that nobody is there to carry out waits until somebody is. Safe from every thread.
/// </summary>
internal sealed class PushQueue(TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan _quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestQuiet = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _lost = TimeSpan.FromMinutes(5); // whoever carried it out would have told by then
    private const int Askers = 8;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, TaskCompletionSource<ConfigPushResult>> _askers = [];
    private PushSubscription? _follower;
    private long _id;
    private string? _wanted;
    private long _firstWish;
    private long _lastWish;
    private (long Id, long Begin)? _underWay;
    private long? _lastPush;

    /// <summary>Whether somebody carries pushes out.</summary>
    public bool HasFollower
    {
        get
        {
            lock (_gate)
                return _follower is not null;
        }
    }

    /// <summary>Attaches the one who carries pushes out; null where there is one.</summary>
    public PushSubscription? Attach()
    {
        lock (_gate)
        {
            if (_follower is not null)
                return null;
            _underWay = null;
            return _follower = new PushSubscription(Detach);
        }
    }

    /// <summary>Wants a push soon.</summary>
    public void Want(string reason)
    {
        lock (_gate)
        {
            if (_wanted is null)
                _firstWish = clock.GetTimestamp();
            _lastWish = clock.GetTimestamp();
            _wanted = reason;
        }
    }

    /// <summary>Hands over what is due; returns when to call again at the latest.</summary>
    public TimeSpan Turn()
    {
        lock (_gate)
        {
            if (_wanted is null || _follower is null)
                return Timeout.InfiniteTimeSpan;
            if (_underWay is { } push)
            {
                var rest = _lost - clock.GetElapsedTime(push.Begin);
                if (rest > TimeSpan.Zero)
                    return rest;
                _underWay = null;
            }
            // Somebody who makes many changes gets the first one over at once, and the others gathered.
            var isFollowing = _lastPush is { } pushed && clock.GetElapsedTime(pushed, _firstWish) < _quiet;
            var left = _quiet - clock.GetElapsedTime(_lastWish);
            if (isFollowing && left > TimeSpan.Zero && clock.GetElapsedTime(_firstWish) < _longestQuiet)
                return left;
            var id = ++_id;
            if (!_follower.Offer(new PushWanted(id, DryRun: false, [], _wanted)))
                return _quiet;
            _underWay = (id, clock.GetTimestamp());
            _lastPush = clock.GetTimestamp();
            _wanted = null;
            return Timeout.InfiniteTimeSpan;
        }
    }

    /// <summary>Has somebody push at once and waits for the outcome; null, and why, where that cannot be.</summary>
    public ConfigPushResult? Ask(ConfigPushRequest request, TimeSpan limit, out string why)
    {
        var outcome = new TaskCompletionSource<ConfigPushResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        long id;
        lock (_gate)
        {
            why =
                _follower is null ? "redoubt-web is not running on this node, and it carries pushes out"
                : _askers.Count >= Askers ? "too many pushes are being waited for"
                : "";
            if (why.Length > 0)
                return null;
            id = ++_id;
            _askers[id] = outcome;
            if (!_follower!.Offer(new PushWanted(id, request.DryRun, request.Areas, request.Reason)))
                why = "redoubt-web takes no more pushes";
        }
        try
        {
            if (why.Length == 0 && outcome.Task.Wait(limit))
                return outcome.Task.Result;
            if (why.Length == 0)
                why = $"no outcome within {limit.TotalSeconds:F0} s; the push may still be under way";
            return null;
        }
        finally
        {
            lock (_gate)
                _askers.Remove(id);
        }
    }

    /// <summary>Takes note of an outcome.</summary>
    public void Ended(ConfigPushResult result)
    {
        lock (_gate)
        {
            if (_underWay?.Id == result.Id)
                _underWay = null;
            if (_askers.TryGetValue(result.Id, out var asker))
                asker.TrySetResult(result);
        }
    }

    /// <summary>Ends the follower's wait.</summary>
    public void Dispose()
    {
        PushSubscription? follower;
        lock (_gate)
            follower = _follower;
        follower?.Dispose();
    }

    private void Detach(PushSubscription subscription)
    {
        lock (_gate)
        {
            if (_follower == subscription)
                _follower = null;
        }
    }
}
