using Redoubt.Lab.Network;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Nodes;

/// <summary>
/// One firewall of the lab: a place with three ports and the programs that make it highly available. What differs between Redoubt
/// and its peers is only which programs <see cref="Start"/> runs.
/// </summary>
public abstract class FirewallNode : IDisposable
{
    private const string WatchTable = "lab_watch";
    private readonly List<LabProcess> _processes = [];

    private protected FirewallNode(int number, Place place, Port lan, Port wan, Port sync, string directory)
    {
        (Number, Place, Lan, Wan, Sync, Directory) = (number, place, lan, wan, sync, directory);
        System.IO.Directory.CreateDirectory(directory);
        Watch();
    }

    /// <summary>1 to 3.</summary>
    public int Number { get; }

    /// <summary>fw1, fw2, fw3.</summary>
    public string Name => Place.Name;

    /// <summary>Its network namespace.</summary>
    public Place Place { get; }

    /// <summary>Port on the LAN, device lan0.</summary>
    public Port Lan { get; }

    /// <summary>Port on the WAN, device wan0.</summary>
    public Port Wan { get; }

    /// <summary>Port on the sync link, device sync0.</summary>
    public Port Sync { get; }

    /// <summary>Where its files and logs are.</summary>
    public string Directory { get; }

    /// <summary>Its programs, those that have ended included until the next start.</summary>
    public IReadOnlyList<LabProcess> Processes => _processes;

    /// <summary>True while every program runs.</summary>
    public bool IsRunning => _processes.Count > 0 && _processes.TrueForAll(p => p.IsRunning);

    /// <summary>All ports.</summary>
    public IEnumerable<Port> Ports => [Lan, Wan, Sync];

    /// <summary>Starts the programs, with the files of the last run still there; returns when they are at work.</summary>
    public void Start()
    {
        if (_processes.Exists(p => p.IsRunning))
            throw new LabException($"{Name} runs already");
        DisposeProcesses();
        StartPrograms();
    }

    /// <summary>kill -9 of the programs. The kernel goes on: addresses, routes and states stay.</summary>
    public void Kill9() => _processes.ForEach(p => p.Kill9());

    /// <summary>Stops the programs in mid-step (SIGSTOP). The kernel goes on.</summary>
    public void Freeze() => _processes.ForEach(p => p.Freeze());

    /// <summary>Lets frozen programs go on.</summary>
    public void Thaw() => _processes.ForEach(p => p.Thaw());

    /// <summary>
    /// The machine dies: no frame leaves or enters any more, though every carrier stays, the programs are killed, and what the kernel
    /// knew is lost: virtual addresses, their devices, product tables, states. <see cref="Heal"/> is the reboot.
    /// </summary>
    public void Crash()
    {
        foreach (var port in Ports)
            port.Cut();
        Kill9();
        foreach (var (port, vip) in new[] { (Lan, Topology.LanVip), (Wan, Topology.WanVip) })
            Place.TryExecute("ip", "addr", "del", $"{vip}/24", "dev", port.Device);
        foreach (var device in Lines("ip", "-o", "link", "show", "type", "macvlan").Select(l => l.Split(": ")[1].Split('@')[0]))
            Place.Ip($"link del dev {device}");
        foreach (var table in Lines("nft", "list", "tables").Where(t => t.Contains(" redoubt", StringComparison.Ordinal)))
            Place.Nft($"delete {table}\n");
        if (Tool.IsInstalled("conntrack"))
            Place.TryExecute("conntrack", "-F");
    }

    /// <summary>Stops the programs in order (SIGTERM), at most 15 s; false when one had to be killed.</summary>
    public bool Stop()
    {
        var deadline = Deadline.In(15);
        return _processes.AsEnumerable().Reverse().ToList().TrueForAll(p => p.Terminate(deadline));
    }

    /// <summary>Ends the faults of its ports, thaws what is frozen and starts what has ended.</summary>
    public void Heal()
    {
        foreach (var port in Ports)
            port.Restore();
        Thaw();
        if (!IsRunning)
        {
            Kill9();
            Start();
        }
    }

    /// <summary>True when the IPv4 virtual address of the LAN is configured here; no proof that it answers.</summary>
    public bool HasLanAddress => Place.HasAddress(Topology.LanVip);

    /// <summary>True when the IPv4 virtual address of the WAN is configured here; no proof that it answers.</summary>
    public bool HasWanAddress => Place.HasAddress(Topology.WanVip);

    /// <summary>Forwarded packets that connection tracking called invalid since the start of the lab.</summary>
    public long InvalidPackets
    {
        get
        {
            var text = Place.Execute("nft", "list", "counter", "inet", WatchTable, "invalid");
            var words = text.Split((char[])[' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries);
            return long.Parse(words[Array.IndexOf(words, "packets") + 1], System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Connection states in the kernel.</summary>
    public int StateCount => Place.Sysctl("netfilter/nf_conntrack_count") ?? 0;

    /// <summary>Kills the programs and gives up the namespace.</summary>
    public void Dispose()
    {
        DisposeProcesses();
        Place.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts what this kind of firewall consists of, by <see cref="Launch"/>.</summary>
    private protected abstract void StartPrograms();

    /// <summary>Starts one program with the log DIRECTORY/NAME.log.</summary>
    private protected LabProcess Launch(string name, params IReadOnlyList<string> command)
    {
        var process = LabProcess.Start(Place, $"{Name} {name}", Path.Combine(Directory, $"{name}.log"), command);
        _processes.Add(process);
        return process;
    }

    /// <summary>Writes a file of this node and returns its path; scripts (.sh) may be executed.</summary>
    private protected string WriteFile(string name, string text)
    {
        var path = Path.Combine(Directory, name);
        PrivateFile.Write(path, text, executable: name.EndsWith(".sh", StringComparison.Ordinal));
        return path;
    }

    private string[] Lines(params IReadOnlyList<string> command) =>
        Place.Execute(command).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // A table of our own, ahead of every filter: what the firewall drops afterwards has been counted.
    private void Watch() =>
        Place.Nft(
            $$"""
            table inet {{WatchTable}} {
                counter invalid {
                }
                chain forward {
                    type filter hook forward priority -200;
                    ct state invalid counter name invalid
                }
            }
            """ + "\n"
        );

    private void DisposeProcesses()
    {
        _processes.ForEach(p => p.Dispose());
        _processes.Clear();
    }
}
