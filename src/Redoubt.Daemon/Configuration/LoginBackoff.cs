namespace Redoubt.Daemon.Configuration;

/// <summary>
/// How long a key (an account, a source) has to wait after its failures: the wait doubles with each up to a limit, and a failure is forgotten after the limit without one.
/// Bounded: the key that has been quiet longest gives way. Not for several threads.
/// </summary>
internal sealed class LoginBackoff(TimeProvider clock, int free, TimeSpan first, TimeSpan longest)
{
    /// <summary>Keys kept.</summary>
    public const int Keys = 4096;

    private readonly Dictionary<string, (int Failures, long Last)> _failed = [];

    /// <summary>How long the key must still wait; zero: it may try.</summary>
    public TimeSpan Wait(string key)
    {
        if (!_failed.TryGetValue(key, out var entry))
            return TimeSpan.Zero;
        var left = Penalty(entry.Failures) - clock.GetElapsedTime(entry.Last);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Notes a failure; returns how long the key has to wait now.</summary>
    public TimeSpan Failed(string key)
    {
        var failures = 1;
        if (_failed.TryGetValue(key, out var entry))
            failures = clock.GetElapsedTime(entry.Last) > longest * 2 ? 1 : Math.Min(entry.Failures + 1, 64);
        else if (_failed.Count >= Keys)
            _failed.Remove(_failed.MinBy(f => f.Value.Last).Key);
        _failed[key] = (failures, clock.GetTimestamp());
        return Penalty(failures);
    }

    /// <summary>Forgets the key's failures.</summary>
    public void Succeeded(string key) => _failed.Remove(key);

    private TimeSpan Penalty(int failures)
    {
        if (failures <= free)
            return TimeSpan.Zero;
        var wait = first * Math.Pow(2, Math.Min(failures - free - 1, 20));
        return wait < longest ? wait : longest;
    }
}
