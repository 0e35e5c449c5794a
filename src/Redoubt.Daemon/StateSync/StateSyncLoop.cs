using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Redoubt.Core;
using Redoubt.Core.Pfsync;
using Redoubt.Core.StateSync;
using Redoubt.Linux;
using Redoubt.Linux.Conntrack;
using Redoubt.Linux.Interop;

namespace Redoubt.Daemon.StateSync;

/// <summary>
/// Replicates the kernel's connection states with the peers, on a thread of its own that owns the engine, the table, the event socket and
/// the UDP socket. One turn: wait → commands → kernel events → datagrams → clock → send. Every public member may be called from any
/// thread; callbacks run on the loop's thread and must not block.
/// </summary>
public sealed class StateSyncLoop : IDisposable
{
    private const int EventBurst = 4096; // of one turn, so that peers are heard while the kernel talks
    private const int DatagramBurst = 256;
    private static readonly TimeSpan _snapshotPeriod = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _faultPause = TimeSpan.FromMilliseconds(100);
    private readonly StateSyncOptions _options;
    private readonly ConcurrentQueue<Action<Instant>> _commands = new();
    private readonly EventDescriptor _wake = new();
    private readonly byte[] _datagram = new byte[PfsyncLimits.MaxDatagram + 1]; // one more: a longer one shows
    private KernelStateTable? _table;
    private ConntrackEvents? _events;
    private PeerSocket? _socket;
    private StateSyncEngine? _engine;
    private Thread? _thread;
    private Instant _nextSnapshot;
    private bool _toldReady;
    private volatile bool _stopping;
    private volatile StateSyncSnapshot _snapshot;

    /// <summary>Keeps the options; nothing is opened before <see cref="Start"/>.</summary>
    public StateSyncLoop(StateSyncOptions options)
    {
        _options = options;
        _snapshot = new StateSyncSnapshot(false, 0, 0, [], []);
    }

    /// <summary>What the loop was built with.</summary>
    public StateSyncOptions Options => _options;

    /// <summary>True when every live peer's bulk is in, or waiting longer makes no sense (D7).</summary>
    public bool IsReady => _snapshot.IsReady;

    /// <summary>Readiness changed: the new value and why, in one short English sentence.</summary>
    public Action<bool, string>? ReadinessChanged { get; set; }

    /// <summary>Something an operator wants to know: a kind ("peer-up", "bulk-done", "overrun", ...) and a message.</summary>
    public Action<string, string>? Event { get; set; }

    /// <summary>Opens the sockets and starts the thread.</summary>
    /// <exception cref="KernelException">The kernel refuses: no connection tracking, or the address is not ours.</exception>
    public void Start()
    {
        try
        {
            _socket = new PeerSocket(_options);
        }
        catch (SocketException e)
        {
            throw new KernelException($"state sync: listen on {_options.LocalAddress} port {_options.Port}", new Errno(e.NativeErrorCode));
        }
        // Listening before the first walk: what changes during the walk is heard afterwards.
        _events = new ConntrackEvents(true, true, true, _options.EventBuffer);
        _table = new KernelStateTable();
        _engine = new StateSyncEngine(Settings(), _table, _socket, Tell, BootClock.Now);
        Publish(BootClock.Now);
        _thread = new Thread(Run) { Name = "state sync" };
        _thread.Start();
    }

    /// <summary>Stops the thread; waits <paramref name="limit"/> at most.</summary>
    public void Stop(TimeSpan limit)
    {
        _stopping = true;
        _wake.Signal();
        _thread?.Join(limit);
    }

    /// <summary>Tells whether this node is MASTER of some vhid: its kernel forwards, its flows are its own.</summary>
    public void SetForwarding(bool forwarding) => Post(now => _engine!.SetForwarding(forwarding, now));

    /// <summary>Asks every live peer for its states and offers it all of ours.</summary>
    public void RequestSync() => Post(_engine!.RequestSync);

    /// <summary>How it stands; at most a few hundred milliseconds old.</summary>
    public StateSyncSnapshot Snapshot() => _snapshot;

    /// <inheritdoc />
    public void Dispose()
    {
        Stop(TimeSpan.FromSeconds(2));
        if (_thread is { IsAlive: true })
            return; // it still uses what would be closed
        _socket?.Dispose();
        _events?.Dispose();
        _table?.Dispose();
        _wake.Dispose();
    }

    private StateSyncSettings Settings()
    {
        Span<byte> random = stackalloc byte[8];
        RandomNumberGenerator.Fill(random);
        return new StateSyncSettings
        {
            NodeId = (byte)_options.NodeId,
            Epoch = BitConverter.ToUInt64(random) | 1,
            Clock = (ulong)DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() << 16,
            Peers = _options.Peers.Count,
            Scope = new StateScope(
                _options.ExemptAddresses.Select(a =>
                    ((byte)(a.AddressFamily == AddressFamily.InterNetwork ? 2 : 10), IpAddressValue.From(a))
                )
            ),
            MaxEntries = _options.MaxEntries,
            ScanPeriod = _options.ScanPeriod,
            LoneWait = _options.LoneWait,
            BulkLimit = _options.BulkLimit,
        };
    }

