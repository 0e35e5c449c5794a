using System.Collections.Immutable;
using System.Globalization;

namespace Redoubt.Core.Configuration;

/// <summary>Reads the section hasync.</summary>
internal sealed class HaSyncReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces)
{
    public HaSync Read(ConfigElement? section)
    {
        if (section is null)
            return new HaSync();
        var enabled = section.Flag("pfsyncenabled", problems);
        var linkElement = section.Single("pfsyncinterface", problems);
        var link = linkElement?.Value(problems) ?? "";
        if (link.Length > 0 && link != "lo0" && interfaces.All(i => i.Name != link))
        {
            problems.Error(linkElement!, $"there is no interface {ElementReading.Quote(link)}", "a name from <interfaces>");
            link = "";
        }
        else if (enabled && link.Length == 0)
            problems.Error(
                linkElement ?? section,
                "state synchronisation is on without an interface",
                "a name from <interfaces> in <pfsyncinterface>"
            );

        var peer = section.Address("pfsyncpeerip", problems);
        NotOurs(section.First("pfsyncpeerip"), peer);
        var target = section.Address("synchronizetoip", problems);
        NotOurs(section.First("synchronizetoip"), target);
        var user = section.Value("username", problems);
        return new HaSync
        {
            PfsyncEnabled = enabled,
            PfsyncInterface = link.Length > 0 ? link : null,
            PfsyncPeer = peer,
            HostId = HostId(section),
            SynchronizeTo = target,
            Username = user.Length > 0 ? user : "admin",
            Password = new Secret(section.Single("password", problems)?.Text ?? ""),
            Areas =
            [
                .. section
                    .Children.Where(c =>
                        c.Name.StartsWith("synchronize", StringComparison.Ordinal) && c.Name != "synchronizetoip" && c.Text.Length > 0
                    )
                    .Select(c => c.Name["synchronize".Length..])
                    .Where(n => n.Length > 0)
                    .Distinct()
                    .Order(StringComparer.Ordinal),
            ],
        };
    }

    private void NotOurs(ConfigElement? at, AddressPrefix? peer)
    {
        if (peer is { } p && interfaces.FirstOrDefault(i => i.IPv4?.Host == p || i.IPv6?.Host == p) is { } own)
            problems.Error(at!, $"{p.AddressText} is this node's own address on {own.Name}", "the peer's address");
    }

    private uint? HostId(ConfigElement section)
    {
        var element = section.Single("pfhostid", problems);
        var text = element?.Value(problems) ?? "";
        if (text.Length == 0)
            return null;
        if (text.Length <= 8 && uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id) && id != 0)
            return id;
        problems.Error(element!, $"{ElementReading.Quote(text)} is no host id", "one to eight hexadecimal digits, not zero");
        return null;
    }
}
