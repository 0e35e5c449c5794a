using Redoubt.Core.Configuration;

namespace Redoubt.Tests.Configuration;

public class ConfigurationReaderTests
{
    [Fact]
    public void A_pair_is_read_as_written()
    {
        var result = ConfigVectors.Read(ConfigVectors.Text("good/pair.xml"));

        Assert.Empty(result.Problems);
        var c = result.Configuration!;
        Assert.Equal("fw1", c.Hostname);
        Assert.Equal(["wan", "lan", "opt1"], c.Interfaces.Select(i => i.Name));
        Assert.Equal("Sync & control", c.Interface("opt1")!.Description);
        Assert.Equal("10.0.0.2/24", c.Interface("lan")!.IPv4.ToString());
        Assert.True(c.Interface("wan")!.IsWan);
        Assert.False(c.Interface("lan")!.IsWan);
        Assert.Equal(["wan@2", "lan@1"], c.VirtualHosts.Select(h => h.Member));
        Assert.Equal("wan&key", c.VirtualHosts[0].Password.Text);
        Assert.Equal(["10.0.0.1/24", "fe80::1/64", "10.0.0.9/24"], c.VirtualHosts[1].Addresses.Select(a => a.ToString()));
        Assert.True(c.VirtualHosts[1].UsesRealMac);
        Assert.Equal("10.0.0.3", Assert.Single(c.VirtualHosts[1].UnicastPeers).AddressText);
        var alias = c.VirtualAddresses[3];
        Assert.Equal(("lan", (byte)1, "65a1b2c3d4e01"), (alias.Interface, alias.Vhid, alias.ParentUniqId));
        Assert.True(c.HaSync.PfsyncEnabled);
        Assert.Equal("rules", Assert.Single(c.HaSync.Areas));
        var r = c.Redoubt;
        Assert.Equal((1, "cluster.key", true), (r.NodeId, r.SecretFile, r.Strict));
        Assert.Equal((2, "fw2"), (Assert.Single(r.Peers).Id, r.Peers[0].Name));
        Assert.Equal((FailoverProfile.Fast, PreemptMode.Delayed), (r.Profile, r.Preempt));
        Assert.Equal((45.0, 250.0), (r.PreemptDelay.TotalSeconds, r.Drain.TotalMilliseconds));
        Assert.Equal((StateSyncTransport.Pfsync, StateSyncFormat.FreeBsd1400, true), (r.Transport, r.Format, r.Defer));
        Assert.Equal(["lan@1", "wan@2"], Assert.Single(r.Groups).Members);
        Assert.Equal(8, c.FilterRules.Length);
        Assert.Equal(OutboundNatMode.Hybrid, c.Nat.Mode);
        Assert.True(c.Nat.Outbound[1].StaticPort);
    }

    [Fact]
    public void A_vhid_of_VRRP_is_one_router_for_each_family_and_its_skew_is_a_priority()
    {
        var text = ConfigVectors.Text("good/pair.xml");
        var vrrp = text.Replace("<protocol>carp</protocol>", "<protocol>vrrp3</protocol><interval>50</interval>", StringComparison.Ordinal);
        var hosts = ConfigVectors.Read(vrrp).Configuration!.VirtualHosts;

        Assert.Equal(["wan@2", "lan@1", "lan@1"], hosts.Select(h => h.Member));
        var (ipv4, ipv6) = (hosts[1].VrrpOptions(), hosts[2].VrrpOptions());
        Assert.Equal((2, 1, true), (ipv4.Addresses.Count, ipv6.Addresses.Count, hosts[2].IsVrrp6));
        Assert.Equal((254 - hosts[1].AdvSkew, TimeSpan.FromSeconds(0.5)), (ipv4.Priority, ipv6.Interval));
        Assert.Equal((false, VirtualRouterProtocol.Carp), (hosts[0].IsVrrp6, hosts[0].Protocol));
        var chosen = vrrp.Replace("<interval>50</interval>", "<priority>7</priority>", StringComparison.Ordinal);
        hosts = ConfigVectors.Read(chosen).Configuration!.VirtualHosts;
        Assert.Equal((7, TimeSpan.FromSeconds(hosts[1].AdvBase)), (hosts[1].Priority, hosts[1].Interval));
    }

