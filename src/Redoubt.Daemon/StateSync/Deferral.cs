using System.Buffers.Binary;
using Redoubt.Core;
using Redoubt.Core.StateSync;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Links;
using Redoubt.Linux.Nftables;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Has the kernel bring the first packets of new flows here instead of sending them, and sends them when the engine says so: unchanged, out of the device they were meant for. Belongs to the loop's thread.
/// </summary>
internal sealed class Deferral(IReadOnlyList<string> devices, int limit) : IHeldFrames, IDisposable
{
    private const int FramesPerTurn = 256;
    private const ushort RenewProtocol = 0x88b5; // IEEE 802: local experiments
    private static readonly TimeSpan _renewal = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _look = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _reload = TimeSpan.FromSeconds(1);

    private readonly List<Way> _ways = [];
    private readonly Frame[] _frames = [.. Enumerable.Range(0, limit).Select(_ => new Frame())];
    private readonly Stack<int> _free = new(Enumerable.Range(0, limit));
    private readonly List<int> _fresh = new(limit);
    private readonly byte[] _buffer = new byte[TapDevice.MaxFrame];
    private readonly byte[] _renew = new byte[60];
    private PacketSender? _renewer;
    private Instant _nextRenewal;
    private Instant _nextLook;
    private Instant _notBefore;
    private bool _isStale;

    /// <summary>Frames that went at once because all places were taken.</summary>
    public long Overflows { get; private set; }

    /// <summary>Frames that went at once because they do not say which flow is theirs.</summary>
    public long Unreadable { get; private set; }

    /// <summary>Frames that the device did not take when they were let go.</summary>
    public long SendFaults { get; private set; }

    /// <summary>Times the rules were loaded.</summary>
    public long Loads { get; private set; }

    /// <summary>Why packets are not held though they should be; null while all is well.</summary>
    public string? Fault { get; private set; }

    /// <summary>Its own counters by their names.</summary>
    public IEnumerable<KeyValuePair<string, long>> ListCounters() =>
        [
            new("holdsOverflowed", Overflows),
            new("holdsUnreadable", Unreadable),
            new("holdSendFaults", SendFaults),
            new("holdRulesLoaded", Loads),
        ];

    /// <summary>Reads what waits. The flows of these frames are in the kernel's table, and it has told so: read that before <see cref="Offer"/>.</summary>
    public bool Read()
    {
        foreach (var way in _ways)
        {
            for (var i = 0; i < FramesPerTurn && way.Tap.TryRead(_buffer, out var length); i++)
                Take(way, _buffer.AsSpan(0, length));
        }
        return _fresh.Count > 0;
    }

    /// <summary>Asks the engine about what was read.</summary>
    public void Offer(Instant now, StateSyncEngine engine)
    {
        foreach (var ticket in _fresh)
        {
            var frame = _frames[ticket];
            if (FrameTuple.TryReadReply(frame.Content, out var reply))
            {
                if (engine.Hold(now, ticket, reply))
                    continue;
            }
            else
                Unreadable++;
            Release(ticket);
        }
        _fresh.Clear();
    }

    /// <inheritdoc />
    public void Release(int ticket)
    {
        var frame = _frames[ticket];
        // None: its device is gone meanwhile.
        if (frame.Way is { } way)
            Send(way, frame.Content);
        frame.Way = null;
        _free.Push(ticket);
    }

    /// <summary>Prolongs the lease while <paramref name="isWanted"/>, and looks after rules and devices. True where there may be other devices to be polled than before.</summary>
    public bool Renew(Instant now, bool isWanted)
    {
        var isChanged = false;
        if ((now >= _nextLook || _isStale) && now >= _notBefore)
        {
            _nextLook = now + _look;
            isChanged = LookAfter();
            // A kernel that refused will do so again.
            _notBefore = now + (Fault is null ? _reload : _look);
        }
        if (!isWanted || _renewer is null || now < _nextRenewal)
            return isChanged;
        _nextRenewal = now + _renewal;
        // The hook drops it, which the sender is told as ENOBUFS. Where the rules are gone it comes back to us.
        _renewer.Send(_renew, DeferTable.RenewMark);
        return isChanged;
    }

    /// <summary>The descriptors to be polled.</summary>
    public IEnumerable<Microsoft.Win32.SafeHandles.SafeFileHandle> Handles => _ways.Select(w => w.Tap.Handle);

