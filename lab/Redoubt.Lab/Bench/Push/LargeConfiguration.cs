using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace Redoubt.Lab.Bench.Push;

/// <summary>A configuration with many rules and aliases, made of a small one.</summary>
internal static class LargeConfiguration
{
    private const int AddressesPerAlias = 100;

    /// <summary>The document with so many rules on the LAN in front, a tenth as many aliases of 100 addresses each, and a rule that carries <paramref name="mark"/>.</summary>
    public static byte[] Of(byte[] document, int rules, string mark)
    {
        var root = XDocument.Parse(Encoding.UTF8.GetString(document));
        var filter = root.Root!.Element("filter")!;
        filter.Elements("rule").Where(r => ((string?)r.Element("tracker"))?.StartsWith("17", StringComparison.Ordinal) == true).Remove();
        root.Root.Element("aliases")?.Remove();
        root.Root.Add(new XElement("aliases", Enumerable.Range(0, Math.Max(1, rules / 10)).Select(Alias)));
        filter.AddFirst(Enumerable.Range(0, rules).Select(i => Rule(i, rules, i == rules / 2 ? mark : "")));
        return Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?>\n{root.Root}\n");
    }

    private static XElement Alias(int number) =>
        new(
            "alias",
            new XElement("name", Name(number)),
            new XElement("type", "host"),
            new XElement(
                "address",
                string.Join(
                    ' ',
                    Enumerable
                        .Range(1, AddressesPerAlias)
                        .Select(a => string.Create(CultureInfo.InvariantCulture, $"10.{100 + (number / 250)}.{number % 250}.{a}"))
                )
            )
        );

    private static XElement Rule(int number, int rules, string mark) =>
        new(
            "rule",
            new XElement("tracker", string.Create(CultureInfo.InvariantCulture, $"17{number:D8}")),
            new XElement("type", "pass"),
            new XElement("interface", "lan"),
            new XElement("ipprotocol", "inet"),
            new XElement("protocol", "tcp"),
            new XElement("source", new XElement("any")),
            new XElement(
                "destination",
                new XElement("address", Name(number % Math.Max(1, rules / 10))),
                new XElement("port", (1 + (number % 60000)).ToString(CultureInfo.InvariantCulture))
            ),
            new XElement("descr", $"rule {number.ToString(CultureInfo.InvariantCulture)}{mark}")
        );

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"A{number:D4}");
}
