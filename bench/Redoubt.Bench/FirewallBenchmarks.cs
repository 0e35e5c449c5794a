using System.Globalization;
using System.Text;
using BenchmarkDotNet.Attributes;
using Redoubt.Core.Configuration;
using Redoubt.Core.Firewall;

namespace Redoubt.Bench;

/// <summary>
/// A firewall of 10,000 rules and 1,000 aliases: reading, compiling, writing the text, and what changes when one rule or one alias does.
/// REDOUBT_BENCH_CONFIG names another file.
/// </summary>
public class FirewallBenchmarks
{
    private byte[] _file = [];
    private NodeConfiguration _configuration = new();
    private Ruleset _ruleset = new();
    private Ruleset _edited = new();

    [GlobalSetup]
    public void Setup()
    {
        _file = Environment.GetEnvironmentVariable("REDOUBT_BENCH_CONFIG") is { Length: > 0 } path
            ? File.ReadAllBytes(path)
            : Encoding.UTF8.GetBytes(Text());
        _configuration =
            ConfigurationReader.Read(_file, "bench.xml").Configuration ?? throw new InvalidOperationException("the file is not valid");
        _ruleset = RulesetCompiler.Build(_configuration, new RulesetContext());
        var rules = _configuration.FilterRules;
        var middle = rules.Length / 2;
        _edited = RulesetCompiler.Build(
            _configuration with
            {
                FilterRules = rules.SetItem(middle, rules[middle] with { Action = RuleAction.Block }),
            },
            new RulesetContext()
        );
    }

    /// <summary>XML to a validated configuration.</summary>
    [Benchmark]
    public ConfigurationResult Read_file() => ConfigurationReader.Read(_file, "bench.xml");

    /// <summary>Configuration to a ruleset.</summary>
    [Benchmark]
    public Ruleset Compile() => RulesetCompiler.Build(_configuration, new RulesetContext());

    /// <summary>Ruleset to the text of a transaction.</summary>
    [Benchmark]
    public string Write_text() => _ruleset.ToString();

    /// <summary>The difference that one edited rule makes.</summary>
    [Benchmark]
    public string? Write_difference() => RulesetDelta.Between(_ruleset, _edited);

    private static string Text()
    {
        var text = new StringBuilder("<pfsense><interfaces>");
        foreach (var (name, n) in new[] { ("wan", 1), ("lan", 2), ("opt1", 3) })
            text.Append(CultureInfo.InvariantCulture, $"<{name}><if>e{n}</if><ipaddr>10.{n}.0.1</ipaddr><subnet>16</subnet></{name}>");
        text.Append("</interfaces><aliases>");
        for (var i = 0; i < 1000; i++)
        {
            var addresses = Enumerable
                .Range(0, 100)
                .Select(n => string.Create(CultureInfo.InvariantCulture, $"10.{i % 250}.{n}.{i / 250}"));
            text.Append(
                CultureInfo.InvariantCulture,
                $"<alias><name>A_{i}</name><type>host</type><address>{string.Join(' ', addresses)}</address></alias>"
            );
        }
        text.Append("</aliases><filter>");
        for (var i = 0; i < 10_000; i++)
            text.Append(
                CultureInfo.InvariantCulture,
                $"<rule><tracker>{1_800_000_000 + i}</tracker><type>pass</type><interface>{(i % 3 == 0 ? "wan" : "lan")}</interface>"
                    + $"<ipprotocol>inet</ipprotocol><protocol>tcp</protocol><source><address>A_{i % 1000}</address></source>"
                    + $"<destination><address>192.168.{i % 256}.{i % 199 + 1}</address><port>{i % 60_000 + 1}</port></destination>"
                    + $"<statetype>keep state</statetype><descr>generated rule {i}</descr></rule>"
            );
        return text.Append("</filter></pfsense>").ToString();
    }
}
