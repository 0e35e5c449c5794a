using System.Collections.Frozen;
using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.Configuration;

/// <summary>What this program does with a section.</summary>
public enum SectionRole : byte
{
    /// <summary>It acts on it.</summary>
    Applied,

    /// <summary>It knows what it is, keeps it and synchronises it where its area is ticked, but does nothing about it.</summary>
    Kept,

    /// <summary>It does not know it, and keeps it.</summary>
    Unknown,
}

/// <summary>One section of a file.</summary>
/// <param name="Name">The tag.</param>
/// <param name="Role">What is done with it.</param>
/// <param name="Meaning">What it is about; empty where that is not known.</param>
public sealed record SectionReport(string Name, SectionRole Role, string Meaning);

/// <summary>pfSense's top-level sections and what becomes of them here.</summary>
public static class ConfigSections
{
    private static readonly FrozenDictionary<string, string> _meanings = new Dictionary<string, string>
    {
        ["version"] = "version of the file",
        ["lastchange"] = "time of the last change",
        ["revision"] = "last entry of the history",
        ["system"] = "host name, accounts, settings of the system",
        ["interfaces"] = "logical interfaces",
        ["virtualip"] = "virtual addresses",
        ["virtualip_carp_maintenancemode"] = "persistent maintenance mode",
        ["hasync"] = "high availability",
        ["filter"] = "firewall rules",
        ["nat"] = "address translation",
        ["aliases"] = "aliases",
        ["schedules"] = "schedules",
        ["gateways"] = "gateways and gateway groups",
        ["staticroutes"] = "static routes",
        ["ca"] = "certificate authorities",
        ["cert"] = "certificates",
        ["crl"] = "certificate revocation lists",
        ["dhcpd"] = "DHCP server",
        ["dhcpdv6"] = "DHCPv6 server and router advertisements",
        ["dhcpbackend"] = "which DHCP server is used",
        ["kea"] = "Kea DHCP server",
        ["kea6"] = "Kea DHCPv6 server",
        ["dhcrelay"] = "DHCP relay",
        ["dhcrelay6"] = "DHCPv6 relay",
        ["unbound"] = "DNS resolver",
        ["dnsmasq"] = "DNS forwarder",
        ["openvpn"] = "OpenVPN",
        ["ipsec"] = "IPsec",
        ["l2tp"] = "L2TP server",
        ["pppoes"] = "PPPoE servers",
        ["ppps"] = "PPP devices",
        ["captiveportal"] = "captive portal",
        ["voucher"] = "captive portal's vouchers",
        ["shaper"] = "traffic shaper queues",
        ["dnshaper"] = "traffic shaper limiters",
        ["ezshaper"] = "traffic shaper wizard",
        ["wol"] = "Wake on LAN",
        ["syslog"] = "logging",
        ["cron"] = "scheduled jobs",
        ["snmpd"] = "SNMP",
        ["ntpd"] = "NTP server",
        ["rrd"] = "graphs",
        ["widgets"] = "dashboard",
        ["sysctl"] = "kernel settings",
        ["diag"] = "diagnostics",
        ["vlans"] = "VLAN devices",
        ["qinqs"] = "QinQ devices",
        ["laggs"] = "link aggregation",
        ["bridges"] = "bridges",
        ["gifs"] = "GIF tunnels",
        ["gres"] = "GRE tunnels",
        ["vxlans"] = "VXLAN devices",
        ["ifgroups"] = "interface groups",
        ["wireless"] = "wireless devices",
        ["igmpproxy"] = "IGMP proxy",
        ["upnpd"] = "UPnP",
        ["dyndnses"] = "dynamic DNS",
        ["dnsupdates"] = "dynamic DNS by RFC 2136",
        ["checkipservices"] = "services that tell the public address",
        ["proxyarp"] = "proxy ARP",
        ["installedpackages"] = "packages and their settings",
        ["notifications"] = "notifications",
        ["theme"] = "look of the pages",
        ["sshdata"] = "keys of the SSH server",
        ["redoubt"] = "settings of this program",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What is done with a section of that name.</summary>
    public static SectionReport Of(string name)
    {
        var meaning = _meanings.GetValueOrDefault(name, "");
        if (ConfigurationReader.Applied.Contains(name))
            return new SectionReport(name, SectionRole.Applied, meaning);
        return new SectionReport(name, meaning.Length > 0 ? SectionRole.Kept : SectionRole.Unknown, meaning);
    }

    /// <summary>The sections of a document, each once, in its order.</summary>
    public static ImmutableArray<SectionReport> Of(ConfigDocument document) =>
        [.. document.Root.Children.Select(c => c.Name).Distinct().Select(Of)];
}
