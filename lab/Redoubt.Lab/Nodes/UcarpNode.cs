using System.Globalization;
using Redoubt.Lab.Network;

namespace Redoubt.Lab.Nodes;

/// <summary>
/// A firewall with ucarp 1.5: one process per virtual address, each elects for itself. It uses the real MAC, and knows no IPv6 and no
/// state sync.
/// </summary>
public sealed class UcarpNode : FirewallNode
{
    private readonly UcarpOptions _options;

    internal UcarpNode(int number, Place place, Port lan, Port wan, Port sync, Topology topology, UcarpOptions options)
        : base(number, place, lan, wan, sync, Path.Combine(topology.Directory, place.Name))
    {
        _options = options;
        PlainFirewall.Load(place);
    }

    private protected override void StartPrograms()
    {
        Launch(Lan, Topology.LanAddress(Number), Topology.LanVhid, Topology.LanVip);
        Launch(Wan, Topology.WanAddress(Number), Topology.WanVhid, Topology.WanVip);
    }

    private void Launch(Port port, string source, int vhid, string address)
    {
        // Called by ucarp with the device and the address.
        var up = WriteFile($"up-{port.Segment}.sh", "#!/bin/sh\nexec ip addr replace \"$2/24\" dev \"$1\"\n");
        var down = WriteFile($"down-{port.Segment}.sh", "#!/bin/sh\nip addr del \"$2/24\" dev \"$1\" 2>/dev/null\nexit 0\n");
        var process = Launch(
            $"ucarp-{port.Segment}",
            [
                .. new[] { "ucarp", $"--interface={port.Device}", $"--srcip={source}", $"--addr={address}" },
                $"--vhid={vhid.ToString(CultureInfo.InvariantCulture)}",
                $"--pass={_options.Password}",
                $"--advbase={_options.AdvBase.ToString(CultureInfo.InvariantCulture)}",
                $"--advskew={(_options.AdvSkew ?? Topology.DefaultAdvSkew(Number)).ToString(CultureInfo.InvariantCulture)}",
                $"--upscript={up}",
                $"--downscript={down}",
                "--shutdown",
                .. _options.Preempt ? ["--preempt"] : Array.Empty<string>(),
            ]
        );
        process.WaitForLine("Switching to state", Deadline.In(10));
    }
}
