using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Redoubt.Core.Firewall;
using Redoubt.Tests.Configuration;

namespace Redoubt.Tests.Firewall;

/// <summary>No byte of a file reaches nft but inside a quoted comment, or as a number, an address or a checked name.</summary>
public partial class InjectionTests
{
    private const string Poison = "pOiSoN";

    private static readonly string[] Forms =
    [
        $"{Poison}!", // without the mark it is a good name, of a device too
        $"\"; {Poison} accept comment \"",
        $"x\n{Poison}\n",
        $"}} {Poison} {{",
        $"@{Poison}",
        $"10.0.0.1 {Poison}",
        $"10.0.0.1/{Poison}",
        $"80 {Poison}",
        $"\\\" {Poison} $({Poison}) # ",
        $"{Poison}\u2028{Poison}\u0000".Replace("\u0000", "", StringComparison.Ordinal),
    ];

    [Theory]
    [InlineData("good/pair.xml")]
    [InlineData("good/pfsense-primary.xml")]
    public void Whatever_stands_in_any_element_stays_out_of_the_rules(string file)
    {
        var text = ConfigVectors.Text(file);
        var leaves = XDocument.Parse(text).Descendants().Count(e => !e.HasElements);
        var compiled = 0;
        for (var leaf = 0; leaf < leaves; leaf++)
        {
            var document = XDocument.Parse(text);
            document.Descendants().Where(e => !e.HasElements).ElementAt(leaf).Value = Forms[leaf % Forms.Length];
            var result = ConfigVectors.Read(document.ToString());
            if (result.Configuration is null)
                continue;
            compiled++;
            AssertClean(
                RulesetCompiler.Compile(result.Configuration, new RulesetContext { LocalTime = new DateTime(2026, 11, 24, 9, 0, 0) })
            );
        }
        Assert.True(compiled > 30, $"only {compiled} files were accepted");
    }

    private static void AssertClean(string ruleset)
    {
        RulesetShape.AssertWellFormed(ruleset);
        foreach (var line in ruleset.Split('\n'))
        {
            if (!line.TrimStart().StartsWith('#'))
                Assert.DoesNotContain(Poison, Quoted().Replace(line, ""), StringComparison.OrdinalIgnoreCase);
        }
    }

    [GeneratedRegex("comment \"[^\"]*\"")]
    private static partial Regex Quoted();
}
