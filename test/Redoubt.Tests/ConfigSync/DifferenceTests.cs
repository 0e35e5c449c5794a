using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Each place where Redoubt does better than pfSense on purpose, in the order of docs/config-sync.md; and that it does so only there.</summary>
public sealed class DifferenceTests
{
    private const string Other =
        "<vip><mode>other</mode><interface>wan</interface><subnet>203.0.113.9</subnet><subnet_bits>32</subnet_bits></vip>";
    private const string Carp =
        "<vip><mode>carp</mode><interface>wan</interface><vhid>1</vhid><uniqid>u1</uniqid><subnet>198.51.100.1</subnet></vip>";

    private static string Alias(string on, string id) =>
        $"<vip><mode>ipalias</mode><interface>{on}</interface><uniqid>{id}</uniqid><subnet>192.0.2.{id[^1]}</subnet></vip>";

    [Fact]
    public void WhatCameIsRememberedWherePfSenseCanStillReadTheFile()
    {
        var after = After("", "<gateways><gateway_item><name>A</name></gateway_item></gateways>");

        Assert.Equal("gateway_item", after.Root.Find("redoubt/configsync/received/names/gateways")!.Text);
        foreach (var node in after.Root.Find("redoubt/configsync")!.Children)
            Assert.Equal(node.Children.Length, node.Children.Select(c => c.Name).Distinct().Count());
    }

    [Fact]
    public void OwnAddressesOfModeOtherStayAndThoseThatThePrimaryRemovedGo()
    {
        var push = $"<virtualip>{Carp}</virtualip>";
        var own = After($"<virtualip>{Other}</virtualip>", push);
        Assert.Equal(["other", "carp"], Texts(own, "virtualip/vip", "mode"));

        var received = Restore(Document(""), Push($"<virtualip>{Carp}{Other}</virtualip>")).Candidate!;
        var removed = Restore(received, Push(push)).Candidate!;
        Assert.Equal(["carp"], Texts(removed, "virtualip/vip", "mode"));
    }

    [Fact]
    public void TheCompatibleWayLosesThem()
    {
        var outcome = Restore(
            Document($"<virtualip>{Other}{Alias("lan", "a1")}</virtualip>"),
            Push($"<virtualip>{Carp}</virtualip>"),
            new MergeOptions { DropsOtherAddresses = true }
        );
        Assert.Equal(["ipalias", "carp"], Texts(outcome.Candidate!, "virtualip/vip", "mode"));
    }

    [Fact]
    public void OwnAliasesKeepTheirOrderAtEveryPush()
    {
        var local = Document($"<virtualip>{Alias("lan", "a1")}{Alias("opt1", "a2")}{Alias("_vipgone", "a3")}</virtualip>");
        var first = Restore(local, Push($"<virtualip>{Carp}</virtualip>")).Candidate!;
        var second = Restore(first, Push($"<virtualip>{Carp}{Alias("_vipu1", "a4")}</virtualip>")).Candidate!;
        Assert.Equal(["a1", "a2", "u1"], Texts(first, "virtualip/vip", "uniqid"));
        Assert.Equal(["a1", "a2", "u1", "a4"], Texts(second, "virtualip/vip", "uniqid"));
    }

    [Fact]
    public void CertificatesThatOwnSettingsUseStayWithTheirAuthoritiesAndOthersGo()
    {
        var local = """
            <system><webgui><ssl-certref>gui</ssl-certref></webgui></system>
            <cert><refid>gui</refid><caref>ca2</caref></cert><cert><refid>old</refid></cert><ca><refid>ca2</refid><caref>ca1</caref></ca><ca><refid>ca1</refid></ca><ca><refid>ca0</refid></ca>
            """;
        var after = After(local, "<cert><refid>new</refid></cert><ca><refid>ca9</refid></ca>");
        Assert.Equal(["new", "gui"], Texts(after, "cert", "refid"));
        Assert.Equal(["ca9", "ca2", "ca1"], Texts(after, "ca", "refid"));
        Assert.Equal(["new"], Texts(After("<cert><refid>gui</refid></cert>", "<cert><refid>new</refid></cert>"), "cert", "refid"));
    }

