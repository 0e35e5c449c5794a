using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Core.Vrrp;

namespace Redoubt.Tests.Simulation;

/// <summary>What may go wrong in a storm.</summary>
public enum StormKind
{
    /// <summary>Nodes freeze and crash; the wire is good.</summary>
    Nodes,

    /// <summary>The wire loses, delays, duplicates and is cut.</summary>
    Wire,

    /// <summary>Both.</summary>
    Everything,
}

/// <summary>
/// Two to five nodes in virtual time, faults for half a minute, then quiet. Checked after every event; the seed decides all.
/// </summary>
public sealed class Storm
{
    private static readonly TimeSpan _faultTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan _quietTime = TimeSpan.FromSeconds(30);
    private readonly Random _random;
    private readonly SimulatedSegment _segment;
    private readonly SimulatedNode[] _nodes;
    private readonly bool _preempt;
    private readonly int[] _demotions;
    private readonly StormKind _kind;
    private readonly Instant[,] _hearEachOtherSince;
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly TimeSpan _settle;
    private Instant _now = Instant.Zero;
    private long _order;

    public Storm(int seed, bool vrrp = false)
    {
        _random = new Random(seed);
        _kind = (StormKind)(seed % 3);
        var count = _random.Next(2, 6);
        var interval = _random.Next(8) == 0 ? 2 : 1;
        _preempt = _random.Next(3) != 0;
        var equal = _random.Next(4) == 0;
        _segment = new SimulatedSegment(count, _random);
        _hearEachOtherSince = new Instant[count, count];
        _demotions = new int[count];
        var version = (byte)(2 + (seed % 2));
        _nodes =
        [
            .. Enumerable
                .Range(0, count)
                .Select(i => new SimulatedNode(i, vrrp ? Vrrp(version, interval, equal) : Carp(interval, equal), Send)),
        ];
        // Two masters that hear each other: the slower hears the faster within one interval, however late the wire is.
        _settle = TimeSpan.FromSeconds(interval) + TimeSpan.FromSeconds(1.2);
    }

    private Func<IVirtualHost> Carp(int interval, bool equal)
    {
        var options = new CarpHostOptions
        {
            Vhid = 7,
            AdvBase = (byte)interval,
            AdvSkew = equal ? (byte)10 : (byte)_random.Next(0, 241),
            Preempt = _preempt,
            Password = "storm",
            IPv4Addresses = [new IpAddressValue(0, 0x0a0000fe)],
        };
        return () => new CarpVirtualHost(options, () => (ulong)_random.NextInt64());
    }

    private Func<IVirtualHost> Vrrp(byte version, int interval, bool equal)
    {
        var options = new VrrpHostOptions
        {
            Vrid = 7,
            Version = version,
            Interval = TimeSpan.FromSeconds(interval),
            Priority = equal ? (byte)100 : (byte)_random.Next(1, 255),
            Preempt = _preempt,
            Addresses = [new IpAddressValue(0, 0x0a0000fe)],
        };
        return () => new VrrpVirtualHost(options);
    }

    /// <summary>Events handled.</summary>
    public int Events { get; private set; }

    /// <summary>Claims seen.</summary>
    public int Claims { get; private set; }

    public void Run()
    {
        ScheduleFaults();
        RunUntil(Instant.Zero + _faultTime);
        Quiet();
        RunUntil(Instant.Zero + _faultTime + (_quietTime / 2));
        var before = _nodes.Sum(n => n.Transitions);
        RunUntil(Instant.Zero + _faultTime + _quietTime);
        if (_nodes.Sum(n => n.Transitions) != before)
            Fail("live-lock: roles still change after the quiet time");
        CheckEnd();
    }

    private void RunUntil(Instant end)
    {
        while (true)
        {
            var next = end;
            foreach (var node in _nodes)
            {
                if (node.IsAwake)
                    next = Instant.Earlier(next, node.Machine.Deadline);
                // The end of a lease is an instant at which the checkers look.
                if (node.LeaseEnd > _now)
                    next = Instant.Earlier(next, node.LeaseEnd);
            }
            var hasEvent = _events.TryPeek(out _, out var key) && key.Item1 <= next;
            if (!hasEvent && next >= end)
                break;
            _now = hasEvent ? key.Item1 : next;
            if (hasEvent)
                _events.Dequeue()();
            else
                foreach (var node in _nodes.Where(n => n.Machine.Deadline <= _now || n.LeaseEnd <= _now))
                    node.Run(_now);
            if (++Events > 200_000)
                Fail("live-lock: too many events");
            Check();
        }
        _now = end;
    }

    private void At(Instant when, Action action) => _events.Enqueue(action, (when, _order++));

    private void Send(SimulatedNode from, byte[] payload)
    {
        var packet = new SimulatedPacket(from.Index, from.Address, payload);
        for (var to = 0; to < _nodes.Length; to++)
        {
            if (to == from.Index)
                continue;
            var receiver = to;
            foreach (var when in _segment.Arrivals(from.Index, to, _now))
                At(when, () => _nodes[receiver].Arrive(packet, _now));
        }
    }

    private void ScheduleFaults()
    {
        var faults = _random.Next(3, 14);
        for (var i = 0; i < faults; i++)
            At(Instant.Zero + (_faultTime * _random.NextDouble()), Fault);
    }

