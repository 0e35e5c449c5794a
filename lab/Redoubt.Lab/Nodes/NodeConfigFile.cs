using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace Redoubt.Lab.Nodes;

/// <summary>The config.xml of a node of the lab: pfSense's tags, and ours below redoubt.</summary>
internal static class NodeConfigFile
{
    /// <summary>Name of the file of the cluster's secret, beside config.xml.</summary>
    public const string SecretFile = "cluster.key";

    public static string Write(int number, int count, bool ipv6, RedoubtOptions options)
    {
        var peers = Enumerable.Range(1, count).Where(n => n != number).ToList();
        var document = new XElement(
            "pfsense",
            new XElement("system", new XElement("hostname", $"fw{number}")),
            new XElement(
                "interfaces",
                Interface("wan", "wan0", Topology.WanAddress(number), ipv6 ? Topology.WanAddress6(number) : null),
                Interface("lan", "lan0", Topology.LanAddress(number), ipv6 ? Topology.LanAddress6(number) : null),
                Interface("opt1", "sync0", Topology.SyncAddress(number), null)
            ),
            new XElement("virtualip", Vips(number, ipv6, options)),
            new XElement(
                "hasync",
                options.StateSync && peers.Count > 0 ? new XElement("pfsyncenabled", "on") : null,
                new XElement("pfsyncinterface", "opt1"),
                peers.Count > 0 ? new XElement("pfsyncpeerip", Topology.SyncAddress(peers[0])) : null
            ),
            new XElement(
                "filter",
                Pass("lan", "inet46", null),
                Pass("opt1", "inet46", null),
                Pass("wan", "inet46", "icmp"),
                Pass("wan", "inet46", "tcp/udp")
            ),
            Parse("nat", OutboundNat.Replace("<!-- -->", options.StaticPort ? "<staticnatport/>" : "", StringComparison.Ordinal)),
            Parse("redoubt", RedoubtSection(number, peers, options))
        );
        document.Add(Parse("extra", options.ExtraXml).Nodes());
        return $"<?xml version=\"1.0\"?>\n{document}\n";
    }

    private const string OutboundNat = $"""
        <outbound>
          <mode>advanced</mode>
          <rule>
            <interface>wan</interface>
            <source><network>{Topology.LanNetwork}</network></source>
            <destination><any/></destination>
            <target>{Topology.WanVip}</target><!-- -->
            <descr>clients leave from the virtual address</descr>
          </rule>
        </outbound>
        """;

    private static string RedoubtSection(int number, List<int> peers, RedoubtOptions options)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"<node><id>{number}</id></node><cluster><secretfile>{SecretFile}</secretfile>");
        foreach (var peer in peers)
            text.Append(
                CultureInfo.InvariantCulture,
                $"<peer><id>{peer}</id><name>fw{peer}</name><address>{Topology.SyncAddress(peer)}</address></peer>"
            );
        text.Append("</cluster>");
        if (!options.Preempt)
            text.Append("<failover><preempt>never</preempt></failover>");
        return text.Append(options.RedoubtXml).ToString();
    }

    private static XElement Interface(string name, string device, string address, string? address6) =>
        new(
            name,
            new XElement("if", device),
            new XElement("ipaddr", address),
            new XElement("subnet", 24),
            address6 is null ? null : new XElement("ipaddrv6", address6),
            address6 is null ? null : new XElement("subnetv6", 64)
        );

    private static IEnumerable<XElement> Vips(int number, bool ipv6, NodeOptions options)
    {
        (string Interface, int Vhid, string Address, int Length)[] all =
        [
            ("lan", Topology.LanVhid, Topology.LanVip, 24),
            ("wan", Topology.WanVhid, Topology.WanVip, 24),
            ("lan", Topology.LanVhid, Topology.LanVip6, 64),
            ("wan", Topology.WanVhid, Topology.WanVip6, 64),
        ];
        return all.Take(ipv6 ? 4 : 2)
            .Select(
                (vip, i) =>
                    new XElement(
                        "vip",
                        new XElement("mode", "carp"),
                        new XElement("interface", vip.Interface),
                        new XElement("vhid", vip.Vhid),
                        new XElement("advskew", options.AdvSkew ?? Topology.DefaultAdvSkew(number)),
                        new XElement("advbase", options.AdvBase),
                        new XElement("password", options.Password),
                        new XElement("uniqid", $"lab{i}"),
                        new XElement("subnet", vip.Address),
                        new XElement("subnet_bits", vip.Length)
                    )
            );
    }

    private static XElement Pass(string name, string family, string? protocol) =>
        new(
            "rule",
            new XElement("type", "pass"),
            new XElement("interface", name),
            new XElement("ipprotocol", family),
            protocol is null ? null : new XElement("protocol", protocol),
            new XElement("source", new XElement("any")),
            new XElement("destination", new XElement("any"))
        );

    private static XElement Parse(string tag, string content) => XElement.Parse($"<{tag}>{content}</{tag}>");
}
