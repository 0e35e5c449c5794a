using Redoubt.Core;
using Redoubt.Tests.Simulation;

namespace Redoubt.Tests.Failover.Simulation;

/// <summary>Nodes with heartbeats on segments and sync links in virtual time. What happens to them is up to whoever derives from it; after every event it may check.</summary>
public abstract class ClusterSimulation
{
    private readonly PriorityQueue<Action, (Instant, long)> _events = new();
    private readonly Instant[] _bothSince;
    private long _order;

    protected ClusterSimulation(ClusterShape shape, IReadOnlyList<byte> skews, Random random)
    {
        Shape = shape;
        Wires = [.. Enumerable.Range(0, shape.Paths).Select(_ => new SimulatedSegment(shape.Nodes, random))];
        Nodes = [.. Enumerable.Range(0, shape.Nodes).Select(i => new ClusterNode(i, skews[i], shape, random, Send))];
        _bothSince = [.. Enumerable.Repeat(Instant.Never, shape.Segments)];
    }

    /// <summary>What the nodes have in common.</summary>
    protected ClusterShape Shape { get; }

    /// <summary>Segments first, then sync links.</summary>
    protected IReadOnlyList<SimulatedSegment> Wires { get; }

    /// <summary>The nodes, in the order of their ids.</summary>
    public IReadOnlyList<ClusterNode> Nodes { get; }

    /// <summary>The time.</summary>
    public Instant Now { get; private set; } = Instant.Zero;

    public int Events { get; private set; }

    public long Transitions => Nodes.Sum(n => (long)n.Transitions);

    /// <summary>Time in which two nodes held an address.</summary>
    public TimeSpan Overlap { get; private set; }

    /// <summary>Since when a segment has had two owners; <see cref="Instant.Never"/>: it has not.</summary>
    protected Instant BothSince(int segment) => _bothSince[segment];

    /// <summary>How many nodes' kernels answer for a segment's address now.</summary>
    public int Owners(int segment)
    {
        var owners = 0;
        foreach (var node in Nodes)
        {
            if (node.Holds(segment, Now))
                owners++;
        }
        return owners;
    }

    /// <summary>Looks at all that must hold, after every event.</summary>
    protected virtual void Check() { }

    /// <summary>Ends the run with what is wrong.</summary>
    protected abstract void Fail(string what);

    protected void At(Instant when, Action action) => _events.Enqueue(action, (when, _order++));

    protected void RunUntil(Instant end)
    {
        while (true)
        {
            var next = end;
            ClusterNode? due = null;
            foreach (var node in Nodes)
            {
                if (node.IsAwake && node.Deadline < next)
                    (next, due) = (node.Deadline, node);
                foreach (var lease in node.LeaseEnds)
                {
                    if (lease > Now && lease < next)
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
                Advance(next > Now ? next : Now);
                due?.Run(Now);
            }
            else
            {
                break;
            }
            if (++Events > 2_000_000)
                Fail("live-lock: too many events");
            for (var s = 0; s < Shape.Segments; s++)
            {
                if (Owners(s) < 2)
                    _bothSince[s] = Instant.Never;
                else if (_bothSince[s] == Instant.Never)
                    _bothSince[s] = Now;
            }
            Check();
        }
        Advance(end);
    }

    private void Advance(Instant to)
    {
        for (var s = 0; s < Shape.Segments; s++)
        {
            if (_bothSince[s] != Instant.Never)
                Overlap += to - Now;
        }
        Now = to;
    }

    private void Send(ClusterNode from, int path, ClusterPacket packet)
    {
        for (var to = 0; to < Nodes.Count; to++)
        {
            if (to == from.Index)
                continue;
            var receiver = to;
            foreach (var when in Wires[path].Arrivals(from.Index, to, Now))
                At(when, () => Nodes[receiver].Arrive(path, packet, Now));
        }
    }
}
