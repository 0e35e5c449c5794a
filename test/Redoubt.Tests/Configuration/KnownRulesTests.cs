using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.Firewall;

namespace Redoubt.Tests.Configuration;

public sealed class KnownRulesTests
{
    // Each says something else: valid, to be warned of, an error, of all together.
    private static readonly string[] _rules =
    [
        Rule("<any/>", "<address>HOSTS</address>"),
        Rule("<address>NESTED</address>", "<any/>", "<descr>one</descr>"),
        Rule("<any/>", "<network>lan</network><port>WEB</port>"),
        Rule("<any/>", "<address>NAMES</address>"),
        Rule("<any/>", "<any/>", "<tag>a</tag>"),
        Rule("<any/>", "<any/>", "<sched>work</sched>"),
        Rule("<any/>", "<any/>", "<os>Linux</os>"),
        Rule("<any/>", "<any/>", "<statetimeout>9</statetimeout>"),
        Rule("<any/>", "<address>GONE</address>"),
        Rule("<any/>", "<any/>", "<gateway>GW</gateway>"),
    ];

    private static readonly string[] _aliases =
    [
        Alias("HOSTS", "host", "192.0.2.1 192.0.2.2"),
        Alias("NESTED", "network", "HOSTS 198.51.100.0/24"),
        Alias("WEB", "port", "80 443"),
        Alias("NAMES", "host", "www.example.org"),
        Alias("EMPTY", "host", ""),
    ];

    [Fact]
    public void A_rule_that_is_the_same_element_is_not_read_again()
    {
        var before = Document(_rules[..3], _aliases);
        var now = Update(before, text => text.Replace("one", "two", StringComparison.Ordinal));
        var first = ConfigurationReader.Read(before.Document, "config.xml");

        var second = ConfigurationReader.Read(now.Document, "config.xml", first);

        Assert.Same(first.Configuration!.FilterRules[0], second.Configuration!.FilterRules[0]);
        Assert.Equal("two", second.Configuration.FilterRules[1].Description);
        Assert.Same(first.Configuration.Aliases["HOSTS"], second.Configuration.Aliases["HOSTS"]);
    }

    [Fact]
    public void What_a_rule_names_changed_and_so_the_rule_is_read_again()
    {
        var before = Document(_rules[..3], _aliases);
        var now = Update(before, text => text.Replace("192.0.2.2", "192.0.2.3", StringComparison.Ordinal));
        var first = ConfigurationReader.Read(before.Document, "config.xml");

        var second = ConfigurationReader.Read(now.Document, "config.xml", first);

        Assert.NotSame(first.Configuration!.FilterRules[0], second.Configuration!.FilterRules[0]);
        Assert.Contains(second.Configuration.Aliases["HOSTS"].Prefixes, p => p.AddressText == "192.0.2.3");
        var gone = Update(before, text => text.Replace("<name>HOSTS", "<name>OTHERS", StringComparison.Ordinal));
        Assert.False(ConfigurationReader.Read(gone.Document, "config.xml", first).IsValid);
    }

    [Fact]
    public void Any_series_of_edits_is_read_as_each_whole_file_is() =>
        Seeds.ForEach(
            150,
            seed =>
            {
                var random = new Random(seed);
                var file = Document(Some(random, _rules), Some(random, _aliases));
                var known = ConfigurationReader.Read(file.Document, "config.xml");
                for (var edit = 0; edit < 6; edit++)
                {
                    var (from, to) = random.Next(3) == 0 ? Pair(random, _aliases) : Pair(random, _rules);
                    file = Update(
                        file,
                        text =>
                            text.Contains(from, StringComparison.Ordinal) ? Once(text, from, to) : Once(text, "</filter>", to + "</filter>")
                    );

                    var made = ConfigurationReader.Read(file.Document, "config.xml", known);

                    var expected = ConfigurationReader.Read(Encoding.UTF8.GetBytes(file.Text), "config.xml");
                    Assert.Equal(expected.Problems, made.Problems);
                    Assert.Equal(expected.IsValid, made.IsValid);
                    if (!made.IsValid)
                        continue;
                    Assert.Equal(Told(expected.Configuration!), Told(made.Configuration!));
                    known = made;
                }
            }
        );

    private static string Told(NodeConfiguration configuration) =>
        $"{RulesetCompiler.Build(configuration, new RulesetContext())}\n"
        + $"{string.Join(' ', configuration.FilterRules.Select(r => r.Line))} {string.Join(' ', configuration.Aliases.Keys.Order(StringComparer.Ordinal))}";

    private static (string From, string To) Pair(Random random, string[] all) =>
        (all[random.Next(all.Length)], random.Next(4) == 0 ? "\n" : all[random.Next(all.Length)]);

    private static string Once(string text, string from, string to)
    {
        var at = text.IndexOf(from, StringComparison.Ordinal);
        return string.Concat(text.AsSpan(0, at), to, text.AsSpan(at + from.Length));
    }

    private static string[] Some(Random random, string[] all) =>
        [.. Enumerable.Range(0, random.Next(3, 12)).Select(_ => all[random.Next(all.Length)])];

    private static (string Text, ConfigDocument Document) Update((string Text, ConfigDocument Document) file, Func<string, string> edit)
    {
        var text = edit(file.Text);
        Assert.True(
            ConfigDocument.TryRead(
                Encoding.UTF8.GetBytes(text),
                file.Document,
                Encoding.UTF8.GetBytes(file.Text),
                out var document,
                out var refusal
            ),
            refusal?.Message
        );
        return (text, document!);
    }

    private static (string Text, ConfigDocument Document) Document(IEnumerable<string> rules, IEnumerable<string> aliases)
    {
        var text =
            "<?xml version=\"1.0\"?>\n<pfsense>\n<system><hostname>fw1</hostname></system>\n"
            + "<interfaces><lan><enable/><if>lan0</if><ipaddr>10.0.0.2</ipaddr><subnet>24</subnet></lan></interfaces>\n"
            + "<gateways><gateway_item><interface>lan</interface><gateway>10.0.0.9</gateway><name>GW</name></gateway_item></gateways>\n"
            + "<schedules><schedule><name>work</name><timerange><position>1</position><hour>1:00-2:00</hour></timerange></schedule></schedules>\n"
            + $"<filter>{string.Concat(rules)}</filter>\n<aliases>{string.Concat(aliases.Distinct())}</aliases>\n</pfsense>\n";
        Assert.True(ConfigDocument.TryRead(Encoding.UTF8.GetBytes(text), out var document, out var refusal), refusal?.Message);
        return (text, document!);
    }

    private static string Rule(string source, string destination, string more = "") =>
        "\n<rule><type>pass</type><interface>lan</interface><ipprotocol>inet</ipprotocol><protocol>tcp</protocol>"
        + $"<source>{source}</source><destination>{destination}</destination>{more}</rule>";

    private static string Alias(string name, string type, string address) =>
        $"\n<alias><name>{name}</name><type>{type}</type><address>{address}</address></alias>";
}