    private void Fault()
    {
        var node = _nodes[_random.Next(_nodes.Length)];
        var lasts = TimeSpan.FromSeconds(_random.NextDouble() * 8);
        var wire = _kind == StormKind.Wire || (_kind == StormKind.Everything && _random.Next(2) == 0);
        switch (wire ? 4 + _random.Next(4) : _random.Next(4))
        {
            case 0 when node.IsAwake:
                node.Freeze(_now);
                var lost = _random.Next(2) == 0;
                At(_now + lasts, () => Thaw(node, lost));
                break;
            case 1 when node.IsAwake:
                node.Crash();
                At(_now + lasts, () => Restart(node));
                break;
            case 2 when node.IsAwake:
                node.Stop(_now);
                At(_now + lasts, () => Restart(node));
                break;
            case 3 when node.IsAwake:
                _demotions[node.Index] = _random.Next(2) * 240;
                node.Demote(_demotions[node.Index], _now);
                break;
            case 4:
                _segment.Loss = _random.NextDouble() * 0.7;
                break;
            case 5:
                _segment.LongestDelay = TimeSpan.FromMilliseconds(1 + (_random.NextDouble() * 900));
                _segment.Duplication = _random.NextDouble() * 0.5;
                break;
            case 6:
                Cut(node.Index, bothWays: true);
                At(_now + lasts, HealWire);
                break;
            case 7:
                Cut(node.Index, bothWays: false);
                At(_now + lasts, HealWire);
                break;
            default:
                break;
        }
    }

    private void Cut(int index, bool bothWays)
    {
        for (var other = 0; other < _nodes.Length; other++)
        {
            if (other == index)
                continue;
            _segment.Cut(index, other);
            if (bothWays)
                _segment.Cut(other, index);
        }
    }

    private void HealWire() => _segment.Heal();

    private void Thaw(SimulatedNode node, bool packetsLost)
    {
        if (node.IsFrozen)
            node.Wake(_now, packetsLost);
    }

    private void Restart(SimulatedNode node)
    {
        if (!node.IsCrashed)
            return;
        // A new process: whoever starts it removes the leftovers of the old one first.
        _demotions[node.Index] = 0;
        node.Start(_now);
    }

    private void Quiet()
    {
        HealWire();
        foreach (var node in _nodes)
        {
            Thaw(node, packetsLost: true);
            Restart(node);
        }
    }

    private void Check()
    {
        foreach (var node in _nodes)
        {
            if (node.IsAwake && node.Machine.State == CarpState.Master && !node.Holds(_now))
                Fail($"node {node.Index} is master without a lease");
        }
        for (var a = 0; a < _nodes.Length; a++)
        {
            for (var b = a + 1; b < _nodes.Length; b++)
                CheckPair(_nodes[a], _nodes[b]);
        }
        foreach (var node in _nodes.Where(n => n.JustClaimed))
        {
            node.JustClaimed = false;
            Claims++;
            CheckClaim(node);
        }
    }

    // A claim by time alone is the one after a fault of a node: nobody may still be answering.
    private void CheckClaim(SimulatedNode claimer)
    {
        if (_kind != StormKind.Nodes || claimer.Machine.Reason != CarpReason.MasterTimedOut)
            return;
        foreach (var other in _nodes)
        {
            // One that became master just now, too: its first advertisement is still on the wire, and they settle it.
            var both = other.Machine.State == CarpState.Master && _now - other.Machine.Since <= _segment.LongestDelay;
            if (other != claimer && other.Holds(_now) && !both)
                Fail(
                    $"node {claimer.Index} claimed after a silence while node {other.Index} ({other.Machine.State} for {other.Machine.Reason} since {other.Machine.Since}, awake {other.IsAwake}) still held its lease to {other.LeaseEnd}"
                );
        }
    }

    private void CheckPair(SimulatedNode a, SimulatedNode b)
    {
        var overlap = a.Holds(_now) && b.Holds(_now);
        var hear = a.IsAwake && b.IsAwake && _segment.Hears(a.Index, b.Index) && _segment.Hears(b.Index, a.Index) && _segment.Loss == 0;
        if (!overlap || !hear)
        {
            _hearEachOtherSince[a.Index, b.Index] = Instant.Never;
            return;
        }
        ref var since = ref _hearEachOtherSince[a.Index, b.Index];
        if (since == Instant.Never || since == Instant.Zero)
            since = _now;
        if (_now - since > _settle + _segment.LongestDelay)
            Fail($"nodes {a.Index} and {b.Index} both answer although they hear each other since {since}");
    }

    private void CheckEnd()
    {
        var owners = _nodes.Where(n => n.Holds(_now)).ToArray();
        if (owners.Length != 1)
            Fail($"{owners.Length} owners after the quiet time");
        if (_nodes.Count(n => n.Machine.State == CarpState.Master) != 1)
            Fail("not exactly one master after the quiet time");
        if (!_preempt)
            return;
        var best = _nodes.Min(n => n.Rank);
        if (owners[0].Rank != best)
            Fail($"node {owners[0].Index} is master, but a faster node listens");
    }

    private void Fail(string what) => throw new InvalidOperationException($"{_kind} storm of {_nodes.Length} nodes at {_now}: {what}");
}
