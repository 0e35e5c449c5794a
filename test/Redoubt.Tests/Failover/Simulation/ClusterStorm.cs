using Redoubt.Core;
using Redoubt.Core.Carp;
using Redoubt.Core.Failover;
using Redoubt.Tests.Simulation;

namespace Redoubt.Tests.Failover.Simulation;

/// <summary>What may go wrong in a storm.</summary>
public enum ClusterStormKind
{
    /// <summary>Processes freeze, die and return, links go, operators demote; what is sent arrives.</summary>
    Nodes,

    /// <summary>The network loses, delays, doubles and is cut.</summary>
    Network,

    /// <summary>Both.</summary>
    Everything,
}

/// <summary>
/// Two to eight nodes with heartbeats in virtual time: faults for a while, swizzled (released in another order than they came), then quiet. The checkers run after every
/// event; the seed decides all.
/// </summary>
public sealed class ClusterStorm
{
    private static readonly TimeSpan _faultTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _quietTime = TimeSpan.FromSeconds(14);
    private readonly Random _random;
    private readonly ClusterShape _shape;
    private readonly SimulatedSegment[] _wires;
    private readonly ClusterNode[] _nodes;
    private readonly byte[] _skews;
    private readonly ClusterStormKind _kind;
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly Instant[] _vacantSince;
    private readonly Instant[] _bothSince;
    private Instant _lastFault = Instant.Zero;
    private Instant _now = Instant.Zero;
    private bool _quiet;
    private long _order;

    public ClusterStorm(int seed, int nodes = 0)
    {
        _random = new Random(seed);
        _kind = (ClusterStormKind)(seed % 3);
        nodes =
            nodes > 0 ? nodes
            : _random.Next(10) == 0 ? _random.Next(4, 9)
            : _random.Next(2, 4);
        var segments = _random.Next(1, 3);
        var fast = _random.Next(4) == 0;
        var grouped = _random.Next(4) != 0;
        _shape = new ClusterShape(
            nodes,
            segments,
            _random.Next(1, 3),
            [.. Enumerable.Range(0, segments).Select(s => grouped ? 0 : s)],
            TimeSpan.FromMilliseconds(fast ? 10 : 50),
            TimeSpan.FromMilliseconds(fast ? 30 : 150),
            _random.Next(3) != 0
        );
        _skews = [.. Enumerable.Range(0, nodes).Select(i => (byte)(i * 30))];
        _random.Shuffle(_skews);
        _wires = [.. Enumerable.Range(0, _shape.Paths).Select(_ => new SimulatedSegment(nodes, _random))];
        _nodes = [.. Enumerable.Range(0, nodes).Select(i => new ClusterNode(i, _skews[i], _shape, _random, Send))];
        _vacantSince = [.. Enumerable.Repeat(Instant.Never, segments)];
        _bothSince = [.. Enumerable.Repeat(Instant.Never, segments)];
    }

    public int Events { get; private set; }

    public long Transitions => _nodes.Sum(n => (long)n.Transitions);

    /// <summary>The longest time in which nobody held an address although some node was whole and connected, in the storm's checks.</summary>
    public TimeSpan LongestVacancy { get; private set; }

    /// <summary>Time in which two nodes held an address.</summary>
    public TimeSpan Overlap { get; private set; }

    public void Run()
    {
        // A cold boot of all, within a second, in any order.
        foreach (var node in _nodes)
            At(Instant.Zero + TimeSpan.FromMilliseconds(_random.Next(1000)), () => node.Start(_now));
        var faults = _random.Next(3, 12);
        for (var i = 0; i < faults; i++)
            At(Instant.Zero + TimeSpan.FromSeconds(2) + (_faultTime * _random.NextDouble()), Fault);
        var quiet = Instant.Zero + TimeSpan.FromSeconds(2) + _faultTime;
        RunUntil(quiet);
        Quiet();
        RunUntil(quiet + (_quietTime * 0.7));
        var before = Transitions;
        RunUntil(quiet + _quietTime);
        if (Transitions != before)
            Fail("live-lock: roles still change after the quiet time");
        CheckEnd();
    }

    private void RunUntil(Instant end)
    {
        while (true)
        {
            var next = end;
            ClusterNode? due = null;
            foreach (var node in _nodes)
            {
                if (node.IsAwake && node.Deadline < next)
                    (next, due) = (node.Deadline, node);
                foreach (var lease in node.LeaseEnds)
                {
                    if (lease > _now && lease < next)
                        (next, due) = (lease, node.IsAwake ? node : null);
                }
            }
            if (_events.TryPeek(out _, out var key) && key.Item1 <= next)
            {
                Advance(key.Item1);
                _events.Dequeue()();
            }
            else if (next < end)
            {
                Advance(next > _now ? next : _now);
                due?.Run(_now);
            }
            else
            {
                break;
            }
            if (_traced)
                Trace();
            if (++Events > 2_000_000)
                Fail("live-lock: too many events");
            Check();
        }
        Advance(end);
    }

