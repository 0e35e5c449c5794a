using System.Text;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Tests.Vectors;

namespace Redoubt.Tests.Configuration.Document;

/// <summary>Nothing that a file holds is lost; what did not change is written as it was.</summary>
public sealed class ConfigDocumentTests
{
    private const string Odd = """
        <?xml version="1.0" encoding='utf-8'?>
        <!-- before -->
        <pfSense a="1>2" >
          <system><hostname>fw</hostname ><!-- who --> <user x='"'/></system>

        	<unknown   k = "v"><deep><Mixed>text<b/>tail</Mixed></deep></unknown>
        	<descr><![CDATA[Tom &amp; Co]]></descr><!-- last -->
        </pfSense  >
        <!-- after -->

        """;

    public static ConfigDocument Read(string xml)
    {
        Assert.True(ConfigDocument.TryRead(Encoding.UTF8.GetBytes(xml), out var document, out var refusal), refusal?.ToString());
        return document!;
    }

    public static TheoryData<string> Files() =>
        [.. Directory.EnumerateFiles(Path.Combine(VectorTests.Root, "xmlrpc"), "*.xml", SearchOption.AllDirectories).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public void AFileThatDidNotChangeIsWrittenByteForByte(string file)
    {
        var bytes = File.ReadAllBytes(file);

        Assert.True(ConfigDocument.TryRead(bytes, out var document, out _));

        Assert.Equal(bytes, document!.ToBytes());
    }

    [Theory]
    [InlineData(Odd)]
    [InlineData("\uFEFF<?xml version=\"1.0\"?><pfsense/>")]
    [InlineData("<pfsense>\r\n<a>x\r\n</a>\r<b>é \U0001F600</b></pfsense>")]
    public void OddFilesToo(string xml) => Assert.Equal(Encoding.UTF8.GetBytes(xml), Read(xml).ToBytes());

    [Fact]
    public void AChangeOfOneElementLeavesTheRestByteForByte()
    {
        var document = Read(Odd);

        var changed = document.With(document.Root.WithPath("system/hostname", node => node!.WithText("a<b")));

        Assert.Equal(Odd.Replace(">fw<", ">a&lt;b<", StringComparison.Ordinal), changed.ToString());
    }

    [Fact]
    public void AReplacedSectionIsWrittenAsPfSenseWritesIt()
    {
        var document = Read("<?xml version=\"1.0\"?>\n<pfsense>\n\t<!-- rules -->\n\t<filter></filter>\n\t<x></x>\n</pfsense>\n");

        var rule = ConfigNode.Section(
            "rule",
            ConfigNode.Leaf("descr", "Tom & \"Co\""),
            ConfigNode.Leaf("disabled"),
            ConfigNode.Leaf("os", "a'b")
        );
        var changed = document.With(document.Root.With(ConfigNode.Section("filter", rule)).With(ConfigNode.Leaf("last")));

        Assert.Equal(
            "<?xml version=\"1.0\"?>\n<pfsense>\n\t<!-- rules -->\n\t<filter>\n\t\t<rule>\n\t\t\t<descr><![CDATA[Tom &amp; &quot;Co&quot;]]></descr>\n"
                + "\t\t\t<disabled></disabled>\n\t\t\t<os>a&apos;b</os>\n\t\t</rule>\n\t</filter>\n\t<x></x>\n\t<last></last>\n</pfsense>\n",
            changed.ToString()
        );
    }

    [Fact]
    public void AnElementOfOneTagGetsAnEndTagWhenItGetsContent()
    {
        var document = Read("<pfsense><System a='/>' /></pfsense>");

        var changed = document.With(document.Root.WithPath("system/hostname", _ => ConfigNode.Leaf("hostname", "fw")));

        Assert.Equal("<pfsense><System a='/>'>\n\t\t<hostname>fw</hostname>\n\t</System></pfsense>", changed.ToString());
        Assert.Equal("fw", Read(changed.ToString()).Root.Find("system/hostname")!.Text);
    }

    [Fact]
    public void RemovingEveryChildLeavesAnEmptyElementAndNoText()
    {
        var document = Read("<pfsense>\n\t<a>\n\t\t<rule>1</rule>\n\t\t<rule>2</rule>\n\t</a>\n</pfsense>\n");

        var changed = document.With(document.Root.With(document.Root.First("a")!.Without("rule")));

        Assert.Equal("<pfsense>\n\t<a></a>\n</pfsense>\n", changed.ToString());
        Assert.Same(document, document.With(document.Root.Without("rule")));
    }

    [Fact]
    public void EveryTextSurvivesWritingAndReadingUnderEveryTag() =>
        Seeds.ForEach(
            300,
            seed =>
            {
                var random = new Random(seed);
                string[] pieces =
                [
                    "&",
                    "amp;",
                    "lt;",
                    "<",
                    ">",
                    "]]>",
                    "\"",
                    "'",
                    "#",
                    "65;",
                    "x41;",
                    "é",
                    "\U0001F600",
                    "a",
                    " ",
                    "\t",
                    "\n",
                    "\r",
                    "&amp;lt;",
                ];
                var text = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)]));
                foreach (var tag in new[] { "descr", "address" })
                {
                    var made = new ConfigDocument(ConfigNode.Section("pfsense", ConfigNode.Leaf(tag, text)));

                    Assert.Equal(ConfigText.Trimmed(text), Read(made.ToString()).Root.First(tag)!.Text);
                }
            }
        );

    [Theory]
    [InlineData("<!DOCTYPE a []><pfsense/>")]
    [InlineData("<pfsense>&nbsp;</pfsense>")]
    [InlineData("<pfsense>")]
    [InlineData("")]
    [InlineData("<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><pfsense/>")]
    [InlineData("<pfsense/><pfsense/>")]
    public void WhatIsNoFileOfOursIsRefusedWithAReason(string xml)
    {
        Assert.False(ConfigDocument.TryRead(Encoding.UTF8.GetBytes(xml), out var document, out var refusal));
        Assert.Null(document);
        Assert.NotEqual("", refusal!.Message);
    }

    [Fact]
    public void BytesThatAreNotUtf8AreRefused()
    {
        Assert.False(ConfigDocument.TryRead([.. "<pfsense>"u8, 0xE9, .. "</pfsense>"u8], out _, out var refusal));
        Assert.Contains("UTF-8", refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AReferenceToACharacterThatXmlDoesNotHaveStaysAsItIsWritten()
    {
        Assert.Equal("a&#1;", Read("<pfsense><descr><![CDATA[a&#1;]]></descr></pfsense>").Root.First("descr")!.Text);
        Assert.Equal("aA", Read("<pfsense><descr><![CDATA[a&#65;]]></descr></pfsense>").Root.First("descr")!.Text);
    }

    [Fact]
    public void ACandidateIsValidatedByTheSameReaderWithPaths()
    {
        var document = Read("<pfsense>\n<interfaces>\n<lan><if>eth0</if></lan></interfaces></pfsense>");
        Assert.Empty(ConfigurationReader.Read(document, "candidate").Errors);

        var vip = ConfigNode.Section(
            "vip",
            ConfigNode.Leaf("mode", "carp"),
            ConfigNode.Leaf("interface", "opt7"),
            ConfigNode.Leaf("vhid", "0")
        );
        var broken = document.With(document.Root.With(ConfigNode.Section("virtualip", vip)));

        var result = ConfigurationReader.Read(broken, "candidate");
        Assert.False(result.IsValid);
        Assert.Contains(result.Errors, p => p.Element == "virtualip/vip/vhid" && p.Line == 0);
    }
}
