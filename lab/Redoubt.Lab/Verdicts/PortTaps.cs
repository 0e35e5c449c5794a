using System.Runtime.InteropServices;
using Redoubt.Core;
using Redoubt.Lab.Traffic;
using Redoubt.Linux;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Verdicts;

/// <summary>Told of each frame that came in through a port: the port's number in the list, nanoseconds of the monotonic clock, its first bytes.</summary>
internal delegate void PortFrame(int port, long moment, ReadOnlySpan<byte> frame);

/// <summary>
/// Reads what comes in through the named devices of a switch, on one thread. At the end everything the kernel has queued until
/// then is read too, so a frame that was there before <see cref="Stop"/> is never lost.
/// </summary>
internal sealed unsafe partial class PortTaps : IDisposable
{
    private const int PortLimit = 32;
    private const int SnapLength = 128;
    private const int DrainLimit = 100_000; // of each port: a flood must not keep the end from coming
    private const int SOL_PACKET = 263;
    private const int PACKET_STATISTICS = 6;
    private static readonly TimeSpan _wait = TimeSpan.FromMilliseconds(50);
    private readonly List<PacketTap> _taps = [];
    private readonly PortFrame _hear;
    private readonly Thread _thread;
    private volatile bool _stopping;
    private long? _dropped;

    /// <summary>Opens the taps; <paramref name="within"/> runs an action in the switch's namespace.</summary>
    public PortTaps(Action<Action> within, IReadOnlyList<string> ports, PortFrame hear)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ports.Count, PortLimit);
        _hear = hear;
        within(() =>
        {
            using var links = new RouteNetlink();
            foreach (var port in ports)
                _taps.Add(new PacketTap(links.Link(port)?.Index ?? throw new ArgumentException($"no device {port}")));
        });
        _thread = new Thread(Work) { IsBackground = true, Name = "port taps" };
    }

    /// <summary>Begins to read.</summary>
    public void Start() => _thread.Start();

    /// <summary>Reads what is queued, ends, and returns how many frames the kernel could not queue.</summary>
    public long Stop()
    {
        if (_dropped is { } known)
            return known;
        _stopping = true;
        if (_thread.IsAlive)
            _thread.Join();
        long dropped = 0;
        var statistics = stackalloc uint[2]; // tpacket_stats: packets, drops
        foreach (var tap in _taps)
        {
            var length = 8;
            if (getsockopt((int)tap.Handle.DangerousGetHandle(), SOL_PACKET, PACKET_STATISTICS, statistics, &length) == 0)
                dropped += statistics[1];
        }
        _dropped = dropped;
        return dropped;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop();
        foreach (var tap in _taps)
            tap.Dispose();
    }

    private void Work()
    {
        var buffer = new byte[SnapLength];
        using var poller = new Poller();
        foreach (var tap in _taps)
            poller.Add(tap.Handle);
        while (true)
        {
            var last = _stopping; // asked first: one more round after it
            poller.Wait(last ? Instant.Zero : BootClock.Now + _wait);
            for (var port = 0; port < _taps.Count; port++)
                Drain(port, buffer);
            if (last)
                return;
        }
    }

    private void Drain(int port, byte[] buffer)
    {
        for (var i = 0; i < DrainLimit && _taps[port].TryReceive(buffer, out var length, out var outgoing); i++)
        {
            if (!outgoing)
                _hear(port, Pacing.Now, buffer.AsSpan(0, length));
        }
    }

    [LibraryImport("libc")]
    private static partial int getsockopt(int descriptor, int level, int option, void* value, int* length);
}