    private void Advance(Instant to)
    {
        for (var s = 0; s < _shape.Segments; s++)
        {
            if (_bothSince[s] != Instant.Never)
                Overlap += to - _now;
        }
        _now = to;
    }

    private void At(Instant when, Action action) => _events.Enqueue(action, (when, _order++));

    private void Send(ClusterNode from, int path, ClusterPacket packet)
    {
        for (var to = 0; to < _nodes.Length; to++)
        {
            if (to == from.Index)
                continue;
            var receiver = to;
            foreach (var when in _wires[path].Arrivals(from.Index, to, _now))
                At(when, () => _nodes[receiver].Arrive(path, packet, _now));
        }
    }

    private void Fault()
    {
        _lastFault = _now;
        var node = _nodes[_random.Next(_nodes.Length)];
        var lasts = TimeSpan.FromSeconds(_random.NextDouble() * 5);
        var network = _kind == ClusterStormKind.Network || (_kind == ClusterStormKind.Everything && _random.Next(2) == 0);
        var wire = _wires[_random.Next(_wires.Length)];
        switch (network ? 10 + _random.Next(4) : _random.Next(7))
        {
            case 0 when node.IsAwake:
                node.Freeze();
                At(_now + (_random.Next(2) == 0 ? lasts : lasts / 50), () => Thaw(node));
                break;
            case 1 when node.IsAwake:
                node.Crash();
                At(_now + lasts, () => Restart(node));
                break;
            case 2 when node.IsAwake:
                node.PowerOff();
                At(_now + lasts, () => Restart(node));
                break;
            case 3 when node.IsAwake:
                node.Stop(_now);
                At(_now + lasts, () => Restart(node));
                break;
            case 4 when node.IsAwake:
                node.SetDemotion(_random.Next(3) * 240, _now);
                node.Run(_now);
                break;
            case 5:
                var segment = _random.Next(_shape.Segments);
                node.SetLink(segment, false, _now);
                node.Run(_now);
                At(
                    _now + lasts,
                    () =>
                    {
                        _lastFault = _now;
                        node.SetLink(segment, true, _now);
                        node.Run(_now);
                    }
                );
                break;
            case 6 when node.IsAwake:
                node.Coordinator.Groups[0].Force();
                node.Run(_now);
                break;
            case 10:
                wire.Loss = _random.NextDouble() * 0.6;
                break;
            case 11:
                wire.LongestDelay = TimeSpan.FromMilliseconds(1 + (_random.NextDouble() * 200));
                wire.Duplication = _random.NextDouble() * 0.5;
                break;
            case 12:
                Cut(wire, node.Index, true);
                At(_now + lasts, wire.Heal);
                break;
            case 13:
                Cut(wire, node.Index, false);
                At(_now + lasts, wire.Heal);
                break;
            default:
                break;
        }
    }

    private void Cut(SimulatedSegment wire, int index, bool bothWays)
    {
        for (var other = 0; other < _nodes.Length; other++)
        {
            if (other == index)
                continue;
            wire.Cut(index, other);
            if (bothWays)
                wire.Cut(other, index);
        }
    }

    private void Thaw(ClusterNode node)
    {
        _lastFault = _now;
        if (node.IsFrozen)
            node.Wake(_now);
    }

    private void Restart(ClusterNode node)
    {
        _lastFault = _now;
        if (node.IsCrashed)
            node.Start(_now);
    }

    private void Quiet()
    {
        _lastFault = _now;
        _quiet = true;
        foreach (var wire in _wires)
            wire.Heal();
        foreach (var node in _nodes)
        {
            Thaw(node);
            for (var s = 0; s < _shape.Segments; s++)
                node.SetLink(s, true, _now);
            Restart(node);
            node.SetDemotion(0, _now);
            node.Run(_now);
        }
    }

    private void Check()
    {
        for (var s = 0; s < _shape.Segments; s++)
        {
            var owners = 0;
            foreach (var node in _nodes)
            {
                if (node.Holds(s, _now))
                    owners++;
            }
            CheckOverlap(s, owners);
            CheckVacancy(s, owners);
        }
        foreach (var node in _nodes)
        {
            if (node.IsAwake)
                CheckWhole(node);
        }
    }

