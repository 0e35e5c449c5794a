using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.PlainPfsync;
using Redoubt.Core.StateSync;
using Redoubt.Linux;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Replicates the kernel's connection states with the peers, on a thread of its own. Every public member may be called from any
/// thread; callbacks run on the loop's thread and must not block.
/// </summary>
public sealed class StateSyncLoop(StateSyncOptions options) : IDisposable
{
    private const int EventsPerTurn = 2048;
    private const int DatagramsPerTurn = 256;
    private const int MaxHeld = 256;
    private const string DeferralAlarm = "state-sync-deferral";
    private static readonly TimeSpan _publishInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _faultInterval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _faultPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _overslept = TimeSpan.FromSeconds(5);

    // Under load a turn for each piece of news costs more in system calls than the news: waiting a moment lets it carry several.
    private static readonly TimeSpan _breath = TimeSpan.FromMicroseconds(250);
    private readonly Pace _pace = new();

    private readonly Lock _gate = new();
    private readonly ConcurrentQueue<Action<Instant>> _commands = new();

    // A raw socket gives the IP header, too, and a peer's packets are as long as its MTU lets them be.
    private readonly byte[] _buffer = new byte[options.Formats.Count > 0 ? ushort.MaxValue : PfsyncLimits.MaxDatagram + 1];
    private EventDescriptor? _wake;
    private KernelStateTable? _table;
    private ConntrackEvents? _events;
    private PeerLinks? _links;
    private Poller? _poller;
    private IStateSync? _engine;
    private Deferral? _deferral;
    private Thread? _thread;
    private volatile bool _isStopping;
    private volatile StateSyncSnapshot _snapshot = new(false, 0, 0, [], []);
    private readonly RefusalWatch _refusals = new();
    private readonly CapacityWatch _capacity = new(options.ScanPeriod);
    private readonly PeerWatch _watch = new(options.DigestPeriod);
    private Action? _prepared;
    private Instant _nextPublish;
    private Instant _nextFault;
    private Instant _notBefore;
    private long _faults;
    private long _sleeps;
    private long _turns;
    private int _wakeSlot;
    private int _eventSlot;
    private int[] _socketSlots = [];
    private int[] _heldSlots = [];
    private string? _deferralFault;

    private readonly IPAddress[] _destinations = options.Peers.Count > 0 ? [.. options.Peers] : [GroupOf(options.LocalAddress)];

    /// <summary>What the loop was built with.</summary>
    public StateSyncOptions Options { get; } = options;

    /// <summary>Turns that ended well.</summary>
    public long Turns => Interlocked.Read(ref _turns);

    /// <summary>Lets it turn, though there may be nothing to do.</summary>
    public void Wake() => _wake?.Signal();

    /// <summary>True when every live peer's bulk is in, or a time limit passed (D7).</summary>
    public bool IsReady => _snapshot.IsReady;

    /// <summary>Readiness changed: the new value and why, in one short English sentence.</summary>
    public Action<bool, string>? ReadinessChanged { get; set; }

    /// <summary>Something an operator wants to know: a kind ("peer-up", "bulk-done", "overrun", ...) and a message.</summary>
    public Action<string, string>? Event { get; set; }

    /// <summary>A state of affairs began (a sentence) or ended (null): a stable name and the sentence.</summary>
    public Action<string, string?>? Alarm { get; set; }

    /// <summary>
    /// Opens the sockets, in the network namespace of the calling thread, and starts the thread; throws when the kernel refuses.
    /// </summary>
    /// <exception cref="KernelException">No connection tracking, or no permission.</exception>
    /// <exception cref="SocketException">The address or port cannot be bound.</exception>
    public void Start()
    {
        if (_thread is not null)
            throw new InvalidOperationException("already started");
        try
        {
            _wake ??= new EventDescriptor();
            _table = new KernelStateTable();
            _events = new ConntrackEvents(news: false, updates: false, destroys: true, Options.EventBuffer);
            _links = OpenLinks();
            if (IsDeferring)
            {
                _deferral = new Deferral(Options.DeferredDevices, MaxHeld);
                _deferral.Renew(BootClock.Now, isWanted: false);
            }
            Poll();
            Span<byte> random = stackalloc byte[16];
            RandomNumberGenerator.Fill(random);
            _engine = IsPlainPfsync
                ? new PlainPfsyncEngine(PlainOptions(random), _table, _links, BootClock.Now)
                : new StateSyncEngine(EngineOptions(random), _table, _links, BootClock.Now);
            _engine.Notice = (kind, message) => Event?.Invoke(kind, message);
        }
        catch
        {
            Close();
            throw;
        }
        Publish(BootClock.Now);
        _thread = new Thread(Run) { IsBackground = true, Name = "state sync" };
        _thread.Start();
    }