    [Fact]
    public void ItemsMarkedNosyncStayOnTheReceiverInTheirPlace()
    {
        Assert.Equal(["1", "8", "2", "9"], Texts(After(Rules("1", "8*", "2", "9*"), Rules("1", "2")), "filter/rule", "tracker"));
        Assert.Equal(["8", "1", "2", "3"], Texts(After(Rules("8*", "1", "2"), Rules("1", "2", "3")), "filter/rule", "tracker"));
        Assert.Equal(["2", "1", "8"], Texts(After(Rules("1", "8*", "2"), Rules("2", "1")), "filter/rule", "tracker"));
        Assert.Equal(["1", "8", "3"], Texts(After(Rules("1", "2", "8*", "3"), Rules("1", "3")), "filter/rule", "tracker"));
        Assert.Equal(["8", "3"], Texts(After(Rules("1", "8*", "3"), Rules("3")), "filter/rule", "tracker"));
        Assert.Equal(["7", "8"], Texts(After(Rules("1", "8*"), Rules("7")), "filter/rule", "tracker"));
        Assert.Equal(["7"], Texts(After(Rules("1", "8"), Rules("7")), "filter/rule", "tracker"));
    }

    [Theory]
    [InlineData("<aliases><alias><name>A</name>@</alias></aliases>", "aliases/alias")]
    [InlineData("<nat><rule><name>A</name>@</rule></nat>", "nat/rule")]
    [InlineData("<nat><outbound><rule><name>A</name>@</rule></outbound></nat>", "nat/outbound/rule")]
    [InlineData("<dnsmasq><hosts><name>A</name>@</hosts></dnsmasq>", "dnsmasq/hosts")]
    [InlineData("<virtualip><vip><name>A</name><mode>carp</mode>@</vip></virtualip>", "virtualip/vip")]
    public void TheMarkCountsInTheseListsOnBothSides(string section, string path)
    {
        var marked = section.Replace("@", "<nosync></nosync>", StringComparison.Ordinal);
        var plain = section.Replace("@", "", StringComparison.Ordinal);
        var empty = Push($"<{path.Split('/')[0]}></{path.Split('/')[0]}>");
        var emptyVips = path == "virtualip/vip" ? Struct(("virtualip", Struct(("vip", Core.XmlRpc.XmlRpcArray.Empty)))) : empty;

        Assert.Equal(["A"], Texts(Restore(Document(marked), emptyVips).Candidate!, path, "name"));
        Assert.Empty(Texts(Restore(Document(plain), emptyVips).Candidate!, path, "name"));
        Assert.Empty(Texts(Restore(Document(""), PushBody.Build(Document(marked), SyncAreas.All).Value).Candidate!, path, "name"));
        Assert.Equal(["A"], Texts(Restore(Document(""), PushBody.Build(Document(plain), SyncAreas.All).Value).Candidate!, path, "name"));
    }