    private void CheckOverlap(int segment, int owners)
    {
        if (owners < 2)
        {
            _bothSince[segment] = Instant.Never;
            return;
        }
        if (_bothSince[segment] == Instant.Never)
            _bothSince[segment] = _now;
        if (_kind == ClusterStormKind.Nodes)
            Fail($"segment {segment} has {owners} owners");
        // The network is whole again: two that hear each other settle it with the next heartbeats, also where one asks to be waited for longer.
        if (_quiet && _now - Instant.Earlier(_now, Later(_bothSince[segment], _lastFault)) > TimeSpan.FromSeconds(1))
            Fail($"segment {segment} still has {owners} owners a second after everything is whole");
    }

    private static Instant Later(Instant a, Instant b) => a > b ? a : b;

    // REDOUBT_SEED reruns one storm; it then tells what changed.
    private readonly bool _traced = Seeds.Only is not null;
    private string _told = "";

    private void Trace()
    {
        if (_nodes.Any(n => n.Coordinator is null))
            return;
        var all = Everybody();
        if (all == _told)
            return;
        _told = all;
        Console.WriteLine($"{_now} {all}");
    }

    private string Everybody() =>
        string.Join(
            "; ",
            _nodes.Select(n =>
                $"{n.Id} skew {_skews[n.Index]} {(n.IsCrashed ? "crashed" : n.IsFrozen ? "frozen" : "awake")} demotion {n.Demotion} "
                + string.Join(
                    " ",
                    n.Coordinator.Groups.Select(g =>
                        $"{g.Name} {g.Role}/{g.Reason} of {g.ReasonNode} master {g.MasterNode} yield {g.YieldTo} epoch {g.Epoch}"
                    )
                )
                + string.Join(
                    "",
                    Enumerable
                        .Range(0, _shape.Segments)
                        .Select(s =>
                            $" seg{s} {(n.LinkUp(s) ? "up" : "down")} {n.Machine(s).State}/{n.Machine(s).Reason} holds {n.Holds(s, _now)}"
                        )
                )
                + $" hears {string.Join(",", n.Coordinator.Session.Peers.Where(p => p.IsAlive).Select(p => p.Node))} hold {n.Coordinator.Pace.Announced}/{n.Coordinator.Pace.InForce}"
            )
        );

    private void CheckVacancy(int segment, int owners)
    {
        var able = owners == 0 && _kind == ClusterStormKind.Nodes && _nodes.Any(n => n.IsAwake && n.LinkUp(segment));
        // A group whose holder lacks this one link stays with it while it is the better node all the same.
        var group = _shape.GroupOfSegment[segment];
        able &= !_nodes.Any(n =>
            !n.LinkUp(segment) && Enumerable.Range(0, _shape.Segments).Any(s => _shape.GroupOfSegment[s] == group && n.Holds(s, _now))
        );
        if (!able)
        {
            _vacantSince[segment] = Instant.Never;
            return;
        }
        if (_vacantSince[segment] == Instant.Never)
            _vacantSince[segment] = _now;
        var vacant = _now - Later(_vacantSince[segment], _lastFault);
        if (vacant > LongestVacancy)
            LongestVacancy = vacant;
        // A node that hears nobody waits for CARP's time, 3 s and its skew, as do those who waited for one that was alone.
        if (vacant > TimeSpan.FromSeconds(4.5))
            Fail($"segment {segment} has had no owner for {vacant}");
    }

    // All vhids of a group that can be held are held by one node.
    private void CheckWhole(ClusterNode node)
    {
        for (var s = 1; s < _shape.Segments; s++)
        {
            if (_shape.GroupOfSegment[s] != _shape.GroupOfSegment[0])
                continue;
            var (first, other) = (node.Machine(0).State, node.Machine(s).State);
            if (first == CarpState.Init || other == CarpState.Init || first == other)
                continue;
            var since = Later(node.Machine(0).Since, node.Machine(s).Since);
            if (_now - Later(since, _lastFault) > TimeSpan.FromSeconds(4.5))
                Fail($"node {node.Id} is {first} on one segment of its group and {other} on another");
        }
    }

    private void CheckEnd()
    {
        for (var s = 0; s < _shape.Segments; s++)
        {
            var owners = _nodes.Where(n => n.Holds(s, _now)).ToArray();
            if (owners.Length != 1)
                Fail($"segment {s} has {owners.Length} owners after the quiet time");
            if (_shape.Preempt && _skews[owners[0].Index] != _skews.Min())
                Fail($"segment {s}: node {owners[0].Id} is master, but a better one listens");
        }
    }

    private void Fail(string what) =>
        throw new InvalidOperationException(
            $"{_kind} storm of {_nodes.Length} nodes, {_shape.Segments} segments, interval {_shape.Interval.TotalMilliseconds} ms, preempt {_shape.Preempt}, at {_now}, last fault {_lastFault}: {what}\n{Everybody()}"
        );
}
