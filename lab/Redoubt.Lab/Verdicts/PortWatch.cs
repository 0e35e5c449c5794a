using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Redoubt.Lab.Traffic;
using Redoubt.Linux;
using Redoubt.Linux.Links;
using Redoubt.Linux.Packets;

namespace Redoubt.Lab.Verdicts;

/// <summary>What a frame that came in through a port says.</summary>
public enum PortFrameKind
{
    /// <summary>Any frame whose Ethernet source is a virtual MAC, 00:00:5e:00:01:xx.</summary>
    VirtualSource,

    /// <summary>An ARP reply; the address is its sender.</summary>
    ArpReply,

    /// <summary>IP protocol 112 over IPv4; the address is its source.</summary>
    Advertisement,
}

/// <summary>Frames of one kind from one port: how many, and when the first and last were read, from the start of the watch.</summary>
public sealed record PortCount(
    string Port,
    PortFrameKind Kind,
    PhysicalAddress Source,
    IPAddress Address,
    long Count,
    TimeSpan First,
    TimeSpan Last
);

/// <summary>What was seen. <paramref name="Dropped"/> frames the kernel could not queue: above 0, absence proves nothing.</summary>
public sealed record PortWatchResult(IReadOnlyList<PortCount> Counts, long Dropped, long Uncounted)
{
    /// <summary>Ports through which ARP replies for an address came: two are two owners.</summary>
    public IReadOnlyList<string> Owners(IPAddress address) =>
        [.. Counts.Where(c => c.Kind == PortFrameKind.ArpReply && c.Address.Equals(address)).Select(c => c.Port).Distinct().Order()];
}

/// <summary>
/// Counts, per switch port, the frames that tell who acts as master. Nodes share the virtual MAC, so only the port tells them
/// apart. Keeps counters, never frames.
/// </summary>
public sealed unsafe partial class PortWatch : IDisposable
{
    private const int KeyLimit = 1024;
    private const int SOL_PACKET = 263;
    private const int PACKET_STATISTICS = 6;
    private readonly Dictionary<(string, PortFrameKind, PhysicalAddress, IPAddress), PortCount> _counts = [];
    private readonly List<(PacketTap Tap, Thread Thread)> _ports = [];
    private readonly long _started = Pacing.Now;
    private volatile bool _stopping;
    private long _uncounted;
    private PortWatchResult? _result;

    /// <summary>Taps the named devices of the switch's namespace and starts.</summary>
    public PortWatch(NetworkNamespace where, IReadOnlyList<string> ports)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ports.Count, 32);
        where.Run(() =>
        {
            using var links = new RouteNetlink();
            foreach (var port in ports)
            {
                var link = links.Link(port) ?? throw new ArgumentException($"no device {port}");
                var tap = new PacketTap(link.Index);
                _ports.Add((tap, new Thread(() => Work(port, tap)) { IsBackground = true, Name = $"watch {port}" }));
            }
        });
        foreach (var (_, thread) in _ports)
            thread.Start();
    }

    /// <summary>Frames of a kind that came in through a port so far.</summary>
    public long Count(string port, PortFrameKind kind)
    {
        lock (_counts)
            return _counts.Values.Where(c => c.Port == port && c.Kind == kind).Sum(c => c.Count);
    }

    /// <summary>Ends the watch.</summary>
    public PortWatchResult Stop()
    {
        if (_result is not null)
            return _result;
        _stopping = true;
        long dropped = 0;
        var statistics = stackalloc uint[2]; // tpacket_stats: packets, drops
        foreach (var (tap, thread) in _ports)
        {
            thread.Join();
            var length = 8;
            if (getsockopt((int)tap.Handle.DangerousGetHandle(), SOL_PACKET, PACKET_STATISTICS, statistics, &length) == 0)
                dropped += statistics[1];
        }
        return _result = new PortWatchResult([.. _counts.Values], dropped, _uncounted);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop();
        foreach (var (tap, _) in _ports)
            tap.Dispose();
    }

    private void Work(string port, PacketTap tap)
    {
        var buffer = new byte[128];
        var wait = new PollDescriptor { Descriptor = (int)tap.Handle.DangerousGetHandle(), Events = 1 };
        while (!_stopping)
        {
            _ = poll(&wait, 1, 100);
            while (!_stopping && tap.TryReceive(buffer, out var length, out var outgoing))
                if (!outgoing)
                    Classify(port, buffer.AsSpan(0, length));
        }
    }

    private void Classify(string port, ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 14)
            return;
        var source = frame.Slice(6, 6);
        if (source.StartsWith((ReadOnlySpan<byte>)[0, 0, 0x5e, 0, 1]))
            Add(port, PortFrameKind.VirtualSource, source, IPAddress.None);
        if (frame.Length >= 42 && frame[12] == 8 && frame[13] == 6 && frame[20] == 0 && frame[21] == 2)
            Add(port, PortFrameKind.ArpReply, source, new IPAddress(frame.Slice(28, 4)));
        if (frame.Length >= 34 && frame[12] == 8 && frame[13] == 0 && frame[23] == 112)
            Add(port, PortFrameKind.Advertisement, source, new IPAddress(frame.Slice(26, 4)));
    }

    private void Add(string port, PortFrameKind kind, ReadOnlySpan<byte> source, IPAddress address)
    {
        var now = new TimeSpan((Pacing.Now - _started) / 100);
        var mac = new PhysicalAddress(source.ToArray());
        var key = (port, kind, mac, address);
        lock (_counts)
        {
            if (_counts.TryGetValue(key, out var count))
                _counts[key] = count with { Count = count.Count + 1, Last = now };
            else if (_counts.Count < KeyLimit)
                _counts[key] = new PortCount(port, kind, mac, address, 1, now, now);
            else
                _uncounted++;
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }

    [LibraryImport("libc")]
    private static partial int poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc")]
    private static partial int getsockopt(int descriptor, int level, int option, void* value, int* length);
}
