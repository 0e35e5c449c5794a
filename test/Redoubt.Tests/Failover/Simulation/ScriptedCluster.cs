using Redoubt.Core;

namespace Redoubt.Tests.Failover.Simulation;

/// <summary>Nodes of the default profile with one group on two segments and one sync link, booted and settled; what happens then is written in the test.</summary>
public sealed class ScriptedCluster : ClusterSimulation
{
    private static readonly ClusterShape _shape = new(
        2,
        2,
        1,
        [0, 0],
        TimeSpan.FromMilliseconds(50),
        TimeSpan.FromMilliseconds(150),
        Preempt: true
    );

    public ScriptedCluster(byte firstSkew = 0, byte secondSkew = 100, int seed = 1)
        : base(_shape, [firstSkew, secondSkew], new Random(seed))
    {
        foreach (var node in Nodes)
            node.Start(Now);
        Go(TimeSpan.FromSeconds(8));
    }

    public ClusterNode First => Nodes[0];

    public ClusterNode Second => Nodes[1];

    /// <summary>The node that holds both segments' addresses alone; null where that is nobody.</summary>
    public ClusterNode? Master =>
        Nodes.SingleOrDefault(n => n.Holds(0, Now) && n.Holds(1, Now)) is { } master && Owners(0) == 1 && Owners(1) == 1 ? master : null;

    /// <summary>Lets time pass.</summary>
    public void Go(TimeSpan time) => RunUntil(Now + time);

    /// <summary>Sets every wire.</summary>
    public void OnWires(Action<Tests.Simulation.SimulatedSegment> set)
    {
        foreach (var wire in Wires)
            set(wire);
    }

    /// <summary>The segment or sync link of that number.</summary>
    public Tests.Simulation.SimulatedSegment Wire(int path) => Wires[path];

    protected override void Fail(string what) => throw new InvalidOperationException(what);
}
