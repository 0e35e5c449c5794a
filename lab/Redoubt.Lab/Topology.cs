using System.Globalization;
using System.Security.Cryptography;
using Redoubt.Lab.Network;

namespace Redoubt.Lab;

/// <summary>
/// The network of the lab, with fixed numbers.
/// <code>
///   client .50 ──┐                                     ┌── server .100 (no way back to the LAN but by the SNAT address)
///                ├─ LAN 10.0.0.0/24 ── fw1..3 ── WAN 203.0.113.0/24
///   observer .60 ┘   VIP .1, vhid 1   .11-.13   VIP .1, vhid 2 └── observer .60
///                    fd00:1::/64        │        fd00:2::/64
///                              sync 10.77.3.0/24
/// </code>
/// </summary>
public sealed class Topology : IDisposable
{
    /// <summary>Vhid of the LAN's virtual addresses.</summary>
    public const int LanVhid = 1;

    /// <summary>Vhid of the WAN's virtual addresses.</summary>
    public const int WanVhid = 2;

    /// <summary>The LAN.</summary>
    public const string LanNetwork = "10.0.0.0/24";

    /// <summary>The client's gateway.</summary>
    public const string LanVip = "10.0.0.1";

    /// <summary>The address that clients leave from.</summary>
    public const string WanVip = "203.0.113.1";

    /// <summary>The client's IPv6 gateway.</summary>
    public const string LanVip6 = "fd00:1::1";

    /// <summary>The server's IPv6 gateway to the LAN.</summary>
    public const string WanVip6 = "fd00:2::1";

    /// <summary>The client.</summary>
    public const string ClientAddress = "10.0.0.50";

    /// <summary>The client, IPv6.</summary>
    public const string ClientAddress6 = "fd00:1::50";

    /// <summary>The server.</summary>
    public const string ServerAddress = "203.0.113.100";

    /// <summary>The server, IPv6.</summary>
    public const string ServerAddress6 = "fd00:2::100";

    /// <summary>The observer on the LAN.</summary>
    public const string ObserverLanAddress = "10.0.0.60";

    /// <summary>The observer on the WAN.</summary>
    public const string ObserverWanAddress = "203.0.113.60";

    private readonly string _clusterKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly List<Place> _firewalls = [];

    /// <summary>Builds segments, client, server and observer; firewalls are added by <see cref="AddFirewall"/>.</summary>
    public Topology(string directory, int firewallCount, bool ipv6)
    {
        (Directory, FirewallCount, HasIPv6) = (directory, firewallCount, ipv6);
        Switch = new Place("switch");
        LanSegment = new Segment(Switch, "lan");
        WanSegment = new Segment(Switch, "wan");
        SyncSegment = new Segment(Switch, "sync");
        Client = new Place("client");
        Server = new Place("server");
        Observer = new Place("observer");
        ClientPort = LanSegment.Attach(Client, "lan0", Addresses($"{ClientAddress}/24", $"{ClientAddress6}/64"));
        ServerPort = WanSegment.Attach(Server, "wan0", Addresses($"{ServerAddress}/24", $"{ServerAddress6}/64"));
        LanSegment.Attach(Observer, "lan0", Addresses($"{ObserverLanAddress}/24", "fd00:1::60/64"));
        WanSegment.Attach(Observer, "wan0", Addresses($"{ObserverWanAddress}/24", "fd00:2::60/64"));
        Client.Ip($"route add default via {LanVip}");
        if (ipv6)
        {
            Client.Ip($"route add default via {LanVip6}");
            Server.Ip($"route add fd00:1::/64 via {WanVip6}"); // no translation for IPv6
        }
    }

    /// <summary>Where files of the lab lie.</summary>
    public string Directory { get; }

    /// <summary>How many firewalls there will be.</summary>
    public int FirewallCount { get; }

    /// <summary>Whether hosts and virtual hosts have IPv6 addresses.</summary>
    public bool HasIPv6 { get; }

    /// <summary>The switch: all bridges and the far end of every port.</summary>
    public Place Switch { get; }

    /// <summary>The LAN.</summary>
    public Segment LanSegment { get; }

    /// <summary>The WAN.</summary>
    public Segment WanSegment { get; }

    /// <summary>The sync link.</summary>
    public Segment SyncSegment { get; }

    /// <summary>A host on the LAN whose gateway is the virtual address.</summary>
    public Place Client { get; }

    /// <summary>A host on the WAN without a route to the LAN.</summary>
    public Place Server { get; }

    /// <summary>A third party with a foot in LAN (lan0) and WAN (wan0).</summary>
    public Place Observer { get; }

    /// <summary>The client's port.</summary>
    public Port ClientPort { get; }

    /// <summary>The server's port.</summary>
    public Port ServerPort { get; }

    /// <summary>All ports.</summary>
    public IEnumerable<Port> Ports => new[] { LanSegment, WanSegment, SyncSegment }.SelectMany(s => s.Ports);

    /// <summary>All places but the switch's are hosts.</summary>
    public IEnumerable<Place> Places => [Switch, Client, Server, Observer, .. _firewalls];

    /// <summary>10.0.0.11 for fw1.</summary>
    public static string LanAddress(int number) => $"10.0.0.{Host(number)}";

    /// <summary>203.0.113.11 for fw1.</summary>
    public static string WanAddress(int number) => $"203.0.113.{Host(number)}";

    /// <summary>10.77.3.11 for fw1.</summary>
    public static string SyncAddress(int number) => $"10.77.3.{Host(number)}";

    /// <summary>fd00:1::11 for fw1.</summary>
    public static string LanAddress6(int number) => $"fd00:1::{Host(number)}";

    /// <summary>fd00:2::11 for fw1.</summary>
    public static string WanAddress6(int number) => $"fd00:2::{Host(number)}";

    /// <summary>0, 100, 200.</summary>
    public static int DefaultAdvSkew(int number) => (number - 1) * 100;

    /// <summary>Makes the place of a firewall with its three ports.</summary>
    public (Place Place, Port Lan, Port Wan, Port Sync) AddFirewall(int number)
    {
        var place = new Place($"fw{number}");
        _firewalls.Add(place);
        return (
            place,
            LanSegment.Attach(place, "lan0", Addresses($"{LanAddress(number)}/24", $"{LanAddress6(number)}/64")),
            WanSegment.Attach(place, "wan0", Addresses($"{WanAddress(number)}/24", $"{WanAddress6(number)}/64")),
            SyncSegment.Attach(place, "sync0", $"{SyncAddress(number)}/24")
        );
    }

    /// <summary>The port named like "fw1.lan"; throws <see cref="LabException"/>.</summary>
    public Port Port(string name) =>
        Ports.FirstOrDefault(p => p.Name == name)
        ?? throw new LabException($"there is no port {name}; there are {string.Join(' ', Ports.Select(p => p.Name))}");

    /// <summary>The place of that name; throws <see cref="LabException"/>.</summary>
    public Place Place(string name) =>
        Places.FirstOrDefault(p => p.Name == name)
        ?? throw new LabException($"there is no place {name}; there are {string.Join(' ', Places.Select(p => p.Name))}");

    /// <summary>Gives up every namespace.</summary>
    public void Dispose()
    {
        foreach (var place in Places)
            place.Dispose();
    }

    internal void WriteClusterKey(string path) => PrivateFile.Write(path, _clusterKey + "\n");

    private static string Host(int number) => (10 + number).ToString(CultureInfo.InvariantCulture);

    private string[] Addresses(string ipv4, string ipv6) => HasIPv6 ? [ipv4, ipv6] : [ipv4];
}
