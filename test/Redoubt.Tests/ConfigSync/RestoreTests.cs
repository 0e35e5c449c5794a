using Redoubt.Core.ConfigSync;
using Redoubt.Core.XmlRpc;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>What a node makes of what it receives, where that is as in pfSense.</summary>
public sealed class RestoreTests
{
    public static TheoryData<string, string> LastItems() =>
        new()
        {
            { "aliases", "<alias><name>A</name></alias>" },
            { "captiveportal", "<guest><zone>guest</zone></guest>" },
            { "dhcpd", "<lan><enable></enable></lan>" },
            { "dhcpdv6", "<lan><enable></enable></lan>" },
            { "dhcrelay", "<enable></enable>" },
            { "dhcrelay6", "<enable></enable>" },
            { "dnshaper", "<queue><name>q</name></queue>" },
            { "dnsmasq", "<hosts><host>h</host></hosts>" },
            { "filter", "<rule><tracker>1</tracker></rule>" },
            { "gateways", "<gateway_item><name>G</name></gateway_item>" },
            { "ipsec", "<phase1><ikeid>1</ikeid></phase1>" },
            { "nat", "<rule><target>192.0.2.1</target></rule>" },
            { "openvpn", "<openvpn-server><vpnid>1</vpnid></openvpn-server>" },
            { "schedules", "<schedule><name>s</name></schedule>" },
            { "shaper", "<lan><name>l</name></lan>" },
            { "staticroutes", "<route><network>192.0.2.0/24</network></route>" },
            { "unbound", "<hosts><host>h</host></hosts>" },
            { "virtualip", "<vip><mode>carp</mode><uniqid>u</uniqid></vip>" },
            { "voucher", "<guest><enable></enable></guest>" },
            { "wol", "<wolentry><mac>m</mac></wolentry>" },
        };

    [Theory]
    [MemberData(nameof(LastItems))]
    public void DeletingTheLastItemOfASectionArrives(string section, string item)
    {
        var full = PushBody.Build(
            Document(
                $"<dhcpd><x>1</x></dhcpd><{section}>{item}</{section}>".Replace(
                    "<dhcpd><x>1</x></dhcpd><dhcpd>",
                    "<dhcpd>",
                    StringComparison.Ordinal
                )
            ),
            SyncAreas.All
        );
        var empty = PushBody.Build(Document($"<{section}></{section}>"), SyncAreas.All);
        var first = Restore(Document("<system><hostname>b</hostname></system>"), full.Value).Candidate!;
        Assert.False(first.Section(section)!.IsEmpty);

        var second = Restore(first, empty.Value);

        Assert.True(second.IsChanged);
        Assert.Empty(second.Candidate!.Section(section)?.Children ?? []);
    }

    [Theory]
    [InlineData("cert")]
    [InlineData("ca")]
    [InlineData("crl")]
    public void DeletingTheLastCertificateArrives(string list)
    {
        var first = After("", $"<{list}><refid>r</refid></{list}>");
        Assert.Equal(["r"], Texts(first, list, "refid"));
        Assert.Empty(Texts(Restore(first, PushBody.Build(Document(""), SyncAreas.Certificates).Value).Candidate!, list, "refid"));
    }

    [Fact]
    public void BothSpellingsOfNothingEmptyASection()
    {
        foreach (var nothing in new XmlRpcValue[] { XmlRpcArray.Empty, XmlRpcString.Empty, XmlRpcNil.Instance, Struct() })
        {
            var after = Restore(Document("<aliases><alias><name>A</name></alias></aliases>"), Struct(("aliases", nothing))).Candidate!;
            Assert.Empty(after.Section("aliases")!.Children);
        }
    }

    [Fact]
    public void AStructWithHolesIsAList()
    {
        var rule = Struct(("tracker", new XmlRpcString("7")));
        var push = Struct(("filter", Struct(("rule", Struct(("9", rule), ("2", Struct(("tracker", new XmlRpcString("8")))))))));
        Assert.Equal(["7", "8"], Texts(Restore(Document(""), push).Candidate!, "filter/rule", "tracker"));
    }

    [Fact]
    public void ASectionThatWasNotSentStays()
    {
        var after = After("<aliases><alias><name>A</name></alias></aliases><nat><x>1</x></nat>", "<nat><x>2</x></nat>");
        Assert.Equal(["A"], Texts(after, "aliases/alias", "name"));
        Assert.Equal("2", after.Root.Find("nat/x")!.Text);
    }

    [Fact]
    public void OfAMergedSectionWhatWasNotSentStays()
    {
        var after = After("<dhcpdv6><opt2><a>1</a></opt2><lan><b>1</b></lan></dhcpdv6>", "<dhcpdv6><lan><c>2</c></lan></dhcpdv6>");
        Assert.Equal("1", after.Root.Find("dhcpdv6/opt2/a")!.Text);
        Assert.Equal((null, "2"), (after.Root.Find("dhcpdv6/lan/b"), after.Root.Find("dhcpdv6/lan/c")!.Text));
    }