    /// <summary>Takes the rules away and lets go of everything: nothing may stay here that the kernel gave away.</summary>
    public void Stop()
    {
        DeferTable.Remove();
        for (var ticket = 0; ticket < _frames.Length; ticket++)
        {
            if (_frames[ticket].Way is not null)
                Release(ticket);
        }
        _fresh.Clear();
        foreach (var way in _ways)
        {
            while (way.Tap.TryRead(_buffer, out var length))
                Pass(way, _buffer.AsSpan(0, length));
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _renewer?.Dispose();
        foreach (var way in _ways)
            way.Dispose();
        _ways.Clear();
    }

    private void Take(Way way, ReadOnlySpan<byte> content)
    {
        if (IsRenewal(content))
        {
            _isStale = true;
            return;
        }
        if (!_free.TryPop(out var ticket))
        {
            Overflows++;
            Pass(way, content);
            return;
        }
        _frames[ticket].Set(way, content);
        _fresh.Add(ticket);
    }

    private void Pass(Way way, ReadOnlySpan<byte> content)
    {
        if (!IsRenewal(content))
            Send(way, content);
    }

    private void Send(Way way, ReadOnlySpan<byte> content)
    {
        if (content.Length < 14 || !way.Sender.Send(content, mark: 0).IsSuccess)
            SendFaults++;
    }

    private static bool IsRenewal(ReadOnlySpan<byte> content) =>
        content.Length >= 14 && BinaryPrimitives.ReadUInt16BigEndian(content[12..]) == RenewProtocol;

    // Devices come and go, and somebody may flush the ruleset.
    private bool LookAfter()
    {
        try
        {
            using var route = new RouteNetlink();
            var links = route.Links();
            // Only Ethernet: the frame is sent again with its header.
            var wanted = links.Where(l => devices.Contains(l.Name) && l.Mac != default).Select(l => (l.Name, l.Index)).Distinct().ToList();
            var isSame = wanted.Count == _ways.Count && wanted.TrueForAll(w => _ways.Exists(o => (o.Device, o.Index) == w));
            if (isSame && !_isStale && Fault is null)
                return false;
            if (!isSame)
                Renew(wanted, route);
            Load();
            return !isSame;
        }
        catch (KernelException refusal)
        {
            Fault = refusal.Message;
            _isStale = true;
            return true;
        }
    }

    private void Renew(List<(string Name, int Index)> wanted, RouteNetlink route)
    {
        foreach (var way in _ways.Where(o => !wanted.Contains((o.Device, o.Index))).ToList())
        {
            for (var ticket = 0; ticket < _frames.Length; ticket++)
            {
                // Its device is gone: there is no way left for these.
                if (_frames[ticket].Way == way)
                    _frames[ticket].Way = null;
            }
            _ways.Remove(way);
            way.Dispose();
        }
        foreach (var (name, index) in wanted.Where(w => !_ways.Exists(o => o.Index == w.Index)))
            _ways.Add(new Way(name, index, route));
        _renewer?.Dispose();
        _renewer = null;
        if (_ways.Count == 0)
            return;
        _renewer = new PacketSender(_ways[0].Tap.InterfaceIndex);
        BinaryPrimitives.WriteUInt16BigEndian(_renew.AsSpan(12), RenewProtocol);
    }

    private void Load()
    {
        var result =
            _ways.Count == 0 ? DeferTable.Remove() : DeferTable.Load([.. _ways.Select(w => new DeferredDevice(w.Device, w.Tap.Name))]);
        Loads++;
        _isStale = !result.Succeeded;
        Fault = result.Succeeded ? null : result.Error;
    }

    private sealed class Frame
    {
        private byte[] _bytes = new byte[2048];
        private int _length;

        public Way? Way { get; set; }

        public ReadOnlySpan<byte> Content => _bytes.AsSpan(0, _length);

        public void Set(Way way, ReadOnlySpan<byte> content)
        {
            if (_bytes.Length < content.Length)
                _bytes = new byte[TapDevice.MaxFrame];
            content.CopyTo(_bytes);
            (Way, _length) = (way, content.Length);
        }
    }

    // A device, where its first packets come in, and the way out again.
    private sealed class Way : IDisposable
    {
        public Way(string device, int index, RouteNetlink route)
        {
            (Device, Index) = (device, index);
            Tap = new TapDevice(FormattableString.Invariant($"rh{index}"), route);
            Sender = new PacketSender(index);
        }

        public string Device { get; }

        public int Index { get; }

        public TapDevice Tap { get; }

        public PacketSender Sender { get; }

        public void Dispose()
        {
            Sender.Dispose();
            Tap.Dispose();
        }
    }
}
