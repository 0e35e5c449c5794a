using System.Security.Cryptography;
using System.Text;
using Redoubt.Core.Configuration;

namespace Redoubt.Daemon.Configuration;

/// <summary>
/// Passwords that were right within the last minute, so that the calls of one push pay for the slow hash once. What is kept is no password but a MAC of it under a key
/// that this process made and never tells; it counts for the very hash that the account had then, so another password ends it at once. Only successes are kept: a
/// wrong password always costs the whole hash. Bounded; safe from every thread.
/// </summary>
internal sealed class RecentLogins(TimeProvider clock)
{
    /// <summary>How long a success counts, from the hash that proved it; using it does not prolong it.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);

    /// <summary>Accounts kept; the oldest gives way.</summary>
    public const int Most = 64;

    private readonly Lock _gate = new();
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly Dictionary<string, (byte[] Mac, string Hash, long At)> _known = [];

    /// <summary>Whether this password was right for the account as it stands.</summary>
    public bool Knows(Account account, string password)
    {
        var mac = Mac(account.Name, password);
        lock (_gate)
        {
            if (!_known.TryGetValue(account.Name, out var entry))
                return false;
            if (entry.Hash == account.Hash.Text && clock.GetElapsedTime(entry.At) < Lifetime)
                return CryptographicOperations.FixedTimeEquals(entry.Mac, mac);
            _known.Remove(account.Name);
            return false;
        }
    }

    /// <summary>Notes that this password is right for the account as it stands.</summary>
    public void Remember(Account account, string password)
    {
        var mac = Mac(account.Name, password);
        lock (_gate)
        {
            if (_known.Count >= Most && !_known.ContainsKey(account.Name))
                _known.Remove(_known.MinBy(k => k.Value.At).Key);
            _known[account.Name] = (mac, account.Hash.Text, clock.GetTimestamp());
        }
    }

    // The length keeps "ab" + "c" and "a" + "bc" apart.
    private byte[] Mac(string name, string password) =>
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(FormattableString.Invariant($"{name.Length}:{name}{password}")));
}
