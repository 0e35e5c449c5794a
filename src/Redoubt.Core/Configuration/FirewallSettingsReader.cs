using System.Collections.Immutable;
using static Redoubt.Core.Configuration.ElementReading;

namespace Redoubt.Core.Configuration;

/// <summary>Reads from system, ifgroups and redoubt/firewall what concerns the firewall as a whole.</summary>
internal sealed class FirewallSettingsReader(Problems problems, ImmutableArray<InterfaceConfiguration> interfaces)
{
    public FirewallSettings Read(ConfigElement? system, ConfigElement? groups, ConfigElement? redoubt)
    {
        var web = system?.Single("webgui", problems);
        var plain = web?.Value("protocol", problems) == "http";
        var port = web?.Number("port", 1, 65535, plain ? 80 : 443, problems) ?? 443;
        return new FirewallSettings
        {
            AntiLockout = !(web?.Flag("noantilockout", problems) ?? false),
            WebPorts = [(ushort)port],
            SshPort = (ushort)(system?.Single("ssh", problems)?.Number("port", 1, 65535, 22, problems) ?? 22),
            Reflection = Reflection(system),
            ReflectOneToOne = system?.Flag("enablebinatreflection", problems) ?? false,
            TimeZone = TimeZone(system),
            ReachPeer = redoubt?.Single("firewall", problems)?.Flag("reachpeer", problems) ?? false,
            Groups = Groups(groups),
        };
    }

    private NatReflection Reflection(ConfigElement? system)
    {
        if (system is null || system.Flag("disablenatreflection", problems))
            return NatReflection.Disabled;
        var pure = system.Flag("enablenatreflectionpurenat", problems);
        return pure && !system.Flag("enablenatreflectionhelper", problems) ? NatReflection.Pure : NatReflection.Translated;
    }

    private string TimeZone(ConfigElement? system)
    {
        var element = system?.Single("timezone", problems);
        var name = element?.Value(problems) ?? "";
        if (
            name.Length <= 64
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '-' or '+')
            && !name.StartsWith('/')
            && !name.Contains("//", StringComparison.Ordinal)
        )
            return name;
        problems.Warn(element!, $"{Quote(name)} is no time zone; the machine's is used", "a name such as Europe/Berlin");
        return "";
    }

    private ImmutableArray<InterfaceGroup> Groups(ConfigElement? section)
    {
        var groups = ImmutableArray.CreateBuilder<InterfaceGroup>();
        foreach (var entry in section?.All("ifgroupentry").Take(ConfigurationLimits.Interfaces) ?? [])
        {
            var name = entry.Value("ifname", problems);
            if (!IsName(name) || interfaces.Any(i => i.Name == name) || groups.Any(g => g.Name == name))
            {
                problems.Error(entry.First("ifname") ?? entry, $"{Quote(name)} is no name of a group", "a name that nothing else has");
                continue;
            }
            var members = entry.Value("members", problems).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (Array.Find(members, m => interfaces.All(i => i.Name != m)) is { } missing)
                problems.Error(entry.First("members")!, $"there is no interface {Quote(missing)}", "names from <interfaces>");
            else
                groups.Add(new InterfaceGroup(name, [.. members.Distinct()]));
        }
        return groups.ToImmutable();
    }
}
