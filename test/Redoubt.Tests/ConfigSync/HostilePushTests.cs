using System.Collections.Immutable;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Whatever a peer sends ends in a candidate or in problems, and never in an exception; what belongs to the node is as it was.</summary>
public sealed class HostilePushTests
{
    private static readonly string[] _names =
    [
        "filter",
        "rule",
        "nat",
        "outbound",
        "aliases",
        "alias",
        "virtualip",
        "vip",
        "system",
        "user",
        "group",
        "hasync",
        "adminsync",
        "kea",
        "ha",
        "cert",
        "refid",
        "captiveportal",
        "voucher",
        "gateways",
        "gateway_item",
        "dhcpdv6",
        "installedpackages",
        "package",
        "interfaces",
        "redoubt",
        "version",
        "name",
        "nosync",
        "uid",
        "mode",
        "tls",
        "Rule",
        "2",
        "0",
        "-1",
        "",
        "a b",
        "<x>",
        "xml",
        "é",
        "..",
        "received",
    ];

    private static XmlRpcValue Value(Random random, int depth)
    {
        var kind = random.Next(depth > 6 ? 9 : 14);
        return kind switch
        {
            0 => XmlRpcString.Empty,
            1 => new XmlRpcString("on"),
            2 => new XmlRpcString("\u0001\uD800"),
            3 => new XmlRpcString(" &lt; ]]> \r\n é" + random.Next(5)),
            4 => new XmlRpcInt(random.Next(-5, 70_000)),
            5 => new XmlRpcBoolean(random.Next(2) == 0),
            6 => new XmlRpcDouble(double.MaxValue),
            7 => random.Next(2) == 0 ? XmlRpcNil.Instance : new XmlRpcBase64([1, 2]),
            8 => new XmlRpcDateTime("19980717T14:08:55"),
            < 11 => new XmlRpcArray([.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(random, depth + 1))]),
            _ => Members(random, depth + 1),
        };
    }

    private static XmlRpcStruct Members(Random random, int depth) =>
        new([
            .. Enumerable
                .Range(0, random.Next(7))
                .Select(_ => _names[random.Next(_names.Length)])
                .Distinct()
                .Select(n => new XmlRpcMember(n, Value(random, depth))),
        ]);

    [Fact]
    public void NothingThatComesThrowsOrTouchesWhatBelongsToTheNode()
    {
        var local = Vector("secondary.config.xml");
        string[] own = ["interfaces", "vlans", "cron", "syslog", "version", "snmpd"];
        var taken = 0;
        Seeds.ForEach(
            800,
            seed =>
            {
                var push = Members(new Random(seed), 0);
                foreach (
                    var outcome in new[]
                    {
                        SectionMerge.Restore(local, push),
                        SectionMerge.MergeConfig(local, push),
                        SectionMerge.MergeInstalledPackages(local, push),
                    }
                )
                {
                    if (outcome.Candidate is not { } candidate)
                    {
                        Assert.NotEmpty(outcome.Problems);
                        Assert.DoesNotContain(outcome.Problems, p => p.ToString().Any(char.IsControl));
                        continue;
                    }
                    taken++;
                    foreach (var section in own)
                        Assert.Same(local.Section(section), candidate.Section(section));
                    foreach (var tag in new[] { "hostname", "domain", "webgui", "bogons" })
                        Assert.Same(local.Root.Find($"system/{tag}"), candidate.Root.Find($"system/{tag}"));
                    foreach (var tag in new[] { "pfhostid", "pfsyncinterface", "pfsyncpeerip", "pfsyncenabled" })
                        Assert.Same(local.Root.Find($"hasync/{tag}"), candidate.Root.Find($"hasync/{tag}"));
                    Assert.True(ConfigDocument.TryRead(candidate.ToBytes(), out var read, out var refusal), refusal?.ToString());
                    Assert.True(read!.Root.HasContentOf(candidate.Root));
                }
            }
        );
        Assert.True(Seeds.Only is not null || taken > 80, $"only {taken} taken");
    }

    [Fact]
    public void APushTakenTwiceChangesNothingTheSecondTime()
    {
        var local = Vector("secondary.config.xml");
        Seeds.ForEach(
            400,
            seed =>
            {
                var push = Members(new Random(seed), 0);
                if (
                    SectionMerge.Restore(local, push).Candidate is not { } first
                    || !ConfigDocument.TryRead(first.ToBytes(), out var read, out _)
                )
                    return;
                var second = SectionMerge.Restore(read!, push);
                Assert.False(second.IsChanged, ConfigDiff.Between(read!, second.Candidate!).Changes.FirstOrDefault()?.ToString());
                Assert.Equal(first.ToString(), second.Candidate!.ToString());
            }
        );
    }

    [Fact]
    public void AValueThatIsTooDeepIsRefused()
    {
        XmlRpcValue deep = new XmlRpcString("x");
        for (var i = 0; i < 200; i++)
            deep = Struct(("a", deep));
        foreach (
            var method in new Func<ConfigDocument, XmlRpcStruct, MergeOutcome>[]
            {
                (l, p) => SectionMerge.Restore(l, p),
                SectionMerge.MergeInstalledPackages,
            }
        )
            Assert.Contains("deep", method(Document(""), Struct(("filter", deep))).Refusal, StringComparison.Ordinal);
        var fits = Document("<shaper><a></a></shaper>");
        Assert.NotNull(SectionMerge.Restore(fits, Struct(("shaper", Struct(("a", new XmlRpcString("x")))))).Candidate);
    }

    [Fact]
    public void TooManyElementsAreRefused()
    {
        var items = Enumerable.Repeat<XmlRpcValue>(new XmlRpcString("x"), 2_000_001).ToImmutableArray();
        var push = Struct(("aliases", Struct(("alias", new XmlRpcArray(items)))));
        Assert.Contains("too many", SectionMerge.Restore(Document(""), push).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void TextThatWouldMakeTheFileTooLargeIsRefused()
    {
        var text = new XmlRpcString(new string('&', 1 << 20));
        var push = Struct(
            ("aliases", Struct(("alias", new XmlRpcArray([.. Enumerable.Repeat<XmlRpcValue>(Struct(("descr", text)), 20)]))))
        );
        Assert.Contains("64 MiB", SectionMerge.Restore(Document(""), push).Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("1")]
    [InlineData("<x>")]
    [InlineData("")]
    [InlineData("-x")]
    [InlineData("é")]
    public void ANameThatIsNoTagIsRefused(string name)
    {
        var push = Struct(("filter", Struct((name, new XmlRpcString("x")))));
        Assert.NotEmpty(SectionMerge.Restore(Document(""), push).Problems);
        Assert.Empty(SectionMerge.Restore(Document(""), Struct(("filter", Struct(("x1.y-z_", new XmlRpcString("x")))))).Problems);
    }

    [Fact]
    public void NamesThatOnlyDifferInCaseAreRefused() =>
        Assert.NotEmpty(
            SectionMerge.Restore(Document(""), Struct(("filter", Struct(("a", XmlRpcString.Empty), ("A", XmlRpcString.Empty))))).Problems
        );

    [Theory]
    [InlineData("text")]
    [InlineData("list")]
    [InlineData("number")]
    [InlineData("false")]
    public void ASectionOfTheWrongKindIsRefused(string kind)
    {
        XmlRpcValue value = kind switch
        {
            "text" => new XmlRpcString("x"),
            "list" => new XmlRpcArray([new XmlRpcString("x")]),
            "number" => new XmlRpcInt(1),
            _ => XmlRpcBoolean.False,
        };
        foreach (var section in new[] { "filter", "virtualip", "system", "installedpackages", "captiveportal" })
        {
            var outcome = SectionMerge.Restore(Document($"<{section}><a>1</a></{section}>"), Struct((section, value)));
            Assert.True(outcome.Candidate is null, section);
        }
    }

    [Fact]
    public void ManyProblemsAreCountedAndAFewTold()
    {
        var items = Enumerable.Repeat<XmlRpcValue>(new XmlRpcString("\u0001"), 5_000).ToImmutableArray();
        var outcome = SectionMerge.Restore(Document(""), Struct(("filter", Struct(("rule", new XmlRpcArray(items))))));
        Assert.Equal(SyncLimits.Problems + 1, outcome.Problems.Length);
        Assert.Contains("4950", outcome.Problems[^1].Message, StringComparison.Ordinal);
    }
}
