using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Two nodes, and a third behind them.</summary>
public sealed class PairTests
{
    private static ConfigDocument Synchronised() =>
        Restore(Vector("secondary.config.xml"), PushBody.Build(Vector("primary.config.xml")).Value).Candidate!;

    private static ConfigDocument Edited(ConfigDocument document, string path, Func<ConfigNode, ConfigNode> edit) =>
        document.With(document.Root.WithPath(path, node => edit(node!)));

    [Fact]
    public void DigestsAreEqualOnceThePushIsTaken()
    {
        var primary = Vector("primary.config.xml");
        Assert.Empty(AreaDigests.Held(Vector("secondary.config.xml")));

        var held = AreaDigests.Held(Synchronised());

        foreach (var (area, digest) in AreaDigests.Of(primary, SyncArea.Of(primary)))
            Assert.Equal(digest, held[area]);
    }

    [Theory]
    [InlineData("filter/rule", "rules")]
    [InlineData("nat/rule", "nat")]
    [InlineData("aliases/alias", "aliases")]
    [InlineData("virtualip/vip", "virtualips")]
    [InlineData("staticroutes/route", "staticroutes")]
    [InlineData("openvpn/openvpn-server", "openvpn")]
    public void AChangeOnEitherSideShowsInItsAreaAlone(string path, string area)
    {
        var primary = Vector("primary.config.xml");
        var own = AreaDigests.Of(primary, SyncArea.Of(primary));
        var slash = path.IndexOf('/', StringComparison.Ordinal);

        // The last one: the first address of the list may be this node's own.
        ConfigNode WithLast(ConfigNode section)
        {
            var items = section.All(path[(slash + 1)..]).ToList();
            items[^1] = items[^1].With(ConfigNode.Leaf("descr", "edited"));
            return section.WithAll(path[(slash + 1)..], items);
        }

        var here = AreaDigests.Of(Edited(primary, path[..slash], WithLast), SyncArea.Of(primary));
        Assert.Equal([area], own.Where(a => here[a.Key] != a.Value).Select(a => a.Key));
        var there = AreaDigests.Held(Edited(Synchronised(), path[..slash], WithLast));
        Assert.Equal([area], own.Where(a => there[a.Key] != a.Value).Select(a => a.Key));
    }

    [Fact]
    public void AChangeOfWhatIsTheReceiversOwnIsNoDrift()
    {
        var before = AreaDigests.Held(Synchronised());
        var changed = Edited(
            Synchronised(),
            "filter",
            f => f.WithAll("rule", f.All("rule").Prepend(ConfigNode.Section("rule", ConfigNode.Leaf("nosync"))))
        );
        changed = Edited(changed, "virtualip", v => v.WithAll("vip", v.All("vip").Skip(1)));
        changed = changed.With(
            changed.Root.WithAll("cert", changed.Root.All("cert").Append(ConfigNode.Section("cert", ConfigNode.Leaf("refid", "own"))))
        );
        changed = Edited(changed, "dhcpdv6/opt2", z => z.With(ConfigNode.Leaf("ramode", "router")));
        changed = Edited(changed, "system/hostname", h => h.WithText("renamed"));

        Assert.Equal(before, AreaDigests.Held(changed));
    }

    [Fact]
    public void ThePeerIsCheckedFromItsOwnSections()
    {
        var push = PushBody.Build(Vector("primary.config.xml"));
        var synchronised = Synchronised();

        foreach (var redact in new[] { false, true })
        {
            Assert.Empty(PeerCheck.Missing(SectionBackup.Of(synchronised, push.Sections, redact), push.Value).Changes);
            Assert.False(PeerCheck.Missing(SectionBackup.Of(Vector("secondary.config.xml"), push.Sections, redact), push.Value).IsEmpty);
        }
        var drifted = Edited(synchronised, "aliases/alias", a => a.With(ConfigNode.Leaf("address", "192.0.2.99")));
        var change = Assert.Single(PeerCheck.Missing(SectionBackup.Of(drifted, push.Sections, redact: true), push.Value).Changes);
        Assert.StartsWith("aliases/alias[1]/address", change.Path, StringComparison.Ordinal);
    }

    [Fact]
    public void PushingOnWhatWasReceivedChangesNothingButTheSkew()
    {
        var second = Synchronised();
        var third = Restore(Vector("secondary.config.xml"), PushBody.Build(second, SyncAreas.All).Value).Candidate!;
        string[] Skews(ConfigDocument document) =>
            [.. document.Section("virtualip")!.All("vip").Where(v => v.Value("mode") == "carp").Select(v => v.Value("advskew"))];
        Assert.Equal(["200", "200", "200", "200", "201"], Skews(third));
        Assert.Equal(["0", "0", "0", "0", "1"], Skews(Vector("primary.config.xml")));
        Assert.Equal(
            AreaDigests.Of(second, SyncAreas.All & ~SyncAreas.VirtualIps & ~SyncAreas.Dhcp),
            AreaDigests.Of(third, SyncAreas.All & ~SyncAreas.VirtualIps & ~SyncAreas.Dhcp)
        );
    }

    [Fact]
    public void TheCandidateOfTheSharedPairIsAValidConfiguration()
    {
        var result = ConfigurationReader.Read(Synchronised(), "candidate");
        Assert.True(result.IsValid, string.Join('\n', result.Errors));
    }

    [Fact]
    public void ABackupTellsOnlyKnownSectionsWithoutSecrets()
    {
        var backup = SectionBackup.Of(
            Vector("primary.config.xml"),
            ["hasync", "staticroutes", "no_such_section", "interfaces", "cert", "system"],
            redact: true
        );
        Assert.Equal(["system", "staticroutes", "hasync", "cert"], backup.Members.Select(m => m.Name));
        var text = new System.Buffers.ArrayBufferWriter<byte>();
        Assert.True(XmlRpcWriter.WriteResponse(text, backup).IsNone);
        var told = System.Text.Encoding.UTF8.GetString(text.WrittenSpan);
        foreach (var secret in Secrets(Vector("primary.config.xml").Root).Where(s => s.Length > 3))
            Assert.DoesNotContain(secret, told, StringComparison.Ordinal);
        Assert.DoesNotContain("hostname", told, StringComparison.Ordinal);
        var whole = (XmlRpcStruct)SectionBackup.Of(Vector("primary.config.xml"), ["hasync"], redact: false)["hasync"]!;
        Assert.Equal(new XmlRpcString("ha sync+p@ss/1"), whole["password"]);
    }

    private static IEnumerable<string> Secrets(ConfigNode node) =>
        node.Children.IsEmpty ? (ConfigTags.IsSecret(node.Name) ? [node.Text] : []) : node.Children.SelectMany(Secrets);
}
