using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Redoubt.Control;
using Redoubt.Lab.Network;
using Redoubt.Lab.Nodes;
using Redoubt.Lab.Processes;

namespace Redoubt.Lab.Bench.Vhids;

/// <summary>
/// Two firewalls with the same vhids, 1 to so many, on each of several segments, and a sync link. Segment i is 10.i.0.0/16 with the virtual address 10.i.1.VHID;
/// the firewalls are 10.i.0.1 and 10.i.0.2.
/// </summary>
public sealed class VhidCluster : IDisposable
{
    private const string Secret = "cluster.key";
    private readonly string _directory = Directory.CreateTempSubdirectory("redoubt-vhids-").FullName;
    private readonly List<Segment> _segments = [];
    private readonly Place[] _places = [new("fw1"), new("fw2")];
    private readonly LabProcess?[] _daemons = new LabProcess?[2];

    /// <summary>Builds the network and writes the files; nothing runs yet. Throws <see cref="LabException"/>.</summary>
    public VhidCluster(int segments, int vhids, string profile)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(segments, 8);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vhids, 255);
        LabSpace.Check();
        (Segments, Vhids) = (segments, vhids);
        Switch = new Place("switch");
        for (var i = 1; i <= segments; i++)
            _segments.Add(Attach($"seg{i}", n => $"10.{i}.0.{n}/16"));
        _segments.Add(Attach("sync", n => $"10.77.3.{n}/24"));
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        for (var node = 1; node <= 2; node++)
        {
            Directory.CreateDirectory(Path.Combine(_directory, $"fw{node}", "state"));
            PrivateFile.Write(Path.Combine(_directory, $"fw{node}", Secret), key + "\n");
            File.WriteAllText(ConfigFile(node), Configuration(node, profile));
        }

        Segment Attach(string name, Func<int, string> address)
        {
            var segment = new Segment(Switch, name);
            for (var node = 1; node <= 2; node++)
                segment.Attach(_places[node - 1], $"{name}p", address(node));
            return segment;
        }
    }

    /// <summary>How many segments have vhids.</summary>
    public int Segments { get; }

    /// <summary>How many vhids each has.</summary>
    public int Vhids { get; }

    /// <summary>The switch.</summary>
    public Place Switch { get; }

    /// <summary>The ports of a firewall, 1 or 2, the sync link's last.</summary>
    public IEnumerable<Port> Ports(int node) => _segments.Select(s => s.Ports[node - 1]);

    /// <summary>The daemon of a firewall, 1 or 2; null before its start.</summary>
    public LabProcess? Daemon(int node) => _daemons[node - 1];

    /// <summary>Starts a firewall's daemon, and returns when it answers. Throws <see cref="LabException"/>.</summary>
    public TimeSpan Start(int node, Deadline deadline)
    {
        _daemons[node - 1]?.Dispose();
        var folder = Path.Combine(_directory, $"fw{node}");
        var daemon = LabProcess.Start(
            _places[node - 1],
            $"fw{node} redoubtd",
            Path.Combine(folder, "redoubtd.log"),
            RedoubtNode.DaemonPath,
            "--config",
            ConfigFile(node),
            "--state",
            Path.Combine(folder, "state"),
            "--control",
            Socket(node)
        );
        _daemons[node - 1] = daemon;
        return deadline.Await(
            $"fw{node} answers",
            () => daemon.IsRunning ? Count(node, VipState.Master) >= 0 : throw new LabException($"fw{node} ended: {daemon.Tail}"),
            () => daemon.Tail
        );
    }

    /// <summary>How many vhids of a firewall are in a state; -1 where it does not answer.</summary>
    public int Count(int node, VipState state)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            var request = new ControlRequest { Verb = ControlVerb.Status };
            var reply = Task.Run(() => ControlClient.AskOnceAsync(Socket(node), request, limit.Token)).GetAwaiter().GetResult();
            return reply.Status?.Carp.Vips.Count(v => v.State == state) ?? -1;
        }
        catch (Exception e) when (e is ControlException or OperationCanceledException)
        {
            return -1;
        }
    }

    /// <summary>Waits until all vhids of a firewall are in a state. Throws <see cref="LabException"/>.</summary>
    public TimeSpan AwaitAll(int node, VipState state, Deadline deadline) =>
        deadline.Await($"all of fw{node} are {state}", () => Count(node, state) == Segments * Vhids, () => $"{Count(node, state)}");

    /// <summary>Processor time that a firewall's daemon has used.</summary>
    public TimeSpan ProcessorTime(int node)
    {
        var stat = File.ReadAllText($"/proc/{Daemon(node)!.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromMilliseconds(
            10 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture))
        );
    }

    /// <summary>Resident memory of a firewall's daemon, KiB.</summary>
    public long Resident(int node)
    {
        var line = File.ReadLines($"/proc/{Daemon(node)!.Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var daemon in _daemons)
            daemon?.Dispose();
        foreach (var place in _places.Append(Switch))
            place.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private string ConfigFile(int node) => Path.Combine(_directory, $"fw{node}", "config.xml");

    private string Socket(int node) => Path.Combine(_directory, $"fw{node}.sock");

    private string Configuration(int node, string profile)
    {
        var peer = 3 - node;
        var interfaces = new StringBuilder();
        var vips = new StringBuilder();
        for (var i = 1; i <= Segments; i++)
        {
            var name = LogicalName(i);
            interfaces.Append(
                CultureInfo.InvariantCulture,
                $"<{name}><if>seg{i}p</if><ipaddr>10.{i}.0.{node}</ipaddr><subnet>16</subnet></{name}>"
            );
            for (var vhid = 1; vhid <= Vhids; vhid++)
                vips.Append(
                    CultureInfo.InvariantCulture,
                    $"<vip><mode>carp</mode><interface>{name}</interface><vhid>{vhid}</vhid><advbase>1</advbase><advskew>{(node - 1) * 100}</advskew>"
                        + $"<password>lab-carp-key</password><uniqid>v{i}x{vhid}</uniqid><subnet>10.{i}.1.{vhid}</subnet><subnet_bits>16</subnet_bits></vip>"
                );
        }
        var text =
            $"<pfsense><system><hostname>fw{node}</hostname></system><interfaces>{interfaces}"
            + $"<opt9><if>syncp</if><ipaddr>10.77.3.{node}</ipaddr><subnet>24</subnet></opt9></interfaces><virtualip>{vips}</virtualip>"
            + $"<hasync><pfsyncenabled>on</pfsyncenabled><pfsyncinterface>opt9</pfsyncinterface><pfsyncpeerip>10.77.3.{peer}</pfsyncpeerip></hasync>"
            + $"<redoubt><node><id>{node}</id></node><cluster><secretfile>{Secret}</secretfile>"
            + $"<peer><id>{peer}</id><name>fw{peer}</name><address>10.77.3.{peer}</address></peer></cluster>"
            + $"<failover><profile>{profile}</profile></failover></redoubt></pfsense>";
        return XDocument.Parse(text).ToString();
    }

    private static string LogicalName(int segment) =>
        segment switch
        {
            1 => "wan",
            2 => "lan",
            _ => string.Create(CultureInfo.InvariantCulture, $"opt{segment - 2}"),
        };
}
