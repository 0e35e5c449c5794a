using System.Collections.Immutable;
using Redoubt.Control;
using Redoubt.Core;

namespace Redoubt.Web.Push;

/// <summary>A push that is due, for all who asked for it since the last one.</summary>
/// <param name="Ids">The daemon's numbers, oldest first.</param>
/// <param name="DryRun">Only say what would change.</param>
/// <param name="Areas">The areas of all of them; empty for all that are switched on.</param>
public sealed record DuePush(ImmutableArray<long> Ids, bool DryRun, ImmutableArray<string> Areas);

/// <summary>
/// What is to be pushed, and when. One push runs; whatever is wanted meanwhile is one push afterwards. A push to a peer that is away stays due: it is tried again, ever less
/// often, until the peer is there or something newer takes its place. Not for several threads.
/// </summary>
public sealed class PushBacklog
{
    private static readonly TimeSpan _first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    // Ids are only told how it ended; who is forgotten waits for nobody any more.
    private const int MostIds = 64;
    private const int MostDryRuns = 8;
    private readonly Queue<PushWanted> _dryRuns = new();
    private DuePush? _pending;
    private Instant _notBefore = Instant.Zero;
    private int _failures;

    /// <summary>When <see cref="TryTake"/> is worth another look; never where nothing is due.</summary>
    public Instant Due =>
        _dryRuns.Count > 0 ? Instant.Zero
        : _pending is null ? Instant.Never
        : _notBefore;

    /// <summary>Adds a wish. False for a dry run too many: it is to be refused. A wish for a real push ends a wait: the peer may be back, and somebody asks.</summary>
    public bool TryAdd(PushWanted wanted)
    {
        if (wanted.DryRun)
        {
            if (_dryRuns.Count == MostDryRuns)
                return false;
            _dryRuns.Enqueue(wanted);
            return true;
        }
        Merge(new DuePush([wanted.Id], false, [.. wanted.Areas]));
        _notBefore = Instant.Zero;
        return true;
    }

    /// <summary>Takes what is due; it is in the caller's hands then.</summary>
    public bool TryTake(Instant now, out DuePush? due)
    {
        due = null;
        if (_dryRuns.TryDequeue(out var dryRun))
        {
            due = new DuePush([dryRun.Id], true, [.. dryRun.Areas]);
            return true;
        }
        if (_pending is null || now < _notBefore)
            return false;
        (due, _pending) = (_pending, null);
        return true;
    }

    /// <summary>The push that was taken ended, well or for good.</summary>
    public void Ended() => _failures = 0;

    /// <summary>The peer was away: the push stays due. Returns how long until the next try.</summary>
    public TimeSpan PutBack(DuePush push, Instant now)
    {
        var wait = _first * Math.Pow(2, Math.Min(_failures, 10));
        wait = wait > _longest ? _longest : wait;
        _failures = Math.Min(_failures + 1, 10);
        // What came meanwhile is newer, and tried at once.
        var newer = _pending;
        _pending = push;
        if (newer is not null)
            Merge(newer);
        else
            _notBefore = now + wait;
        return newer is not null ? TimeSpan.Zero : wait;
    }

    private void Merge(DuePush more)
    {
        if (_pending is not { } before)
        {
            _pending = more;
            return;
        }
        var ids = before.Ids.AddRange(more.Ids.Except(before.Ids));
        var areas = before.Areas.IsEmpty || more.Areas.IsEmpty ? [] : before.Areas.AddRange(more.Areas.Except(before.Areas));
        _pending = new DuePush(ids.Length > MostIds ? ids[^MostIds..] : ids, false, areas);
    }
}
