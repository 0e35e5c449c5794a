using System.Net;
using System.Net.NetworkInformation;
using Redoubt.Lab.Network;
using Redoubt.Lab.Traffic;
using Redoubt.Linux;

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
public sealed class PortWatch : IDisposable
{
    private const int KeyLimit = 1024;
    private readonly Dictionary<(string, PortFrameKind, PhysicalAddress, IPAddress), PortCount> _counts = [];
    private readonly PortTaps _taps;
    private readonly long _started = Pacing.Now;
    private long _uncounted;

    /// <summary>Taps the named devices of the switch's namespace and starts.</summary>
    public PortWatch(NetworkNamespace where, IReadOnlyList<string> ports)
        : this(where.Run, ports) { }

    /// <summary>Taps ports of the lab and starts; they are called by their names, "fw1.lan".</summary>
    public PortWatch(Place @switch, IReadOnlyList<Port> ports)
        : this(@switch.Run, [.. ports.Select(p => p.SwitchDevice)], [.. ports.Select(p => p.Name)]) { }

    private PortWatch(Action<Action> within, IReadOnlyList<string> devices, IReadOnlyList<string>? names = null)
    {
        names ??= devices;
        _taps = new PortTaps(within, devices, (port, moment, frame) => Classify(names[port], moment, frame));
        _taps.Start();
    }

    /// <summary>Frames of a kind that came in through a port so far.</summary>
    public long Count(string port, PortFrameKind kind)
    {
        lock (_counts)
            return _counts.Values.Where(c => c.Port == port && c.Kind == kind).Sum(c => c.Count);
    }

    /// <summary>Ends the watch; frames that came in before the call are counted.</summary>
    public PortWatchResult Stop()
    {
        var dropped = _taps.Stop();
        lock (_counts)
            return new PortWatchResult([.. _counts.Values], dropped, _uncounted);
    }

    /// <inheritdoc />
    public void Dispose() => _taps.Dispose();

    private void Classify(string port, long moment, ReadOnlySpan<byte> frame)
    {
        if (frame.Length < 14)
            return;
        var source = frame.Slice(6, 6);
        if (source.StartsWith((ReadOnlySpan<byte>)[0, 0, 0x5e, 0, 1]))
            Add(port, moment, PortFrameKind.VirtualSource, source, IPAddress.None);
        if (frame.Length >= 42 && frame[12] == 8 && frame[13] == 6 && frame[20] == 0 && frame[21] == 2)
            Add(port, moment, PortFrameKind.ArpReply, source, new IPAddress(frame.Slice(28, 4)));
        if (frame.Length >= 34 && frame[12] == 8 && frame[13] == 0 && frame[23] == 112)
            Add(port, moment, PortFrameKind.Advertisement, source, new IPAddress(frame.Slice(26, 4)));
    }

    private void Add(string port, long moment, PortFrameKind kind, ReadOnlySpan<byte> source, IPAddress address)
    {
        var now = new TimeSpan((moment - _started) / 100);
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
}
