using System.Collections.Immutable;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Core.ConfigSync;

/// <summary>What may be pushed to a peer: one bit for each of the 21 boxes of pfSense's page for high availability.</summary>
[Flags]
public enum SyncAreas
{
    /// <summary>Nothing is pushed.</summary>
    None = 0,

    /// <summary>Local users and groups.</summary>
    Users = 1 << 0,

    /// <summary>Authentication servers.</summary>
    AuthServers = 1 << 1,

    /// <summary>Certificate authorities, certificates, revocation lists.</summary>
    Certificates = 1 << 2,

    /// <summary>Firewall rules, and the schedules that they use.</summary>
    Rules = 1 << 3,

    /// <summary>Schedules.</summary>
    Schedules = 1 << 4,

    /// <summary>Aliases.</summary>
    Aliases = 1 << 5,

    /// <summary>Network address translation of every kind.</summary>
    Nat = 1 << 6,

    /// <summary>IPsec.</summary>
    Ipsec = 1 << 7,

    /// <summary>OpenVPN, and the certificates that it needs.</summary>
    OpenVpn = 1 << 8,

    /// <summary>DHCP server.</summary>
    Dhcp = 1 << 9,

    /// <summary>DHCP relay.</summary>
    DhcpRelay = 1 << 10,

    /// <summary>DHCPv6 server and router advertisements.</summary>
    Dhcp6 = 1 << 11,

    /// <summary>DHCPv6 relay.</summary>
    DhcpRelay6 = 1 << 12,

    /// <summary>Wake on LAN.</summary>
    Wol = 1 << 13,

    /// <summary>Static routes and the gateways that they use.</summary>
    StaticRoutes = 1 << 14,

    /// <summary>Virtual addresses.</summary>
    VirtualIps = 1 << 15,

    /// <summary>Traffic shaper queues.</summary>
    Shaper = 1 << 16,

    /// <summary>Traffic shaper limiters.</summary>
    Limiter = 1 << 17,

    /// <summary>DNS forwarder and resolver.</summary>
    Dns = 1 << 18,

    /// <summary>Captive portal and vouchers.</summary>
    CaptivePortal = 1 << 19,

    /// <summary>The built-in accounts (uid below 2000) travel with the users.</summary>
    AdminSync = 1 << 20,

    /// <summary>All of them.</summary>
    All = (1 << 21) - 1,
}

