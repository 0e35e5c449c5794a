using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>Reads and validates a configuration file.</summary>
public static class ConfigurationReader
{
    internal static readonly string[] Applied =
    [
        "version",
        "lastchange",
        "system",
        "interfaces",
        "virtualip",
        "virtualip_carp_maintenancemode",
        "hasync",
        "filter",
        "nat",
        "aliases",
        "schedules",
        "ifgroups",
        "gateways",
        "staticroutes",
        "ca",
        "cert",
        "revision",
        "redoubt",
    ];

    /// <summary>
    /// Reads a whole file. Never throws for what the file holds; all problems are collected.
    /// <paramref name="fileName"/> is only repeated in problems.
    /// </summary>
    public static ConfigurationResult Read(ReadOnlySpan<byte> utf8Xml, string fileName)
    {
        var problems = new Problems(fileName);
        if (ConfigDocument.TryRead(utf8Xml, out var document, out var refusal))
            return Read(document!, problems);
        problems.Refuse(refusal!.Line, refusal.Message);
        return new ConfigurationResult(null, problems.ToArray(), []);
    }

    /// <summary>
    /// Validates a document that was read, or put together from one. Lines are those of the file where an element came from, 0 for what was put in since; paths
    /// are those of the document.
    /// </summary>
    /// <param name="document">The document.</param>
    /// <param name="fileName">Only repeated in problems.</param>
    /// <param name="known">What was read from one that this may share elements with: those need not be read again.</param>
    public static ConfigurationResult Read(ConfigDocument document, string fileName, ConfigurationResult? known = null) =>
        Read(document, new Problems(fileName), known?.Known);

    private static ConfigurationResult Read(ConfigDocument document, Problems problems, KnownRules? known = null)
    {
        var root = ConfigElement.Of(document.Root);
        if (root.Name != "pfsense")
        {
            problems.Error(root, $"the root element is {ElementReading.Quote(root.Name)}", "<pfsense>");
            return new ConfigurationResult(null, problems.ToArray(), []);
        }
        var made = new KnownRules(document);
        var configuration = Read(root, problems, known?.Fits(document) == true ? known : null, made);
        var kept = root
            .Children.Select(c => c.Name)
            .Where(n => !Applied.Contains(n))
            .Distinct()
            .Order(StringComparer.Ordinal)
            .ToImmutableArray();
        return new ConfigurationResult(problems.HasErrors ? null : configuration, problems.ToArray(), kept)
        {
            Sections = ConfigSections.Of(document),
            Known = made,
        };
    }

    private static NodeConfiguration Read(ConfigElement root, Problems problems, KnownRules? known, KnownRules made)
    {
        var system = root.Single("system", problems);
        var hostname = Hostname(system, problems);
        var interfacesElement = root.Single("interfaces", problems);
        var interfaces = new InterfaceReader(problems).Read(interfacesElement);
        if (interfacesElement is null)
            problems.Error(root, "there are no interfaces", "a section <interfaces>");
        var hasync = new HaSyncReader(problems, interfaces).Read(root.Single("hasync", problems));

        var redoubt = new RedoubtReader(problems, root.Single("redoubt", problems), interfaces);
        var options = redoubt.ReadVipOptions();
        var virtualAddresses = new VirtualAddressReader(problems, interfaces, options);
        virtualAddresses.Read(root.Single("virtualip", problems));
        var settings = redoubt.Read(hasync, hostname, virtualAddresses.Hosts, options);

        var aliases = new AliasTable(problems, root.Single("aliases", problems), known, made);
        var filter = root.Single("filter", problems);
        var firewall = new FirewallSettingsReader(problems, interfaces).Read(
            system,
            root.Single("ifgroups", problems),
            root.Single("redoubt", problems)
        );
        var gateways = new GatewayReader(problems, interfaces).Read(root.Single("gateways", problems));
        var schedules = new ScheduleReader(problems).Read(root.Single("schedules", problems));
        var rules = new RuleReader(problems, interfaces, firewall.Groups, gateways, schedules, aliases).Read(filter, known, made);
        var nat = new NatReader(problems, interfaces, virtualAddresses.Addresses, firewall, aliases).Read(root.Single("nat", problems));
        if (interfacesElement is not null && rules.All(r => r.IsDisabled || r.Action != RuleAction.Pass))
            problems.Warn(
                filter ?? interfacesElement,
                "no rule passes anything: the configured interfaces let nothing through but CARP, ICMP and the peers"
            );
        return new NodeConfiguration
        {
            Hostname = hostname,
            Domain = system?.Value("domain", problems) ?? "",
            MaintenanceMode = root.Flag("virtualip_carp_maintenancemode", problems),
            Interfaces = interfaces,
            VirtualAddresses = virtualAddresses.Addresses,
            VirtualHosts = virtualAddresses.Hosts,
            HaSync = hasync,
            Redoubt = settings,
            FilterRules = rules,
            Nat = nat,
            Aliases = aliases.Used,
            Schedules = schedules,
            Gateways = gateways,
            Firewall = firewall,
        };
    }

    private static string Hostname(ConfigElement? system, Problems problems)
    {
        var element = system?.Single("hostname", problems);
        var name = element?.Value(problems) ?? "";
        if (name.Length == 0)
            return "firewall";
        if (name.Length <= 63 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') && name[0] != '-')
            return name;
        problems.Error(element!, $"{ElementReading.Quote(name)} is no host name", "up to 63 letters, digits and -");
        return "firewall";
    }
}