    /// <summary>Stops the thread and closes the sockets; waits <paramref name="limit"/> at most.</summary>
    public void Stop(TimeSpan limit)
    {
        if (_thread is null)
            return;
        _isStopping = true;
        _wake!.Signal();
        if (_thread != Thread.CurrentThread)
            _thread.Join(limit);
    }

    /// <summary>Tells whether this node is MASTER of some vhid: its kernel forwards, its flows are its own.</summary>
    public void SetForwarding(bool forwarding) =>
        Post(now =>
        {
            // First: what comes in between is found by the walk that begins now.
            _events!.ListenToChanges(forwarding);
            _engine!.SetForwarding(now, forwarding);
        });

    /// <summary>
    /// Makes this node's flows ready to be taken over: both nodes will see a part of each for a moment. Waits until that is done, at most
    /// <paramref name="limit"/>; false where it was not.
    /// </summary>
    public bool PrepareHandOver(TimeSpan limit)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ =>
        {
            _engine!.PrepareHandOver();
            _prepared += done.SetResult;
        });
        return done.Task.Wait(limit);
    }

    /// <summary>Asks every live peer for its states and offers it all of ours.</summary>
    public void RequestSync() => Post(now => _engine!.RequestSync(now));

    /// <summary>How it stands; refreshed by the loop several times a second.</summary>
    public StateSyncSnapshot Snapshot() => _snapshot;

    /// <summary>Replicated states known.</summary>
    public long Count()
    {
        lock (_gate)
            return _engine?.Count ?? 0;
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop(TimeSpan.FromSeconds(2));
        if (_thread is null || !_thread.IsAlive)
            Close();
    }

    private void Post(Action<Instant> command)
    {
        if (_isStopping)
            return;
        _commands.Enqueue(command);
        (_wake ??= new EventDescriptor()).Signal();
    }

    // Anew where there are other descriptors than before: a poller keeps those that it has.
    private void Poll()
    {
        _poller?.Dispose();
        _poller = new Poller();
        _wakeSlot = _poller.Add(_wake!.Handle);
        _eventSlot = _poller.Add(_events!.Handle);
        _socketSlots = [.. _links!.Sockets.Select(s => _poller.Add(s.Handle))];
        _heldSlots = [.. _deferral?.Handles.Select(_poller.Add) ?? []];
    }

    private bool IsDeferring => Options.DeferredDevices.Count > 0 && !IsPlainPfsync;

    private bool IsPlainPfsync => Options.Formats.Count > 0;

    private static IPAddress GroupOf(IPAddress local) =>
        PfsyncSocket.Group(local.AddressFamily == AddressFamily.InterNetworkV6).ToIPAddress(local.AddressFamily);

    private PeerLinks OpenLinks()
    {
        if (IsPlainPfsync)
            return new PeerLinks([new PlainPfsyncSocket(Options)]);
        var first = new PeerSocket(new StateSyncLink(Options.Device, Options.LocalAddress, Options.Peers), Options.Port);
        if (Options.Second is null)
            return new PeerLinks([first]);
        try
        {
            return new PeerLinks([first, new PeerSocket(Options.Second, Options.Port)]);
        }
        catch (SocketException fault)
        {
            Event?.Invoke("sync-link", $"the second link cannot be used: {fault.Message}; states go over one");
            return new PeerLinks([first]);
        }
    }

    private StateScope Scope() =>
        new(
            Options
                .ExemptAddresses.Concat(Options.Peers)
                .Append(Options.LocalAddress)
                .Select(a => ((byte)(a.AddressFamily == AddressFamily.InterNetwork ? 2 : 10), IpAddressValue.From(a))),
            Options.Filters
        );

    // Above all that an earlier life drew.
    private static ulong MicrosecondsSince1970 => (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private PlainPfsyncOptions PlainOptions(ReadOnlySpan<byte> random) =>
        new()
        {
            HostId = Options.HostId ?? (BinaryPrimitives.ReadUInt32LittleEndian(random) | 1),
            FirstId = MicrosecondsSince1970,
            Peers = Options.Formats,
            Scope = Scope(),
            MaxEntries = Options.MaxEntries,
            LoneWait = Options.LoneWait,
            BulkLimit = Options.BulkLimit,
            ScanPeriod = Options.ScanPeriod,
        };

    private StateSyncEngineOptions EngineOptions(ReadOnlySpan<byte> random) =>
        new()
        {
            NodeId = (byte)Options.NodeId,
            Epoch = BinaryPrimitives.ReadUInt64LittleEndian(random) | 1,
            Seed = BinaryPrimitives.ReadUInt64LittleEndian(random[8..]),
            ClockStart = MicrosecondsSince1970,
            Peers = Options.Peers.Count,
            Links = _links!.Sockets.Count,
            Secret = Options.Secret,
            Scope = Scope(),
            MaxEntries = Options.MaxEntries,
            LoneWait = Options.LoneWait,
            BulkLimit = Options.BulkLimit,
            ScanPeriod = Options.ScanPeriod,
            DigestPeriod = Options.DigestPeriod,
            Held = _deferral,
            MaxHeld = MaxHeld,
        };

    private void Run()
    {
        var last = BootClock.Now;
        while (!_isStopping)
        {
            // After a failure not before the pause is over: what failed may fail again at once.
            if (_pace.IsFast)
                Poller.Pause(_breath);
            var deadline = _engine!.Deadline;
            _poller!.Wait(deadline < _notBefore ? _notBefore : deadline);
            var now = BootClock.Now;
            if (now - last > _overslept)
                Overslept(now - last);
            last = now;
            try
            {
                lock (_gate)
                    Turn(now);
                Interlocked.Increment(ref _turns);
            }
#pragma warning disable CA1031 // a turn that failed is told of; the states of the others must not stop
            catch (Exception fault)
#pragma warning restore CA1031
            {
                Failed(fault);
            }
        }
        _deferral?.Stop();
        TellDeferral(null);
        _refusals.Clear(Alarm);
        _watch.Clear(Alarm);
        _capacity.Clear(Alarm);
    }

    private void Turn(Instant now)
    {
        if (_poller!.IsReadable(_wakeSlot))
            _wake!.Drain();
        // Before the news of their flows, so that this is there when they are asked about.
        var isHeld = IsHeldReadable() && _deferral!.Read();
        // News first: what passed before a command was given is judged as it was then.
        if (_poller.IsReadable(_eventSlot) || !_commands.IsEmpty || isHeld)
            ReadEvents(now);
        while (_commands.TryDequeue(out var command))
            command(now);
        if (isHeld)
            _deferral!.Offer(now, (StateSyncEngine)_engine!);
        for (var link = 0; link < _socketSlots.Length; link++)
        {
            if (_poller.IsReadable(_socketSlots[link]))
                ReadDatagrams(now, link);
        }
        _engine!.Tick(BootClock.Now);
        _pace.Take(now, _engine.Counters.Events + _engine.Counters.StatesReceived);
        if (_prepared is { } prepared && _engine.IsLiberal)
        {
            _prepared = null;
            prepared();
        }
        if (_deferral is { } deferral && deferral.Renew(now, ((StateSyncEngine)_engine).CanHold))
            Poll();
        if (now >= _nextPublish || _engine.IsReady != _snapshot.IsReady)
            Publish(now);
    }

    private bool IsHeldReadable()
    {
        foreach (var slot in _heldSlots)
        {
            if (_poller!.IsReadable(slot))
                return true;
        }
        return false;
    }

    private void TellDeferral(string? fault)
    {
        if (fault == _deferralFault)
            return;
        _deferralFault = fault;
        Alarm?.Invoke(DeferralAlarm, fault is null ? null : $"first packets of new flows are not held (statesync/defer): {fault}");
    }

    private void ReadEvents(Instant now)
    {
        for (var i = 0; i < EventsPerTurn; i++)
        {
            var errno = _events!.TryRead(out var news);
            if (errno.IsSuccess)
            {
                if (news.Kind is ConntrackEventKind.Expect or ConntrackEventKind.Unexpect)
                {
                    var isGone = news.Kind == ConntrackEventKind.Unexpect;
                    _engine!.TakeExpectation(now, _events.Expected, isGone, news.Port == _table!.Port);
                    continue;
                }
                var kind =
                    news.Kind == ConntrackEventKind.New ? TableNews.New
                    : news.Kind == ConntrackEventKind.Update ? TableNews.Update
                    : TableNews.Destroy;
                _engine!.TakeNews(now, kind, news.Entry, news.Fields, news.Port == _table!.Port);
                continue;
            }
            if (errno != Errno.NoBufferSpace)
                return;
            _events.Grow();
            _engine!.TakeOverrun(now);
        }
    }

    private void ReadDatagrams(Instant now, int link)
    {
        var socket = _links!.Sockets[link];
        for (var i = 0; i < DatagramsPerTurn && socket.TryReceive(_buffer, out var datagram); i++)
            _engine!.Receive(now, datagram.Peer, link, datagram.Ttl, _buffer.AsSpan(datagram.Offset, datagram.Length));
    }

    private void Publish(Instant now)
    {
        var engine = _engine!;
        var before = _snapshot.IsReady;
        var peers = ImmutableArray.CreateBuilder<StateSyncPeerSnapshot>(_destinations.Length);
        for (var i = 0; i < _destinations.Length; i++)
        {
            var peer = engine.Peer(i);
            peers.Add(
                new StateSyncPeerSnapshot(
                    _destinations[i],
                    peer.NodeId,
                    peer.IsAlive,
                    peer.IsInSync,
                    Math.Round(peer.Lag.TotalMilliseconds, 3),
                    peer.Bulk
                )
                {
                    Agreement = peer.Agreement,
                    ComparedAgo = peer.ComparedAgo,
                    Repaired = peer.Repaired,
                    Silence = peer.Silence,
                    Lags = peer is { LagMedian: { } median, LagHigh: { } high }
                        ? (Math.Round(median.TotalMilliseconds, 3), Math.Round(high.TotalMilliseconds, 3))
                        : null,
                    OldestMilliseconds = Math.Round(peer.Oldest.TotalMilliseconds, 3),
                    Resent = peer.Resent,
                    Device = peer.Link == 0 ? Options.Device : Options.Second!.Device,
                }
            );
        }
        _snapshot = new StateSyncSnapshot(engine.IsReady, engine.Count, engine.OwnedCount, peers.MoveToImmutable(), Counters(engine))
        {
            Links = _socketSlots.Length,
        };
        _nextPublish = now + _publishInterval;
        _refusals.Look(now, engine.Counters, Alarm);
        _watch.Look(now, _snapshot.Peers, Alarm);
        _capacity.Look(now, _table!.Full, Alarm);
        TellDeferral(_deferral?.Fault);
        if (engine.IsReady != before)
            ReadinessChanged?.Invoke(engine.IsReady, engine.ReadyReason);
    }

    private ImmutableArray<KeyValuePair<string, long>> Counters(IStateSync engine) =>
        [
            .. engine.ListCounters(),
            new("eventsMalformed", _events!.Malformed),
            new("eventBuffer", _events.ReceiveBuffer),
            new("kernelRefusals", _table!.Refused),
            new("kernelFull", _table.Full),
            new("withoutHelper", _table.WithoutHelper),
            new("dumpFaults", _table.DumpFaults),
            new("receiveFaults", _links!.ReceiveFaults),
            new("turnFaults", _faults),
            new("overslept", _sleeps),
            .. _deferral?.ListCounters() ?? [],
        ];

    private void Overslept(TimeSpan span)
    {
        _sleeps++;
        Event?.Invoke("overslept", $"the state sync did not run for {span.TotalSeconds:F1} s");
        Post(now => _engine!.RequestSync(now));
    }

    private void Failed(Exception fault)
    {
        _faults++;
        var now = BootClock.Now;
        _notBefore = now + _faultPause;
        if (now < _nextFault)
            return;
        _nextFault = now + _faultInterval;
        try
        {
            Event?.Invoke("fault", $"a turn of the state sync failed: {fault.Message}");
        }
#pragma warning disable CA1031 // the listener itself may be what fails
        catch (Exception)
#pragma warning restore CA1031
        {
            _faults++;
        }
    }

    private void Close()
    {
        _engine?.Close();
        _poller?.Dispose();
        _deferral?.Dispose();
        _events?.Dispose();
        _table?.Dispose();
        _links?.Dispose();
        _wake?.Dispose();
    }
}
