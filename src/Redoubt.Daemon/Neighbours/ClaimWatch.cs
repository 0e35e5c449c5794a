using Redoubt.Core;
using Redoubt.Core.Neighbours;
using Redoubt.Daemon.Events;
using Redoubt.Linux;
using Redoubt.Linux.Interop;
using Redoubt.Linux.Packets;

namespace Redoubt.Daemon.Neighbours;

/// <summary>
/// A thread that hears on the devices with vhids who claims their addresses, and reports it to the election, which knows whether that is right. Apart from it, because
/// everybody on the segment may send what is read here: it reads at a pace of its own, and what is more than that the kernel drops.
/// </summary>
internal sealed class ClaimWatch : IDisposable
{
    private const string Alarm = "claims-unheard";
    private const int Burst = 64; // frames of one socket in a round
    private static readonly TimeSpan _round = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _reportPause = TimeSpan.FromMilliseconds(50); // of one vhid
    private static readonly TimeSpan _retry = TimeSpan.FromSeconds(1);
    private readonly List<(WatchedPort Port, NeighbourSocket Socket)> _sockets = [];
    private readonly Dictionary<int, Instant> _reported = [];
    private readonly Action<int, NeighbourClaim> _report;
    private readonly AlarmBoard _alarms;
    private readonly EventDescriptor _wake = new();
    private readonly byte[] _frame = new byte[512];
    private readonly Thread _thread;
    private volatile bool _stopping;

    /// <summary>Opens a socket for each device and family; where one cannot be opened, an alarm says so and the others are heard.</summary>
    public ClaimWatch(IReadOnlyList<WatchedPort> ports, Action<int, NeighbourClaim> report, AlarmBoard alarms)
    {
        (_report, _alarms) = (report, alarms);
        foreach (var port in ports)
        {
            foreach (var ipv6 in new[] { false, true })
            {
                if (port.Members.Keys.Any(k => k.Item2 == ipv6))
                    Open(port, ipv6);
            }
        }
        _thread = new Thread(Run) { Name = "claims" };
    }

    public void Start()
    {
        if (_sockets.Count > 0)
            _thread.Start();
    }

    public void Stop()
    {
        _stopping = true;
        _wake.Signal();
        if (_thread.IsAlive)
            _thread.Join();
        _alarms.Clear(Alarm);
    }

    public void Dispose()
    {
        Stop();
        foreach (var (_, socket) in _sockets)
            socket.Dispose();
        _wake.Dispose();
    }

    private void Open(WatchedPort port, bool ipv6)
    {
        try
        {
            _sockets.Add((port, new NeighbourSocket(port.Index, ipv6, claims: true)));
        }
        catch (KernelException e)
        {
            _alarms.Raise(Alarm, $"who claims virtual addresses on {port.Name} is not heard: {e.Message}");
        }
    }

    private void Run()
    {
        using var sockets = new Poller();
        using var stop = new Poller();
        stop.Add(_wake.Handle);
        sockets.Add(_wake.Handle);
        foreach (var (_, socket) in _sockets)
            sockets.Add(socket.Handle);
        while (!_stopping)
        {
            try
            {
                sockets.Wait(Instant.Never);
                foreach (var (port, socket) in _sockets)
                    Hear(port, socket);
                stop.Wait(BootClock.Now + _round);
            }
#pragma warning disable CA1031 // what fails is tried again; elections do not depend on it
            catch (Exception e)
#pragma warning restore CA1031
            {
                _alarms.Raise(Alarm, $"hearing who claims virtual addresses failed and is tried again: {e.Message}");
                Thread.Sleep(_retry);
            }
        }
    }

    private void Hear(WatchedPort port, NeighbourSocket socket)
    {
        var now = BootClock.Now;
        for (var i = 0; i < Burst && socket.TryReceive(_frame, out var length); i++)
        {
            if (!NeighbourClaim.TryRead(_frame.AsSpan(0, length), out var claim))
                continue;
            if (!port.Members.TryGetValue((claim.Address, claim.IsIPv6), out var member))
                continue;
            if (_reported.TryGetValue(member, out var last) && now - last < _reportPause)
                continue;
            _reported[member] = now;
            _report(member, claim);
        }
    }
}
