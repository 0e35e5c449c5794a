using Redoubt.Core.ConfigSync;
using Redoubt.Core.XmlRpc;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>What a node sends.</summary>
public sealed class PushTests
{
    private static PushBody Build(string inside, SyncAreas areas = SyncAreas.All) => PushBody.Build(Document(inside), areas);

    private static XmlRpcValue? At(XmlRpcValue? value, string path)
    {
        foreach (var step in path.Split('/'))
            value = value is XmlRpcArray array ? array.Values[int.Parse(step, null)] : (value as XmlRpcStruct)?[step];
        return value;
    }

    private static string Text(PushBody body, string path) => At(body.Value, path) is XmlRpcString { Value: var text } ? text : "?";

    [Fact]
    public void NothingTickedSendsNothing()
    {
        var document = Document("<hasync><pfsyncenabled>on</pfsyncenabled></hasync><filter><rule><tracker>1</tracker></rule></filter>");
        Assert.True(PushBody.Build(document).IsEmpty);
        Assert.Equal(SyncAreas.None, SyncArea.Of(document));
    }

    [Fact]
    public void EveryBoxSendsItsSectionsAndNoOther()
    {
        var all = PushBody.Build(Vector("primary.config.xml"), SyncAreas.All).Sections;
        foreach (var area in SyncArea.All)
        {
            var sections = area.Sections.Select(s => s.Split('/')[0]).Distinct();
            var sent = PushBody.Build(Vector("primary.config.xml"), area.Area).Sections;
            Assert.Equal(sections.Where(s => all.Contains(s)).Order(), sent.Order());
        }
    }

    [Fact]
    public void EveryBoxHasAName()
    {
        Assert.Equal(21, SyncArea.All.Length);
        Assert.Equal(SyncAreas.All, SyncArea.All.Aggregate(SyncAreas.None, (sum, a) => sum | a.Area));
        foreach (var area in SyncArea.All)
        {
            Assert.True(SyncArea.TryParse(area.Name, out var byName) && byName == area.Area, area.Name);
            Assert.True(SyncArea.TryParse(area.Tag, out var byTag) && byTag == area.Area, area.Tag);
        }
        Assert.False(SyncArea.TryParse("everything", out _));
    }

    [Theory]
    [InlineData("0", 100)]
    [InlineData("100", 200)]
    [InlineData("154", 254)]
    [InlineData("200", 254)]
    [InlineData("254", 254)]
    public void EachHopIsAHundredWorseUpTo254AsAnInteger(string skew, int expected)
    {
        var body = Build(
            $"<virtualip><vip><mode>carp</mode><interface>wan</interface><advskew>{skew}</advskew><advbase>255</advbase></vip></virtualip>"
        );
        Assert.Equal(new XmlRpcInt(expected), At(body.Value, "virtualip/vip/0/advskew"));
        Assert.Equal(new XmlRpcInt(254), At(body.Value, "virtualip/vip/0/advbase"));
        Assert.Equal(expected == 254 && skew != "154", body.Notes.Any(n => n.Path == "virtualip"));
    }

    [Theory]
    [InlineData("ipalias", "wan", false)]
    [InlineData("ipalias", "_vip123", true)]
    [InlineData("ipalias", "lo0", true)]
    [InlineData("proxyarp", "wan", false)]
    [InlineData("other", "wan", true)]
    [InlineData("carp", "wan", true)]
    public void AliasesTravelOnCarpAddressesAndTheLoopbackOnly(string mode, string on, bool isSent)
    {
        var body = Build($"<virtualip><vip><mode>{mode}</mode><interface>{on}</interface></vip></virtualip>");
        Assert.Equal(isSent ? 1 : 0, ((XmlRpcArray)At(body.Value, "virtualip/vip")!).Values.Length);
    }

    [Fact]
    public void MarkedItemsLeaveHoles()
    {
        var body = Build(Rules("1", "2*", "3"));
        var list = (XmlRpcStruct)At(body.Value, "filter/rule")!;
        Assert.Equal(["0", "2"], list.Members.Select(m => m.Name));
        Assert.Equal(1, body.LocalItems);
        Assert.IsType<XmlRpcArray>(At(Build(Rules("1*", "2", "3")).Value, "filter/rule"));
        Assert.Equal(XmlRpcArray.Empty, At(Build(Rules("1*")).Value, "filter/rule"));
    }

    [Fact]
    public void TheFailoverPartnerOfThePeerIsThisNode()
    {
        const string Dhcp = "<dhcpd><lan><failover_peerip>192.0.2.2</failover_peerip></lan><opt1><enable></enable></opt1></dhcpd>";
        Assert.Equal(
            "192.0.2.1",
            Text(Build($"<interfaces><lan><ipaddr>192.0.2.1</ipaddr></lan></interfaces>{Dhcp}"), "dhcpd/lan/failover_peerip")
        );
        var leased = Document($"<interfaces><lan><ipaddr>dhcp</ipaddr></lan></interfaces>{Dhcp}");
        var known = PushBody.Build(leased, SyncAreas.Dhcp, new Dictionary<string, string> { ["lan"] = "192.0.2.9" });
        Assert.Equal("192.0.2.9", Text(known, "dhcpd/lan/failover_peerip"));
        var unknown = PushBody.Build(leased, SyncAreas.Dhcp);
        Assert.Equal("192.0.2.2", Text(unknown, "dhcpd/lan/failover_peerip"));
        Assert.Single(unknown.Notes);
    }

    [Fact]
    public void KeaIsSentAsTheOtherSideSeesIt()
    {
        const string Kea = """
            <system><hostname>fw-a</hostname></system><dhcpd><lan></lan></dhcpd><kea><ha><role>primary</role><localname>a1</localname><localip>192.0.2.1</localip>
            <remoteip>192.0.2.2</remoteip><localport>8765</localport><tls>x</tls><scertref>c</scertref><heartbeatdelay>10</heartbeatdelay></ha></kea>
            """;
        var ha = (XmlRpcStruct)At(Build(Kea).Value, "kea/ha")!;
        Assert.Equal(
            [
                "heartbeatdelay=10",
                "localip=192.0.2.2",
                "localport=8765",
                "remoteip=192.0.2.1",
                "remotename=a1",
                "remoteport=8765",
                "role=standby",
            ],
            ha.Members.Select(m => $"{m.Name}={((XmlRpcString)m.Value).Value}").Order()
        );
        var standby = Build(
            Kea.Replace(">primary<", ">standby<", StringComparison.Ordinal)
                .Replace("<localname>a1</localname>", "", StringComparison.Ordinal)
        );
        Assert.Equal(("primary", "fw-a"), (Text(standby, "kea/ha/role"), Text(standby, "kea/ha/remotename")));
    }

    [Fact]
    public void OnlyTheBoxOfHasyncTravels()
    {
        const string Ha = "<hasync><adminsync>on</adminsync><password>p</password></hasync>";
        var body = Build(Ha);
        Assert.Equal(["adminsync"], ((XmlRpcStruct)body.Value["hasync"]!).Members.Select(m => m.Name));
        Assert.DoesNotContain("hasync", Build(Ha, SyncAreas.Rules).Sections);
    }

    [Fact]
    public void TheListOfRoutesTravelsAlsoWhenItIsEmpty() =>
        Assert.Equal(XmlRpcArray.Empty, At(Build("<staticroutes></staticroutes>").Value, "staticroutes/route"));
}
