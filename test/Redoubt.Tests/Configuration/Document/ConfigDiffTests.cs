using Redoubt.Core.Configuration.Document;

namespace Redoubt.Tests.Configuration.Document;

/// <summary>What counts as a difference, and how it is shown.</summary>
public sealed class ConfigDiffTests
{
    private static ConfigNode Root(string inside) => ConfigDocumentTests.Read($"<pfsense>{inside}</pfsense>").Root;

    private static string[] Diff(string a, string b) => [.. ConfigDiff.Between(Root(a), Root(b)).Changes.Select(c => c.ToString())];

    private static string Rules(params int[] trackers) =>
        $"<filter>{string.Concat(trackers.Select(t => $"<rule><tracker>{t}</tracker><descr>r{t}</descr></rule>"))}</filter>";

    [Theory]
    [InlineData("<a>1</a><b>2</b>", "<b>2</b>\n<!-- x --><a q='1'><![CDATA[1]]></a>")]
    [InlineData("<aliases></aliases>", "<aliases><alias></alias></aliases>")]
    [InlineData("<a><descr>x &amp;amp; y</descr></a>", "<a><descr><![CDATA[x &amp; y]]></descr></a>")]
    public void SpellingIsNoDifference(string a, string b)
    {
        Assert.Empty(Diff(a, b));
        Assert.Equal(ConfigDigest.Of(Root(a)), ConfigDigest.Of(Root(b)));
        Assert.True(Root(a).HasContentOf(Root(b)));
    }

    [Theory]
    [InlineData("<a></a>", "")]
    [InlineData("<a><disabled></disabled></a>", "<a></a>")]
    [InlineData("<dnsserver>1</dnsserver><dnsserver>2</dnsserver>", "<dnsserver>2</dnsserver><dnsserver>1</dnsserver>")]
    [InlineData("<a>1</a>", "<a>1 </a>")]
    [InlineData("<a><b>1</b></a><c>2</c>", "<a><b>1</b><c>2</c></a>")]
    public void ContentIs(string a, string b)
    {
        Assert.NotEmpty(Diff(a, b));
        Assert.NotEqual(ConfigDigest.Of(Root(a)), ConfigDigest.Of(Root(b)));
        Assert.False(Root(a).HasContentOf(Root(b)));
    }

    [Fact]
    public void AnEmptySectionHasTheDigestOfOneThatIsNotThere()
    {
        Assert.Equal(ConfigDigest.Empty, ConfigDigest.Of(Root("<wol></wol>").First("wol")));
        Assert.Equal(ConfigDigest.Empty, ConfigDigest.Of((ConfigNode?)null));
        Assert.NotEqual(ConfigDigest.Empty, ConfigDigest.Of(Root("<wol><wolentry>1</wolentry></wol>").First("wol")));
    }

    [Fact]
    public void AnItemIsFollowedByWhatNamesIt() =>
        Assert.Equal(
            ["- filter/rule[2]: 2 r2", "+ filter/rule[1]: 9 r9", "* filter/rule[3]/descr: r3 -> x"],
            Diff(Rules(1, 2, 3), Rules(9, 1, 3).Replace("r3", "x", StringComparison.Ordinal))
        );

    [Fact]
    public void AnItemThatMovedIsToldOnce() => Assert.Equal(["> filter/rule[1]: 4 r4"], Diff(Rules(1, 2, 3, 4), Rules(4, 1, 2, 3)));

    [Fact]
    public void SecretsAreMasked()
    {
        var told = Diff(
            "<vip><password>old-one</password></vip><cert><prv>AAAA</prv></cert>",
            "<vip><password>new-one</password></vip><user><bcrypt-hash>$2b$x</bcrypt-hash><name>u</name></user><hasync><password>p3</password></hasync>"
        );
        Assert.Contains("* vip[1]/password: *** -> ***", told);
        Assert.DoesNotContain(
            told,
            t =>
                t.Contains("-one", StringComparison.Ordinal)
                || t.Contains("AAAA", StringComparison.Ordinal)
                || t.Contains("$2b", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("password", true)]
    [InlineData("new_password", true)]
    [InlineData("prv", true)]
    [InlineData("pre-shared-key", true)]
    [InlineData("sha512-hash", true)]
    [InlineData("pwhash", true)]
    [InlineData("backwardsyncpassword", true)]
    [InlineData("vouchersyncpass", true)]
    [InlineData("privatekey", true)]
    [InlineData("radius_secret", true)]
    [InlineData("secretfile", false)]
    [InlineData("hash-algorithm", false)]
    [InlineData("publickey", false)]
    [InlineData("type", false)]
    [InlineData("passthrumac", false)]
    public void SecretTagsAreKnown(string tag, bool isSecret) => Assert.Equal(isSecret, ConfigTags.IsSecret(tag));

    [Fact]
    public void ManyDifferencesAreCountedAndAFewTold()
    {
        var diff = ConfigDiff.Between(Root(""), Root(Rules([.. Enumerable.Range(1, 50)])), limit: 10);
        Assert.Equal((10, 1), (diff.Changes.Length + 9, diff.Total));
        var inside = ConfigDiff.Between(Root("<filter></filter>"), Root(Rules([.. Enumerable.Range(1, 50)])), limit: 10);
        Assert.Equal((10, 50), (inside.Changes.Length, inside.Total));
    }
}
