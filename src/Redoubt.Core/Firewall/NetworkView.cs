using System.Collections.Immutable;
using Redoubt.Core.Configuration;

namespace Redoubt.Core.Firewall;

/// <summary>Configuration and running node seen together: which devices and addresses belong to a logical name.</summary>
internal sealed class NetworkView
{
    private readonly NodeConfiguration _configuration;
    private readonly RulesetContext _context;
    private readonly Dictionary<string, ImmutableArray<AddressPrefix>> _networks = [];
    private readonly Dictionary<string, ImmutableArray<AddressPrefix>> _own = [];
    private readonly Dictionary<string, List<string>> _devices = [];

    public NetworkView(NodeConfiguration configuration, RulesetContext context)
    {
        _configuration = configuration;
        _context = context;
        foreach (var i in configuration.Interfaces)
        {
            var virtuals = configuration
                .VirtualAddresses.Where(v => v.Interface == i.Name && v.Mode is VirtualAddressMode.Carp or VirtualAddressMode.IpAlias)
                .Select(v => v.Prefix);
            var own = Static(i).Concat(Running(i.Name)).Distinct().ToList();
            _own[i.Name] = [.. own.Select(p => p.Host).Distinct()];
            _networks[i.Name] = [.. own.Concat(virtuals).Select(p => p.Network).Distinct()];
            _devices[i.Name] = Devices(i);
        }
        var addresses = configuration.Redoubt.Peers.SelectMany(p => p.Addresses).Distinct().ToImmutableArray();
        Peers =
        [
            .. new[] { false, true }
                .Select(v6 => (Family: v6 ? "ip6" : "ip", Text: AddressSets.Inline(addresses, v6)))
                .Where(p => p.Text is not null)
                .Select(p => (p.Family, p.Text!)),
        ];
    }

    public IEnumerable<string> Names => _configuration.Interfaces.Select(i => i.Name);

    public ImmutableArray<string> SyncLinks => _configuration.Redoubt.SyncLinks;

    /// <summary>The peers' addresses, one entry for each family that occurs.</summary>
    public ImmutableArray<(string Family, string Text)> Peers { get; }

    /// <summary>Networks on the interface: those of the node's own addresses and of the virtual ones.</summary>
    public ImmutableArray<AddressPrefix> Networks(string name) => _networks.GetValueOrDefault(name, []);

    /// <summary>This node's own addresses on the interface.</summary>
    public ImmutableArray<AddressPrefix> Own(string name) => _own.GetValueOrDefault(name, []);

    /// <summary>
    /// A condition on the device for a list of interfaces and groups: empty where the list is empty or takes in every interface, because
    /// only these get that far.
    /// </summary>
    public string Condition(string field, ImmutableArray<string> names)
    {
        var wanted = names.SelectMany(Members).Distinct().ToList();
        if (names.IsEmpty || wanted.Count == _configuration.Interfaces.Length)
            return "";
        return wanted.Count == 1 ? $"{field} @if_{wanted[0]}" : $"{field} {{ {Quoted(wanted.SelectMany(n => _devices[n]).Distinct())} }}";
    }

    /// <summary>The interfaces of a group, or the one of that name.</summary>
    public IEnumerable<string> Members(string name) =>
        _configuration.Firewall.Groups.FirstOrDefault(g => g.Name == name) is { } group ? group.Members
        : _devices.ContainsKey(name) ? [name]
        : [];

    public void WriteSets(RulesetBuilder builder)
    {
        foreach (var i in _configuration.Interfaces)
            builder.Set(
                $"if_{i.Name}",
                "type ifname;",
                _devices[i.Name].Select(d => $"\"{d}\""),
                $"{i.Description}: the device and its virtual-MAC devices"
            );
        builder.Set(
            "configured",
            "type ifname;",
            _devices.Values.SelectMany(d => d).Distinct().Select(d => $"\"{d}\""),
            "every device of the configuration"
        );
    }

    private List<string> Devices(InterfaceConfiguration i)
    {
        var running = _context.Interfaces.Where(r => r.Name == i.Name).SelectMany(r => r.Devices);
        var devices = running.Prepend(i.Device).Distinct().ToList();
        if (devices.Find(d => !DeviceName.IsValid(d)) is { } bad)
            throw new ArgumentException($"{ElementReading.Quote(bad)} is no device name");
        return devices;
    }

    private static string Quoted(IEnumerable<string> devices) => string.Join(", ", devices.Select(d => $"\"{d}\""));

    private IEnumerable<AddressPrefix> Running(string name) => _context.Interfaces.Where(r => r.Name == name).SelectMany(r => r.Addresses);

    private static IEnumerable<AddressPrefix> Static(InterfaceConfiguration i)
    {
        if (i.IPv4 is { } ipv4)
            yield return ipv4;
        if (i.IPv6 is { } ipv6)
            yield return ipv6;
    }
}
