using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Simulation;

/// <summary>A packet behind its IP header.</summary>
public sealed record SimulatedPacket(int From, IpAddressValue Source, byte[] Payload);

/// <summary>
/// A node: the product's segment and virtual host, driven as the election loop drives them, and a lease as the kernel keeps
/// it. The lease goes on while the process is frozen or dead; it is not renewed then.
/// </summary>
public sealed class SimulatedNode
{
    private const int SocketQueueLimit = 64;
    private const int HeaderLength = 34;
    private readonly Func<IVirtualHost> _create;
    private readonly Action<SimulatedNode, byte[]> _send;
    private readonly Queue<SimulatedPacket> _socket = new();
    private ElectionSegment _segment = new();
    private IVirtualHost _host = null!;
    private bool _granted;
    private Instant _frozenAt;

    // The election loop wakes at least this often, so it notices a longer sleep.
    private static readonly TimeSpan _loopTick = TimeSpan.FromMilliseconds(500);

    public SimulatedNode(int index, Func<IVirtualHost> create, Action<SimulatedNode, byte[]> send)
    {
        (Index, _create, _send) = (index, create, send);
        Address = new IpAddressValue(0, 0x0a000001u + (uint)index);
        Start(Instant.Zero);
    }

    public int Index { get; }

    public IpAddressValue Address { get; }

    public bool IsFrozen { get; private set; }

    public bool IsCrashed { get; private set; }

    public bool IsAwake => !IsFrozen && !IsCrashed;

    public IElection Machine => _host.Machine;

    /// <summary>How good it is, as it advertises itself; less is better.</summary>
    public long Rank => _host is VrrpVirtualHost vrrp ? -vrrp.Election.EffectivePriority : _host.Machine.AdvertInterval.Ticks;

    public Instant LeaseEnd { get; private set; } = Instant.Zero;

    public int Transitions { get; private set; }

    /// <summary>Set by a claim, taken by the checker.</summary>
    public bool JustClaimed { get; set; }

    public bool Holds(Instant now) => _granted && now < LeaseEnd;

    public void Start(Instant now)
    {
        (IsCrashed, IsFrozen) = (false, false);
        _granted = false;
        _segment = new ElectionSegment();
        _host = _create();
        _segment.Add(_host);
        _socket.Clear();
        Execute(_host.Machine.OnReady(now), now);
    }

    public void Crash() => IsCrashed = true;

    public void Freeze(Instant now) => (IsFrozen, _frozenAt) = (true, now);

    public void Wake(Instant now, bool packetsLost)
    {
        IsFrozen = false;
        if (now - _frozenAt > _loopTick)
        {
            if (packetsLost)
                _socket.Clear();
            Machine.OnOverslept(now);
        }
        Run(now);
    }

    public void Stop(Instant now)
    {
        Execute(Machine.OnStop(now), now);
        IsCrashed = true;
    }

    public void Arrive(SimulatedPacket packet, Instant now)
    {
        if (IsCrashed || _socket.Count >= SocketQueueLimit)
            return;
        _socket.Enqueue(packet);
        if (!IsFrozen)
            Run(now);
    }

    /// <summary>One turn of the loop: lost lease, news, then the clock.</summary>
    public void Run(Instant now)
    {
        if (!IsAwake)
            return;
        if (_granted && now >= LeaseEnd)
        {
            // What lapsed is gone: an advert renews a lease, only a claim grants one.
            _granted = false;
            Execute(Machine.OnLeaseLost(now), now);
        }
        while (_socket.TryDequeue(out var packet))
        {
            var receipt = _segment.Receive(packet.Payload, false, packet.Source, CarpFrame.GroupIPv4, 255, now);
            Execute(receipt.Actions, now);
        }
        Execute(Machine.OnTurn(now), now);
    }

    public void Demote(int total, Instant now) => Execute(Machine.OnDemotion(total, now), now);

    private void Execute(CarpActions actions, Instant now)
    {
        if (actions.HasFlag(CarpActions.Resign))
            Send(resign: true);
        if (actions.HasFlag(CarpActions.Release))
        {
            _granted = false;
            Transitions++;
        }
        if (actions.HasFlag(CarpActions.Claim))
        {
            (_granted, JustClaimed) = (true, true);
            Transitions++;
        }
        if (!actions.HasFlag(CarpActions.Advertise))
            return;
        Send(resign: false);
        LeaseEnd = now + Machine.LeaseTime;
    }

    private void Send(bool resign)
    {
        Span<byte> frame = stackalloc byte[128];
        var length = _host.WriteFrame(frame, ipv6: false, _host.VirtualMac, Address, CarpFrame.GroupIPv4, CarpFrame.GroupMacIPv4, resign);
        _send(this, frame[HeaderLength..length].ToArray());
    }
}