    [Fact]
    public void PortalZonesKeepTheirWayBackAndTheRestIsThePrimarys()
    {
        const string Local = """
            <captiveportal><guest><enablebackwardsync></enablebackwardsync><backwardsyncip>192.0.2.1</backwardsyncip><timeout>1</timeout></guest><gone><zone>gone</zone></gone></captiveportal>
            <voucher><gone><enable></enable></gone><guest><vouchersyncdbip>192.0.2.7</vouchersyncdbip><roll><number>9</number></roll></guest></voucher>
            """;
        const string Primary = """
            <captiveportal><guest><backwardsyncpassword>leak</backwardsyncpassword><backwardsyncip>192.0.2.9</backwardsyncip><timeout>2</timeout></guest></captiveportal>
            <voucher><guest><vouchersyncpass>leak</vouchersyncpass><roll><number>1</number></roll></guest></voucher>
            """;
        var after = After(Local, Primary);
        Assert.Equal(
            ["backwardsyncip=192.0.2.1", "enablebackwardsync=", "timeout=2"],
            after.Root.Find("captiveportal/guest")!.Children.Select(c => $"{c.Name}={c.Text}").Order()
        );
        Assert.Equal(["guest"], after.Section("voucher")!.Children.Select(c => c.Name));
        Assert.Equal(["1"], Texts(after, "voucher/guest/roll", "number"));
        Assert.Equal(
            ("192.0.2.7", null),
            (after.Root.Find("voucher/guest/vouchersyncdbip")!.Text, after.Root.Find("voucher/guest/vouchersyncpass"))
        );
    }

    [Theory]
    [InlineData("kea")]
    [InlineData("kea6")]
    public void KeaKeepsItsNameAndItsCertificates(string kea)
    {
        var after = After(
            $"<{kea}><ha><localname>b1</localname><tls></tls><scertref>own</scertref></ha></{kea}>",
            $"<{kea}><ha><localname>a1</localname><ccertref>x</ccertref><role>standby</role></ha></{kea}>"
        );
        Assert.Equal(
            ["localname=b1", "role=standby", "scertref=own", "tls="],
            after.Root.Find($"{kea}/ha")!.Children.Select(c => $"{c.Name}={c.Text}").Order()
        );
    }

    [Fact]
    public void TheHistoryNamesTheSections() =>
        Assert.Equal(
            "Merged in config (aliases, wol sections) from XMLRPC client.",
            Restore(Document(""), Push("<aliases></aliases><wol></wol>")).History
        );

    [Fact]
    public void AnOverlayChangesWhatIsThereAndMakesNothing()
    {
        var local = Document(
            "<system><timezone>UTC</timezone><hostname>b</hostname></system><unbound><port>53</port></unbound><nat><rule><target>1</target></rule><rule><target>2</target></rule></nat>"
        );
        var push = Struct(
            (
                "system",
                Struct(
                    ("timezone", new XmlRpcString("Europe/Paris")),
                    ("new", new XmlRpcString("x")),
                    ("hostname", new XmlRpcString("evil"))
                )
            ),
            ("unbound", Struct(("port", new XmlRpcString("5353")), ("other", new XmlRpcString("x")))),
            (
                "nat",
                Struct(("rule", Struct(("1", Struct(("target", new XmlRpcString("9")))), ("7", Struct(("target", new XmlRpcString("8")))))))
            )
        );
        var outcome = SectionMerge.MergeConfig(local, push);
        Assert.Equal(
            "<system><timezone>Europe/Paris</timezone><hostname>b</hostname></system><unbound><port>5353</port></unbound><nat><rule><target>1</target></rule><rule><target>9</target></rule></nat>",
            outcome.Candidate!.ToString().Split("<pfsense>")[1].Split("</pfsense>")[0]
        );
        Assert.False(SectionMerge.MergeConfig(outcome.Candidate, push).IsChanged);
        Assert.Null(SectionMerge.MergeConfig(local, Struct(("interfaces", Struct()))).Candidate);
    }

    [Theory]
    [InlineData("<system><user><name>admin</name><bcrypt-hash>evil</bcrypt-hash></user></system>")]
    [InlineData("<system><hostname>evil</hostname></system>")]
    [InlineData("<hasync><password>evil</password></hasync>")]
    [InlineData("<kea><ha><localname>evil</localname></ha></kea>")]
    public void AnOverlayTouchesNeitherAccountsNorWhatBelongsToTheNode(string push)
    {
        var local = Document(push.Replace("evil", "own", StringComparison.Ordinal));
        var outcome = SectionMerge.MergeConfig(local, Push(push));
        Assert.False(outcome.IsChanged);
        Assert.NotEmpty(outcome.Notes);
    }

    [Fact]
    public void PackagesAreReplacedOneByOneAndWhatIsInstalledStays()
    {
        var local = Document(
            "<installedpackages><package><name>p</name></package><haproxy><a>1</a></haproxy><squid><b>1</b></squid></installedpackages>"
        );
        var outcome = SectionMerge.MergeInstalledPackages(
            local,
            Struct(("haproxy", Struct(("enable", XmlRpcString.Empty))), ("package", XmlRpcArray.Empty))
        );
        Assert.Equal(
            "<package><name>p</name></package><haproxy>\n\t\t\t<enable></enable>\n\t\t</haproxy><squid><b>1</b></squid>",
            outcome.Candidate!.ToString().Split("<installedpackages>")[1].Split("</installedpackages>")[0]
        );
        Assert.Single(outcome.Notes);
    }
}
