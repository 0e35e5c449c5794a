using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Tests.Lab;
using Redoubt.Linux.Links;

namespace Redoubt.Lab.Tests.Promises;

/// <summary>Two Redoubt nodes at work: fw1 is MASTER of both vhids, fw2 BACKUP.</summary>
internal sealed class Pair : IDisposable
{
    public static readonly TimeSpan ElectionLimit = TimeSpan.FromSeconds(20);

    public Pair(bool stateSync = false, string redoubtXml = "", Action<Topology>? prepare = null)
    {
        NodeOptions node = new RedoubtOptions { StateSync = stateSync, RedoubtXml = redoubtXml };
        Lab = LabSession.Build(new LabOptions { Nodes = [node, node] });
        try
        {
            prepare?.Invoke(Lab.Topology);
            Lab.StartAll();
            First.WaitForState(VipState.Master, new Deadline(ElectionLimit));
            Second.WaitForState(VipState.Backup, new Deadline(ElectionLimit));
        }
        catch
        {
            Lab.Dispose();
            throw;
        }
    }

    public LabCluster Lab { get; }

    public Topology Topology => Lab.Topology;

    /// <summary>fw1, the better one.</summary>
    public RedoubtNode First => Lab.Redoubt(1);

    /// <summary>fw2.</summary>
    public RedoubtNode Second => Lab.Redoubt(2);

    /// <summary>The observer's port on the LAN.</summary>
    public Port Observer => Topology.Port("observer.lan");

    /// <summary>A device of a place as the kernel describes it.</summary>
    public static LinkInfo Device(Place place, string name) =>
        place.Run(() =>
        {
            using var links = new RouteNetlink();
            return links.Link(name) ?? throw new LabException($"{place} has no device {name}");
        });

    /// <summary>The device that carries the virtual MAC of the LAN's vhid.</summary>
    public static string LanMacvlan(RedoubtNode node) => VirtualMacDevice.Name(Device(node.Place, node.Lan.Device).Index, Topology.LanVhid);

    public void Dispose() => Lab.Dispose();
}
