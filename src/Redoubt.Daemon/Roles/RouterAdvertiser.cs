using System.Globalization;
using System.Text;
using Redoubt.Core;
using Redoubt.Core.Configuration;
using Redoubt.Daemon.Configuration;
using Redoubt.Linux.Links;

namespace Redoubt.Daemon.Roles;

/// <summary>
/// radvd on the device that carries the virtual MAC, with the link-local virtual address as source: hosts know one router, whichever node is master.
/// It is killed when the role is lost. The last advertisement that it would send where it is asked to end says that the router is gone (lifetime 0); from the same address as the
/// new master's it would take away the route that goes on. Only where nobody takes over (<see cref="BoundCommand.Finish"/>) it is asked to end, while the gate is still open.
/// </summary>
internal sealed class RouterAdvertiser(RouterAdvertisement advertisement, string directory)
    : BoundCommand(
        $"radvd {advertisement.Interface}",
        null,
        advertisement.Vip,
        [
            RouterAdvertisement.Program,
            "-n",
            "-C",
            FileOf(directory, advertisement, "conf"),
            "-p",
            FileOf(directory, advertisement, "pid"),
            "-m",
            "stderr",
        ],
        abrupt: true
    )
{
    private const int LongestInterval = 600; // seconds, MaxRtrAdvInterval as RFC 4861 has it by default

    /// <inheritdoc/>
    protected override string? Prepare()
    {
        if (!File.Exists(RouterAdvertisement.Program))
            return $"{RouterAdvertisement.Program} is not installed";
        using var route = new RouteNetlink();
        if (route.Link(advertisement.Device) is not { } parent)
            return $"there is no device {advertisement.Device}";
        var device = advertisement.UsesRealMac
            ? parent.Name
            : VirtualMacDevice.Name(parent.Index, advertisement.Vhid, advertisement.IsVrrp6);
        try
        {
            AtomicFile.Write(FileOf(directory, advertisement, "conf"), Encoding.ASCII.GetBytes(Text(advertisement, device)));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>The text of radvd.conf: numbers, addresses and a device's name that this daemon made.</summary>
    internal static string Text(RouterAdvertisement advertisement, string device)
    {
        var longest = Math.Min(LongestInterval, advertisement.Lifetime / 3);
        var text = new StringBuilder();
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $$"""
            interface {{device}} {
                AdvSendAdvert on;
                MinRtrAdvInterval {{Math.Max(3, longest / 3)}};
                MaxRtrAdvInterval {{longest}};
                AdvDefaultLifetime {{advertisement.Lifetime}};
                AdvRASrcAddress { {{advertisement.Source.AddressText}}; };
            """
        );
        foreach (var prefix in advertisement.Prefixes)
        {
            var autonomous = prefix.Length == 64 ? "on" : "off";
            text.AppendLine(CultureInfo.InvariantCulture, $"    prefix {prefix} {{ AdvOnLink on; AdvAutonomous {autonomous}; }};");
        }
        if (!advertisement.Resolvers.IsEmpty)
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"    RDNSS {string.Join(' ', advertisement.Resolvers.Select(r => r.AddressText))} {{ }};"
            );
        return text.AppendLine("};").ToString();
    }

    private static string FileOf(string directory, RouterAdvertisement advertisement, string kind) =>
        Path.Combine(directory, $"radvd-{advertisement.Interface}.{kind}");
}
