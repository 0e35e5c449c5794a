using Redoubt.Core.Carp;

namespace Redoubt.Core.Roles;

/// <summary>
/// Which hook runs next. Of each subject only the newest role waits, in the place of the one that it supersedes: an old one would tell what is no longer so. What was seen at the
/// start runs only where it differs from what was last told in full. Pure; owned by one thread.
/// </summary>
/// <param name="limit">Subjects that may wait or be remembered.</param>
public sealed class HookQueue(int limit)
{
    private readonly Dictionary<string, RoleChange> _waiting = [];
    private readonly Queue<string> _order = new();
    private readonly Dictionary<string, CarpState> _told = [];

    /// <summary>Changes that a newer one of the same subject took the place of.</summary>
    public long Superseded { get; private set; }

    /// <summary>Changes that did not fit in.</summary>
    public long Dropped { get; private set; }

    /// <summary>How many wait.</summary>
    public int Count => _waiting.Count;

    /// <summary>What was last told in full, by subject; what a restart has to know.</summary>
    public IReadOnlyDictionary<string, CarpState> Told => _told;

    /// <summary>Takes up what an earlier process told in full, in the same boot of the machine.</summary>
    public void Restore(IEnumerable<KeyValuePair<string, CarpState>> told)
    {
        foreach (var (subject, state) in told.Take(limit))
            _told[subject] = state;
    }

    /// <summary>A role is another one.</summary>
    public void Post(RoleChange change)
    {
        if (_waiting.TryGetValue(change.Subject, out var before))
        {
            // What was seen to change has to be told of, whatever a start finds later.
            _waiting[change.Subject] = change with
            {
                IsFirst = change.IsFirst && before.IsFirst,
            };
            Superseded++;
        }
        else if (_waiting.Count < limit)
        {
            _waiting.Add(change.Subject, change);
            _order.Enqueue(change.Subject);
        }
        else
            Dropped++;
    }

    /// <summary>The next one to tell of; null: none.</summary>
    public RoleChange? Take()
    {
        while (_order.TryDequeue(out var subject))
        {
            _waiting.Remove(subject, out var next);
            if (!next!.IsFirst || !_told.TryGetValue(subject, out var told) || told != next.State)
                return next;
        }
        return null;
    }

    /// <summary>It was told of, or could not be: then it is told again after a restart. True where <see cref="Told"/> is another one now.</summary>
    public bool End(RoleChange change, bool succeeded)
    {
        if (!succeeded)
            return _told.Remove(change.Subject);
        var isKnown = _told.TryGetValue(change.Subject, out var before);
        if (isKnown ? before == change.State : _told.Count >= limit)
            return false;
        _told[change.Subject] = change.State;
        return true;
    }

    /// <summary>Forgets the subjects that are not configured any more, except those that wait.</summary>
    public void Retain(Func<string, bool> isConfigured)
    {
        foreach (var subject in _told.Keys.Where(s => !isConfigured(s) && !_waiting.ContainsKey(s)).ToList())
            _told.Remove(subject);
    }
}