/// <summary>One area with its names.</summary>
/// <param name="Area">The bit.</param>
/// <param name="Name">What a user calls it (<c>--area</c>).</param>
/// <param name="Tag">Its tag in the section <c>hasync</c>.</param>
/// <param name="Label">What pfSense's page says.</param>
/// <param name="Sections">What travels, in the order in which pfSense puts it into the call; within <c>system</c> with a slash.</param>
public sealed record SyncArea(SyncAreas Area, string Name, string Tag, string Label, ImmutableArray<string> Sections)
{
    /// <summary>All areas.</summary>
    public static ImmutableArray<SyncArea> All { get; } =
    [
        new(SyncAreas.Users, "users", "synchronizeusers", "User manager users and groups", ["system/user", "system/group"]),
        new(SyncAreas.AuthServers, "authservers", "synchronizeauthservers", "Authentication servers", ["system/authserver"]),
        new(
            SyncAreas.Certificates,
            "certificates",
            "synchronizecerts",
            "Certificate Authorities, Certificates, and CRLs",
            ["cert", "ca", "crl"]
        ),
        new(SyncAreas.Rules, "rules", "synchronizerules", "Firewall rules", ["filter", "schedules"]),
        new(SyncAreas.Schedules, "schedules", "synchronizeschedules", "Firewall schedules", ["schedules"]),
        new(SyncAreas.Aliases, "aliases", "synchronizealiases", "Firewall aliases", ["aliases"]),
        new(SyncAreas.Nat, "nat", "synchronizenat", "NAT configuration", ["nat"]),
        new(SyncAreas.Ipsec, "ipsec", "synchronizeipsec", "IPsec configuration", ["ipsec"]),
        new(SyncAreas.OpenVpn, "openvpn", "synchronizeopenvpn", "OpenVPN configuration", ["openvpn", "cert", "ca", "crl"]),
        new(SyncAreas.Dhcp, "dhcp", "synchronizedhcpd", "DHCP Server settings", ["dhcpd", "kea"]),
        new(SyncAreas.DhcpRelay, "dhcprelay", "synchronizedhcrelay", "DHCP Relay settings", ["dhcrelay"]),
        new(SyncAreas.Dhcp6, "dhcp6", "synchronizekea6", "DHCPv6 Server settings", ["dhcpdv6", "kea6"]),
        new(SyncAreas.DhcpRelay6, "dhcprelay6", "synchronizedhcrelay6", "DHCPv6 Relay settings", ["dhcrelay6"]),
        new(SyncAreas.Wol, "wol", "synchronizewol", "WoL Server settings", ["wol"]),
        new(SyncAreas.StaticRoutes, "staticroutes", "synchronizestaticroutes", "Static Route configuration", ["staticroutes", "gateways"]),
        new(SyncAreas.VirtualIps, "virtualips", "synchronizevirtualip", "Virtual IPs", ["virtualip"]),
        new(SyncAreas.Shaper, "shaper", "synchronizetrafficshaper", "Traffic Shaper configuration", ["shaper"]),
        new(SyncAreas.Limiter, "limiter", "synchronizetrafficshaperlimiter", "Traffic Shaper Limiters configuration", ["dnshaper"]),
        new(SyncAreas.Dns, "dns", "synchronizednsforwarder", "DNS Forwarder and DNS Resolver configurations", ["dnsmasq", "unbound"]),
        new(SyncAreas.CaptivePortal, "captiveportal", "synchronizecaptiveportal", "Captive Portal", ["captiveportal", "voucher"]),
        new(SyncAreas.AdminSync, "adminsync", "adminsync", "admin account and automatic password", ["hasync/adminsync"]),
    ];

    /// <summary>The areas that are ticked in a configuration.</summary>
    public static SyncAreas Of(ConfigDocument document)
    {
        var areas = SyncAreas.None;
        if (document.Section("hasync") is { } hasync)
        {
            foreach (var area in All)
            {
                if (hasync.First(area.Tag)?.Text.Length > 0)
                    areas |= area.Area;
            }
        }
        return areas;
    }

    // Accounts, what they log in with, and certificates refer to each other, and what a receiver keeps of one depends on the others that come with it.
    private const SyncAreas Entangled =
        SyncAreas.Users | SyncAreas.AuthServers | SyncAreas.Certificates | SyncAreas.OpenVpn | SyncAreas.AdminSync;

    /// <summary>
    /// Which of the areas have to be sent to a peer that tells what it holds: those that differ, and beside them those whose merging depends on each other. An area
    /// for which there is no digest (it holds nothing that travels) is sent as well.
    /// </summary>
    /// <param name="areas">What shall be the same there.</param>
    /// <param name="here">Digests of what would be sent, by name.</param>
    /// <param name="there">Digests of what the peer holds, by name.</param>
    public static SyncAreas ToSend(SyncAreas areas, IReadOnlyDictionary<string, string> here, IReadOnlyDictionary<string, string> there)
    {
        var differing = SyncAreas.None;
        foreach (var area in All)
        {
            if ((areas & area.Area) != 0 && !(here.TryGetValue(area.Name, out var digest) && there.GetValueOrDefault(area.Name) == digest))
                differing |= area.Area;
        }
        return differing | (areas & Entangled);
    }

    /// <summary>Finds an area by its name, by its tag, or by the tag without <c>synchronize</c>.</summary>
    public static bool TryParse(string name, out SyncAreas area)
    {
        name = name.Trim().ToLowerInvariant();
        var found = All.FirstOrDefault(a => name == a.Name || name == a.Tag || "synchronize" + name == a.Tag);
        area = found?.Area ?? SyncAreas.None;
        return found is not null;
    }

    /// <summary>The names of several areas, in the order of <see cref="All"/>.</summary>
    public static IEnumerable<string> NamesOf(SyncAreas areas) => All.Where(a => areas.HasFlag(a.Area)).Select(a => a.Name);
}