    [Fact]
    public void A_real_pfsense_file_has_warnings_and_no_errors()
    {
        var result = ConfigVectors.Read(ConfigVectors.Text("good/pfsense-primary.xml"));

        Assert.Empty(result.Errors);
        var c = result.Configuration!;
        Assert.Equal(11, c.VirtualAddresses.Length);
        Assert.Equal(["wan@11", "wan@16", "lan@21", "lan@26", "opt2@31"], c.VirtualHosts.Select(h => h.Member));
        Assert.Equal("s3cret-&-\"vip\"", c.VirtualHosts[0].Password.Text);
        Assert.Equal(2, c.VirtualHosts[0].Addresses.Length);
        Assert.Equal((1, "172.16.1.3"), (c.Redoubt.NodeId, Assert.Single(c.Redoubt.Peers).Name));
        Assert.Equal(5, c.Nat.Outbound.Length);
        Assert.Equal(15, c.FilterRules.Length);
        Assert.Equal((3, 1, 1), (c.Nat.PortForwards.Length, c.Nat.OneToOne.Length, c.Nat.Prefixes.Length));
        Assert.Equal(["WANGW", "WANGW6", "DMZR"], c.Gateways.Items.Select(g => g.Name));
        Assert.Equal(2, Assert.Single(c.Schedules).Ranges.Length);
        Assert.Contains("dhcpd", result.KeptSections);
    }

    [Fact]
    public void Defaults_stand_for_everything_of_ours_that_is_left_out()
    {
        var text = ConfigVectors.Text("good/pair.xml");
        var start = text.IndexOf("<redoubt>", StringComparison.Ordinal);
        var result = ConfigVectors.Read(text[..start] + "</pfsense>");

        var r = result.Configuration!.Redoubt;
        Assert.Equal((1, "opt1", "10.77.3.12"), (r.NodeId, Assert.Single(r.SyncLinks), Assert.Single(r.Peers).Name));
        Assert.Equal((FailoverProfile.Default, PreemptMode.Immediate, StateSyncTransport.Redoubt), (r.Profile, r.Preempt, r.Transport));
        Assert.Equal(["wan@2", "lan@1"], Assert.Single(r.Groups).Members);
    }

    [Fact]
    public void A_list_of_all_nodes_may_name_this_one()
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("<node><id>1</id></node>", "", StringComparison.Ordinal)
            .Replace(
                "<synclink>",
                "<peer><name>fw0</name><address>10.77.3.10</address></peer><peer><name>fw1</name><address>10.77.3.11</address></peer><synclink>",
                StringComparison.Ordinal
            )
            .Replace("<id>2</id>", "", StringComparison.Ordinal);

        var r = ConfigVectors.Read(text).Configuration!.Redoubt;

        Assert.Equal(2, r.NodeId);
        Assert.Equal([(1, "fw0"), (3, "fw2")], r.Peers.Select(p => (p.Id, p.Name)));
    }

    [Fact]
    public void All_problems_are_told_at_once_and_no_secret_among_them()
    {
        var text = ConfigVectors
            .Text("good/pair.xml")
            .Replace("<vhid>2</vhid>", "<vhid>0</vhid>", StringComparison.Ordinal)
            .Replace("<if>lan0</if>", "<if>a/b</if>", StringComparison.Ordinal)
            .Replace("<profile>fast</profile>", "<profile>quick</profile>", StringComparison.Ordinal);

        var result = ConfigVectors.Read(text);

        Assert.Null(result.Configuration);
        Assert.True(result.Errors.Count() >= 3);
        Assert.Equal(result.Problems.Select(p => p.Line).Order(), result.Problems.Select(p => p.Line));
        Assert.All(result.Problems, p => Assert.DoesNotContain("lankey", p.ToString(), StringComparison.Ordinal));
        Assert.DoesNotContain(
            "lankey",
            ConfigVectors.Read(ConfigVectors.Text("good/pair.xml")).Configuration!.VirtualHosts[1].ToString(),
            StringComparison.Ordinal
        );
    }
}
