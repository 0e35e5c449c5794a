using System.Net;
using System.Net.Sockets;
using Redoubt.Core;

namespace Redoubt.Web;

/// <summary>
/// Failed tries to log in by source: after each the source has to wait, twice as long every time, before anybody looks at its next one. The daemon counts
/// on its own, by account too; this keeps a flood of guesses from it. Safe for several threads.
/// </summary>
public sealed class SourceBackoff(int capacity)
{
    private static readonly TimeSpan _first = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _memory = TimeSpan.FromMinutes(30);

    // Tries that cost nothing: a mistyped password, and the old one after a change.
    private const int FreeTries = 3;
    private readonly Dictionary<IPAddress, LinkedListNode<Entry>> _sources = [];
    private readonly LinkedList<Entry> _byAge = new();
    private readonly Lock _gate = new();

    /// <summary>How long the source must still wait; zero when it need not.</summary>
    public TimeSpan Wait(IPAddress source, Instant now)
    {
        lock (_gate)
        {
            if (!_sources.TryGetValue(Key(source), out var node))
                return TimeSpan.Zero;
            return node.Value.Until > now ? node.Value.Until - now : TimeSpan.Zero;
        }
    }

    /// <summary>A try failed; <paramref name="atLeast"/> is what the daemon asks for.</summary>
    public void Failed(IPAddress source, TimeSpan atLeast, Instant now)
    {
        var key = Key(source);
        lock (_gate)
        {
            var failures = 1;
            if (_sources.Remove(key, out var node))
            {
                _byAge.Remove(node);
                failures = now - node.Value.Last > _memory ? 1 : node.Value.Failures + 1;
            }
            else if (_sources.Count == capacity)
            {
                _sources.Remove(_byAge.First!.Value.Source);
                _byAge.RemoveFirst();
            }
            var delay = failures <= FreeTries ? TimeSpan.Zero : _first * Math.Pow(2, Math.Min(failures - FreeTries - 1, 20));
            delay = delay > _longest ? _longest : delay;
            delay = delay > atLeast ? delay : atLeast;
            _sources[key] = _byAge.AddLast(new Entry(key, failures, now, now + (delay > _longest ? _longest : delay)));
        }
    }

    /// <summary>A try succeeded: what was before is forgotten.</summary>
    public void Succeeded(IPAddress source)
    {
        lock (_gate)
        {
            if (_sources.Remove(Key(source), out var node))
                _byAge.Remove(node);
        }
    }

    // Who has an IPv6 address has 2^64 of them.
    private static IPAddress Key(IPAddress source)
    {
        if (source.IsIPv4MappedToIPv6)
            return source.MapToIPv4();
        if (source.AddressFamily != AddressFamily.InterNetworkV6)
            return source;
        Span<byte> bytes = stackalloc byte[16];
        source.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }

    private readonly record struct Entry(IPAddress Source, int Failures, Instant Last, Instant Until);
}
