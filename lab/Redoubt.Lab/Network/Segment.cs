namespace Redoubt.Lab.Network;

/// <summary>
/// An Ethernet segment: a bridge in the switch. It floods multicast as a plain switch does; each host is attached by a
/// <see cref="Port"/> whose far end in the switch carries the faults.
/// </summary>
public sealed class Segment
{
    private readonly Place _switch;
    private readonly List<Port> _ports = [];

    /// <summary>Makes the bridge.</summary>
    public Segment(Place @switch, string name)
    {
        (_switch, Name) = (@switch, name);
        _switch.Ip(
            $"link add name {Bridge} type bridge mcast_snooping 0 stp_state 0",
            $"link set dev {Bridge} addrgenmode none",
            $"link set dev {Bridge} up"
        );
    }

    /// <summary>lan, wan or sync.</summary>
    public string Name { get; }

    /// <summary>Device name of the bridge in the switch.</summary>
    public string Bridge => $"br-{Name}";

    /// <summary>Attached ports, in order of attachment.</summary>
    public IReadOnlyList<Port> Ports => _ports;

    /// <summary>Attaches a host by a new device with addresses ("10.0.0.50/24"); both ends are up.</summary>
    public Port Attach(Place place, string device, params IReadOnlyList<string> addresses)
    {
        var port = new Port(_switch, Name, place, device);
        _switch.Ip(
            $"link add name {port.SwitchDevice} type veth peer name {device} netns {place.NamespacePath}",
            $"link set dev {port.SwitchDevice} addrgenmode none",
            $"link set dev {port.SwitchDevice} master {Bridge} up"
        );
        place.Ip([
            $"link set dev {device} up",
            .. addresses.Select(a => $"addr add {a} dev {device}{(a.Contains(':', StringComparison.Ordinal) ? " nodad" : "")}"),
        ]);
        _ports.Add(port);
        return port;
    }
}
