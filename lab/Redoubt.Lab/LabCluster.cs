using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab;

/// <summary>What a lab consists of.</summary>
public sealed record LabOptions
{
    /// <summary>The firewalls fw1, fw2, fw3: one to three.</summary>
    public IReadOnlyList<NodeOptions> Nodes { get; init; } = [new RedoubtOptions(), new RedoubtOptions()];

    /// <summary>IPv6 addresses, also virtual ones.</summary>
    public bool IPv6 { get; init; } = true;

    /// <summary>Where files go; null: a temporary folder that goes with the lab.</summary>
    public string? Directory { get; init; }
}

/// <summary>
/// A running lab: the topology and its firewalls. Needs to be root in a user namespace (<see cref="LabSpace"/>). Disposing it leaves
/// nothing behind: no process, no namespace, no temporary file.
/// </summary>
public sealed class LabCluster : IDisposable
{
    private readonly List<FirewallNode> _nodes = [];
    private readonly bool _ownsDirectory;

    /// <summary>Builds everything; no firewall runs yet. Throws <see cref="LabException"/>.</summary>
    public LabCluster(LabOptions? options = null)
    {
        options ??= new LabOptions();
        if (options.Nodes.Count is < 1 or > 3)
            throw new LabException("a lab has 1 to 3 firewalls");
        LabSpace.Check();
        Tool.Require(["ip", "nft", "setpriv", "setsid", "nsenter", "sh", "ping"]);
        _ownsDirectory = options.Directory is null;
        Directory = options.Directory ?? System.IO.Directory.CreateTempSubdirectory("redoubt-lab-").FullName;
        try
        {
            Topology = new Topology(Directory, options.Nodes.Count, options.IPv6);
            for (var number = 1; number <= options.Nodes.Count; number++)
                _nodes.Add(Make(number, options.Nodes[number - 1]));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A lab with these firewalls, all started. Throws <see cref="LabException"/>.</summary>
    public static LabCluster Start(params IReadOnlyList<NodeOptions> nodes)
    {
        var lab = new LabCluster(new LabOptions { Nodes = nodes });
        try
        {
            lab.StartAll();
            return lab;
        }
        catch
        {
            lab.Dispose();
            throw;
        }
    }

    /// <summary>Where files and logs are.</summary>
    public string Directory { get; }

    /// <summary>Segments, hosts and ports.</summary>
    public Topology Topology { get; } = null!;

    /// <summary>The firewalls in order.</summary>
    public IReadOnlyList<FirewallNode> Nodes => _nodes;

    /// <summary>The firewalls that run redoubtd.</summary>
    public IEnumerable<RedoubtNode> RedoubtNodes => _nodes.OfType<RedoubtNode>();

    /// <summary>The firewall of that name, "fw1"; throws <see cref="LabException"/>.</summary>
    public FirewallNode this[string name] =>
        _nodes.Find(n => n.Name == name)
        ?? throw new LabException($"there is no firewall {name}; there are {string.Join(' ', _nodes.Select(n => n.Name))}");

    /// <summary>The Redoubt node of that number; throws <see cref="LabException"/>.</summary>
    public RedoubtNode Redoubt(int number) =>
        _nodes.ElementAtOrDefault(number - 1) as RedoubtNode ?? throw new LabException($"fw{number} is no Redoubt node");

    /// <summary>Starts every firewall.</summary>
    public void StartAll() => _nodes.ForEach(n => n.Start());

    /// <summary>Ends every fault and starts what has ended.</summary>
    public void Heal()
    {
        foreach (var port in Topology.Ports)
            port.Restore();
        _nodes.ForEach(n => n.Heal());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _nodes.ForEach(n => n.Dispose());
        Topology?.Dispose();
        if (_ownsDirectory && System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
    }

    private FirewallNode Make(int number, NodeOptions options)
    {
        var (place, lan, wan, sync) = Topology.AddFirewall(number);
        return options switch
        {
            RedoubtOptions redoubt => new RedoubtNode(number, place, lan, wan, sync, Topology, redoubt),
            UcarpOptions ucarp => new UcarpNode(number, place, lan, wan, sync, Topology, ucarp),
            KeepalivedOptions keepalived => new KeepalivedNode(number, place, lan, wan, sync, Topology, keepalived),
            _ => throw new LabException($"unknown kind of firewall: {options}"),
        };
    }
}
