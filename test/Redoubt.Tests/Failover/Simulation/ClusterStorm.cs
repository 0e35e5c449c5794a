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
public sealed class ClusterStorm : ClusterSimulation
{
    private static readonly TimeSpan _faultTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _quietTime = TimeSpan.FromSeconds(14);
    private readonly Random _random;
    private readonly byte[] _skews;
    private readonly ClusterStormKind _kind;
    private readonly Instant[] _vacantSince;
    private Instant _lastFault = Instant.Zero;
    private bool _quiet;

    private ClusterStorm(int seed, Random random, ClusterShape shape, byte[] skews)
        : base(shape, skews, random)
    {
        (_random, _skews, _kind) = (random, skews, (ClusterStormKind)(seed % 3));
        _vacantSince = [.. Enumerable.Repeat(Instant.Never, shape.Segments)];
    }

    /// <summary>A storm whose nodes, segments, profile and faults its number decides.</summary>
    public static ClusterStorm Of(int seed, int nodes = 0)
    {
        var random = new Random(seed);
        nodes =
            nodes > 0 ? nodes
            : random.Next(10) == 0 ? random.Next(4, 9)
            : random.Next(2, 4);
        var segments = random.Next(1, 3);
        var fast = random.Next(4) == 0;
        var grouped = random.Next(4) != 0;
        var shape = new ClusterShape(
            nodes,
            segments,
            random.Next(1, 3),
            [.. Enumerable.Range(0, segments).Select(s => grouped ? 0 : s)],
            TimeSpan.FromMilliseconds(fast ? 10 : 50),
            TimeSpan.FromMilliseconds(fast ? 30 : 150),
            random.Next(3) != 0
        );
        var skews = Enumerable.Range(0, nodes).Select(i => (byte)(i * 30)).ToArray();
        random.Shuffle(skews);
        return new ClusterStorm(seed, random, shape, skews);
    }

    /// <summary>The longest time in which nobody held an address although some node was whole and connected, in the storm's checks.</summary>
    public TimeSpan LongestVacancy { get; private set; }

    public void Run()
    {
        // A cold boot of all, within a second, in any order.
        foreach (var node in Nodes)
            At(Instant.Zero + TimeSpan.FromMilliseconds(_random.Next(1000)), () => node.Start(Now));
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

    private void Fault()
    {
        _lastFault = Now;
        var node = Nodes[_random.Next(Nodes.Count)];
        var lasts = TimeSpan.FromSeconds(_random.NextDouble() * 5);
        var network = _kind == ClusterStormKind.Network || (_kind == ClusterStormKind.Everything && _random.Next(2) == 0);
        var wire = Wires[_random.Next(Wires.Count)];
        switch (network ? 10 + _random.Next(4) : _random.Next(7))
        {
            case 0 when node.IsAwake:
                node.Freeze();
                At(Now + (_random.Next(2) == 0 ? lasts : lasts / 50), () => Thaw(node));
                break;
            case 1 when node.IsAwake:
                node.Crash();
                At(Now + lasts, () => Restart(node));
                break;
            case 2 when node.IsAwake:
                node.PowerOff();
                At(Now + lasts, () => Restart(node));
                break;
            case 3 when node.IsAwake:
                node.Stop(Now);
                At(Now + lasts, () => Restart(node));
                break;
            case 4 when node.IsAwake:
                node.SetDemotion(_random.Next(3) * 240, Now);
                node.Run(Now);
                break;
            case 5:
                var segment = _random.Next(Shape.Segments);
                node.SetLink(segment, false, Now);
                node.Run(Now);
                At(
                    Now + lasts,
                    () =>
                    {
                        _lastFault = Now;
                        node.SetLink(segment, true, Now);
                        node.Run(Now);
                    }
                );
                break;
            case 6 when node.IsAwake:
                node.Coordinator.Groups[0].Force();
                node.Run(Now);
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
                At(Now + lasts, wire.Heal);
                break;
            case 13:
                Cut(wire, node.Index, false);
                At(Now + lasts, wire.Heal);
                break;
            default:
                break;
        }
    }

    private void Cut(SimulatedSegment wire, int index, bool bothWays)
    {
        for (var other = 0; other < Nodes.Count; other++)
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
        _lastFault = Now;
        if (node.IsFrozen)
            node.Wake(Now);
    }

    private void Restart(ClusterNode node)
    {
        _lastFault = Now;
        if (node.IsCrashed)
            node.Start(Now);
    }

    private void Quiet()
    {
        _lastFault = Now;
        _quiet = true;
        foreach (var wire in Wires)
            wire.Heal();
        foreach (var node in Nodes)
        {
            Thaw(node);
            for (var s = 0; s < Shape.Segments; s++)
                node.SetLink(s, true, Now);
            Restart(node);
            node.SetDemotion(0, Now);
            node.Run(Now);
        }
    }

    protected override void Check()
    {
        if (_traced)
            Trace();
        for (var s = 0; s < Shape.Segments; s++)
        {
            var owners = Owners(s);
            CheckOverlap(s, owners);
            CheckVacancy(s, owners);
        }
        foreach (var node in Nodes)
        {
            if (node.IsAwake)
                CheckWhole(node);
        }
    }

    private void CheckOverlap(int segment, int owners)
    {
        if (owners < 2)
            return;
        if (_kind == ClusterStormKind.Nodes)
            Fail($"segment {segment} has {owners} owners");
        // The network is whole again: two that hear each other settle it with the next heartbeats, also where one asks to be waited for longer.
        if (_quiet && Now - Instant.Earlier(Now, Later(BothSince(segment), _lastFault)) > TimeSpan.FromSeconds(1))
            Fail($"segment {segment} still has {owners} owners a second after everything is whole");
    }

    private static Instant Later(Instant a, Instant b) => a > b ? a : b;

    // REDOUBT_SEED reruns one storm; it then tells what changed.
    private readonly bool _traced = Seeds.Only is not null;
    private string _told = "";

    private void Trace()
    {
        if (Nodes.Any(n => n.Coordinator is null))
            return;
        var all = Everybody();
        if (all == _told)
            return;
        _told = all;
        Console.WriteLine($"{Now} {all}");
    }

    private string Everybody() =>
        string.Join(
            "; ",
            Nodes.Select(n =>
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
                        .Range(0, Shape.Segments)
                        .Select(s =>
                            $" seg{s} {(n.LinkUp(s) ? "up" : "down")} {n.Machine(s).State}/{n.Machine(s).Reason} holds {n.Holds(s, Now)}"
                        )
                )
                + $" hears {string.Join(",", n.Coordinator.Session.Peers.Where(p => p.IsAlive).Select(p => p.Node))} hold {n.Coordinator.Pace.Announced}/{n.Coordinator.Pace.InForce}"
            )
        );