    [Fact]
    public void AnOwnItemStandsInForOneOfTheSameName()
    {
        const string Local = "<aliases><alias><name>A</name><address>192.0.2.1</address><nosync></nosync></alias></aliases>";
        var outcome = Restore(Document(Local), Push("<aliases><alias><name>A</name><address>192.0.2.2</address></alias></aliases>"));
        Assert.Equal(["192.0.2.1"], Texts(outcome.Candidate!, "aliases/alias", "address"));
        Assert.Contains(outcome.Notes, n => n.Message.Contains("same name", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gateways", "<gateway_item><name>A</name></gateway_item>")]
    [InlineData("dhcpdv6", "<lan><ramode>router</ramode></lan>")]
    [InlineData("voucher", "<guest><enable></enable></guest>")]
    public void WhatThePrimaryDeletedFromAMergedSectionGoesAndWhatIsOwnStays(string section, string item)
    {
        var received = Restore(Document($"<{section}><own>1</own></{section}>"), Push($"<{section}>{item}</{section}>")).Candidate!;
        Assert.Equal(2, received.Section(section)!.Children.Length);

        var after = Restore(received, Push($"<{section}></{section}>")).Candidate!;

        Assert.Equal("own", Assert.Single(after.Section(section)!.Children).Name);
    }

    [Theory]
    [InlineData("dhcpd")]
    [InlineData("dhcpdv6")]
    [InlineData("dhcrelay")]
    [InlineData("dnsmasq")]
    [InlineData("unbound")]
    [InlineData("voucher")]
    [InlineData("kea")]
    public void AnEmptySectionIsSentWherePfSenseSendsNone(string section)
    {
        var present = PushBody.Build(Document($"<dhcpd></dhcpd><dhcpdv6></dhcpdv6><{section}></{section}>"), SyncAreas.All);
        Assert.Equal(Core.XmlRpc.XmlRpcArray.Empty, present.Value[section]);
        Assert.DoesNotContain(section, PushBody.Build(Document(""), SyncAreas.All).Sections);
    }

    [Fact]
    public void TheAccountThatPushesIsNotRemoved()
    {
        const string Local = "<system><user><name>sync</name><uid>2000</uid></user><user><name>b</name><uid>2001</uid></user></system>";
        const string Primary = "<system><user><name>a</name><uid>2002</uid></user><group><name>g</name><gid>2000</gid></group></system>";
        var kept = Restore(Document(Local), Push(Primary), new MergeOptions { Caller = "sync" });
        Assert.Equal(["a", "sync"], Texts(kept.Candidate!, "system/user", "name"));
        Assert.Equal(["a"], Texts(After(Local, Primary), "system/user", "name"));
    }

    [Fact]
    public void ASectionThatIsNeverSynchronisedIsNotTakenAndAloneItIsRefused()
    {
        var local = Document("<interfaces><lan><if>eth0</if></lan></interfaces>");
        var mixed = Restore(local, Push("<interfaces><lan><if>evil</if></lan></interfaces><wol><wolentry><mac>1</mac></wolentry></wol>"));
        Assert.Equal("eth0", mixed.Candidate!.Root.Find("interfaces/lan/if")!.Text);
        Assert.Equal(["wol"], mixed.Sections);
        Assert.Contains(mixed.Notes, n => n.Path == "interfaces");

        var alone = SectionMerge.Restore(local, Push("<interfaces><lan><if>evil</if></lan></interfaces>"));
        Assert.Null(alone.Candidate);
        Assert.NotEqual("", alone.Refusal);
    }

    [Fact]
    public void OfSystemAndHasyncOnlyAccountsAndAdminsyncAreTaken()
    {
        const string Local =
            "<system><hostname>fw-b</hostname><webgui><port>443</port></webgui></system><hasync><synchronizetoip></synchronizetoip></hasync>";
        var after = After(
            Local,
            "<system><hostname>x</hostname><webgui><port>1</port></webgui><authserver><name>L</name></authserver></system><hasync><synchronizetoip>192.0.2.1</synchronizetoip><adminsync>on</adminsync></hasync>"
        );
        Assert.Equal(("fw-b", "443"), (after.Root.Find("system/hostname")!.Text, after.Root.Find("system/webgui/port")!.Text));
        Assert.Equal("L", after.Root.Find("system/authserver/name")!.Text);
        Assert.Equal(("", "on"), (after.Root.Find("hasync/synchronizetoip")!.Text, after.Root.Find("hasync/adminsync")!.Text));
    }

    [Fact]
    public void TheUnicastPeerOfACARPAddressIsEachNodesOwn()
    {
        var mine = Carp.Replace("</vip>", "<carp_peer>192.0.2.1</carp_peer></vip>", StringComparison.Ordinal);
        var theirs = Carp.Replace("</vip>", "<carp_peer>192.0.2.2</carp_peer></vip>", StringComparison.Ordinal);
        Assert.Equal(
            ["192.0.2.1"],
            Texts(After($"<virtualip>{mine}</virtualip>", $"<virtualip>{theirs}</virtualip>"), "virtualip/vip", "carp_peer")
        );
    }

    [Fact]
    public void AnEqualPushChangesNothingAndLeavesEveryByte()
    {
        var local = Document("<!-- mine --><aliases ><alias><name>A</name><descr>x &amp;amp; y</descr></alias>\n</aliases>");
        var push = Push("<aliases><alias><descr><![CDATA[x &amp; y]]></descr><name>A</name></alias></aliases>");
        var outcome = Restore(local, push);
        Assert.False(outcome.IsChanged);
        Assert.StartsWith(
            local.ToString().Replace("</pfsense>\n", "", StringComparison.Ordinal),
            outcome.Candidate!.ToString(),
            StringComparison.Ordinal
        );
        Assert.True(Restore(local, Push("<aliases><alias><name>B</name></alias></aliases>")).IsChanged);
    }
}