    private void Post(Action<Instant> command)
    {
        _commands.Enqueue(command);
        _wake.Signal();
    }

    private void Run()
    {
        using var poller = new Poller();
        poller.Add(_wake.Handle);
        poller.Add(_events!.Handle);
        poller.Add(_socket!.Handle);
        while (!_stopping)
        {
            try
            {
                Turn(poller);
            }
#pragma warning disable CA1031 // one broken turn must not end the replication
            catch (Exception e)
#pragma warning restore CA1031
            {
                Event?.Invoke("fault", $"the state sync thread failed and goes on: {e.Message}");
                poller.Wait(BootClock.Now + _faultPause);
            }
        }
    }

    private void Turn(Poller poller)
    {
        poller.Wait(_engine!.Deadline);
        _wake.Drain();
        var now = BootClock.Now;
        while (_commands.TryDequeue(out var command))
            command(now);
        HearKernel(now);
        HearPeers(now);
        now = BootClock.Now;
        _engine.Tick(now);
        if (_engine.IsReady != _toldReady)
        {
            _toldReady = _engine.IsReady;
            Publish(now);
            ReadinessChanged?.Invoke(_toldReady, _engine.ReadyReason);
        }
        else if (now >= _nextSnapshot)
        {
            Publish(now);
        }
    }

    private void HearKernel(Instant now)
    {
        for (var i = 0; i < EventBurst; i++)
        {
            var errno = _events!.TryRead(out var news);
            if (errno == Errno.NoBufferSpace)
            {
                _events.Grow();
                _engine!.OnOverrun(now);
                continue;
            }
            if (!errno.IsSuccess)
                return;
            if (news.Port != _table!.Port)
                _engine!.OnNews(Kind(news.Kind), news.Entry, now);
        }
    }

    private static TableNews Kind(ConntrackEventKind kind) =>
        kind switch
        {
            ConntrackEventKind.New => TableNews.New,
            ConntrackEventKind.Destroy => TableNews.Destroy,
            _ => TableNews.Update,
        };

    private void HearPeers(Instant now)
    {
        for (var i = 0; i < DatagramBurst && _socket!.TryReceive(_datagram, out var peer, out var length); i++)
        {
            if (peer == PeerSocket.Stranger)
                _engine!.OnStranger();
            else
                _engine!.OnDatagram(peer, _datagram.AsSpan(0, length), now);
        }
    }

    private void Tell(StateSyncNotice notice) => Event?.Invoke(notice.Kind, notice.Message);

    private void Publish(Instant now)
    {
        _nextSnapshot = now + _snapshotPeriod;
        var engine = _engine!;
        _snapshot = new StateSyncSnapshot(
            engine.IsReady,
            engine.LiveCount,
            engine.CountOwned(),
            [
                .. _options.Peers.Select(
                    (address, i) =>
                    {
                        var view = engine.View(i, now);
                        return new StateSyncPeerSnapshot(
                            address,
                            view.NodeId,
                            view.IsAlive,
                            view.IsInSync,
                            view.LagMilliseconds,
                            Bulk(view)
                        );
                    }
                ),
            ],
            [.. Counters(engine.Counters)]
        );
    }

    private static string Bulk(in StateSyncPeerView view) =>
        view.Bulk switch
        {
            BulkProgress.Done => "done",
            BulkProgress.Running => $"running {view.BulkPercent}%",
            _ => "waiting",
        };

    private IEnumerable<KeyValuePair<string, long>> Counters(StateSyncCounters counters)
    {
        yield return new("datagramsSent", counters.DatagramsSent);
        yield return new("datagramsResent", counters.DatagramsResent);
        yield return new("datagramsNotSent", _socket!.NotSent);
        yield return new("statesSent", counters.StatesSent);
        yield return new("deletesSent", counters.DeletesSent);
        yield return new("asksSent", counters.AsksSent);
        yield return new("statesReceived", counters.StatesReceived);
        yield return new("deletesReceived", counters.DeletesReceived);
        yield return new("installed", counters.Installed);
        yield return new("updated", counters.Updated);
        yield return new("deleted", counters.Deleted);
        yield return new("notInstalled", counters.NotInstalled);
        yield return new("conflicts", counters.Conflicts);
        yield return new("stale", counters.Stale);
        yield return new("adopted", counters.Adopted);
        yield return new("outOfScope", counters.OutOfScope);
        yield return new("storeFull", counters.StoreFull);
        yield return new("overruns", counters.Overruns);
        yield return new("refusedByKernel", _table!.Refused);
        foreach (var rejection in Enum.GetValues<PfsyncRejection>())
            yield return new(rejection == PfsyncRejection.None ? "accepted" : $"rejected{rejection}", counters[rejection]);
    }
}