    private void CheckVacancy(int segment, int owners)
    {
        var able = owners == 0 && _kind == ClusterStormKind.Nodes && Nodes.Any(n => n.IsAwake && n.LinkUp(segment));
        // A group whose holder lacks this one link stays with it while it is the better node all the same.
        var group = Shape.GroupOfSegment[segment];
        able &= !Nodes.Any(n =>
            !n.LinkUp(segment) && Enumerable.Range(0, Shape.Segments).Any(s => Shape.GroupOfSegment[s] == group && n.Holds(s, Now))
        );
        if (!able)
        {
            _vacantSince[segment] = Instant.Never;
            return;
        }
        if (_vacantSince[segment] == Instant.Never)
            _vacantSince[segment] = Now;
        var vacant = Now - Later(_vacantSince[segment], _lastFault);
        if (vacant > LongestVacancy)
            LongestVacancy = vacant;
        // A node that hears nobody waits for CARP's time, 3 s and its skew, as do those who waited for one that was alone.
        if (vacant > TimeSpan.FromSeconds(4.5))
            Fail($"segment {segment} has had no owner for {vacant}");
    }

    // All vhids of a group that can be held are held by one node.
    private void CheckWhole(ClusterNode node)
    {
        for (var s = 1; s < Shape.Segments; s++)
        {
            if (Shape.GroupOfSegment[s] != Shape.GroupOfSegment[0])
                continue;
            var (first, other) = (node.Machine(0).State, node.Machine(s).State);
            if (first == CarpState.Init || other == CarpState.Init || first == other)
                continue;
            var since = Later(node.Machine(0).Since, node.Machine(s).Since);
            if (Now - Later(since, _lastFault) > TimeSpan.FromSeconds(4.5))
                Fail($"node {node.Id} is {first} on one segment of its group and {other} on another");
        }
    }

    private void CheckEnd()
    {
        for (var s = 0; s < Shape.Segments; s++)
        {
            var owners = Nodes.Where(n => n.Holds(s, Now)).ToArray();
            if (owners.Length != 1)
                Fail($"segment {s} has {owners.Length} owners after the quiet time");
            if (Shape.Preempt && _skews[owners[0].Index] != _skews.Min())
                Fail($"segment {s}: node {owners[0].Id} is master, but a better one listens");
        }
    }

    protected override void Fail(string what) =>
        throw new InvalidOperationException(
            $"{_kind} storm of {Nodes.Count} nodes, {Shape.Segments} segments, interval {Shape.Interval.TotalMilliseconds} ms, preempt {Shape.Preempt}, at {Now}, last fault {_lastFault}: {what}\n{Everybody()}"
        );
}
