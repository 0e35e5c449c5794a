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
        }
        var addresses = configuration.Redoubt.Peers.SelectMany(p => p.Addresses).Distinct().ToList();
        Peers =
        [
            .. new[] { false, true }
                .Select(v6 => (Family: v6 ? "ip6" : "ip", List: AddressSets.Disjoint(addresses.Where(a => a.IsIPv6 == v6))))
                .Where(p => p.List.Count > 0)
                .Select(p => (p.Family, $"{{ {string.Join(", ", p.List.Select(AddressSets.Text))} }}")),
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

    public void WriteSets(RulesetText text)
    {
        var all = new List<string>();
        foreach (var i in _configuration.Interfaces)
        {
            var devices = Devices(i);
            all.AddRange(devices);
            text.Open($"set if_{i.Name}", $"{i.Description}: the device and its virtual-MAC devices");
            text.Line($"type ifname; elements = {{ {Quoted(devices)} }}");
            text.Close();
        }
        text.Open("set configured", "every device of the configuration");
        text.Line($"type ifname; elements = {{ {Quoted(all.Distinct())} }}");
        text.Close();
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
