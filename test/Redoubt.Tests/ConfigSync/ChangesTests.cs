using System.Buffers;
using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;
using static Redoubt.Tests.ConfigSync.SyncFixture;

namespace Redoubt.Tests.ConfigSync;

/// <summary>Only what changed in long lists travels between our own nodes, and the same comes out as of the whole.</summary>
public sealed class ChangesTests
{
    private const string Ticked =
        "<hasync><synchronizerules>on</synchronizerules><synchronizealiases>on</synchronizealiases><synchronizenat>on</synchronizenat></hasync>";

    private int _taken;
    private int _outdated;

    [Fact]
    public void One_rule_of_many_travels_alone()
    {
        var (before, now) = (Primary(Rules("1", "2", "3", "4")), Primary(Rules("1", "2", "9", "4")));

        var change = Assert.Single(Between(before, now).Single().Lists);

        Assert.Equal(("filter", 2, 1, 1), (change.Section, change.At, change.Gone, change.Items.Length));
        Assert.Equal("9", ((XmlRpcString)((XmlRpcStruct)change.Items[0])["tracker"]!).Value);
    }

    [Fact]
    public void What_is_marked_as_the_nodes_own_is_not_counted_on_either_side()
    {
        var (before, now) = (Primary(Rules("8*", "1", "2", "3")), Primary(Rules("8*", "1", "7*", "2", "5", "3")));
        var secondary = Restore(Document(Rules("70*", "71*")), Sent(before)).Candidate!;

        var outcome = Taken(secondary, before, now);

        Assert.Equal(["70", "71", "1", "2", "5", "3"], Texts(outcome, "filter/rule", "tracker"));
        Assert.Equal(0, _outdated);
    }

    [Fact]
    public void The_last_item_can_not_travel_as_a_change_and_goes_with_the_whole()
    {
        Assert.Empty(Between(Primary(Rules("1")), Primary("<filter></filter>")));
        Assert.Empty(Between(Primary("<filter></filter>"), Primary(Rules("1"))));
        Assert.Empty(Between(Primary("<filter><rule><tracker>1</tracker></rule><x>1</x></filter>"), Primary(Rules("1", "2"))));
        Assert.Empty(Between(Primary(Rules("1")), Primary(Rules("1", "2") + "<schedules><schedule><name>s</name></schedule></schedules>")));
    }

    [Fact]
    public void Of_a_list_that_is_new_for_the_most_part_the_whole_travels()
    {
        var many = Enumerable.Range(1, 300).Select(i => $"{i}").ToArray();
        Assert.Empty(Between(Primary(Rules("1", "2")), Primary(Rules(many))));
        Assert.NotEmpty(Between(Primary(Rules(many)), Primary(Rules("1", "2"))));
    }

    [Fact]
    public void A_peer_that_holds_something_else_takes_nothing()
    {
        var (before, now) = (Primary(Rules("1", "2")), Primary(Rules("1", "3")));
        var edited = Restore(Document(""), Sent(before)).Candidate!;
        edited = edited.With(edited.Root.WithPath("filter/rule/tracker", t => t!.WithText("5")));
        var message = new PushChanges(Between(before, now), Struct());

        foreach (var other in (ConfigDocument[])[edited, Document(""), Document(Rules("1", "2"))])
        {
            var outcome = SectionMerge.RestoreChanges(other, AreaDigests.Held(other), message.ToValue());
            Assert.Null(outcome.Candidate);
            Assert.True(outcome.IsOutdated);
        }
        // Nor where the sender never said so: no base for an area, none asked about.
        Assert.Empty(PushChanges.Between(SyncAreas.Rules, Of(before), Of(now), AreaDigests.Held(edited)));
    }

    [Fact]
    public void What_does_not_become_what_the_sender_says_is_not_taken()
    {
        var (before, now) = (Primary(Rules("1", "2")), Primary(Rules("1", "3")));
        var secondary = Restore(Document(""), Sent(before)).Candidate!;
        var area = Between(before, now).Single();
        var wrong = area with { Lists = [area.Lists[0] with { At = 0 }] };

        var outcome = SectionMerge.RestoreChanges(secondary, AreaDigests.Held(secondary), new PushChanges([wrong], Struct()).ToValue());

        Assert.Null(outcome.Candidate);
        Assert.True(outcome.IsOutdated);
    }

    [Theory]
    [InlineData("aliases", "filter", 0, 1)] // an area that does not have the section
    [InlineData("rules", "schedules", 0, 1)]
    [InlineData("rules", "filter", 1, 2)]
    [InlineData("rules", "filter", int.MaxValue, int.MaxValue)]
    [InlineData("nothing", "filter", 0, 1)]
    public void What_does_not_fit_is_refused(string area, string section, int at, int gone)
    {
        var before = Primary(Rules("1", "2"));
        var secondary = Restore(Document(""), Sent(before)).Candidate!;
        var held = AreaDigests.Held(secondary);
        var change = new ListChange(section, at, gone, [Struct(("tracker", new XmlRpcString("9")))]);
        var message = new PushChanges([new AreaChange(area, held.GetValueOrDefault(area, ""), "", [change])], Struct());

        Assert.Null(SectionMerge.RestoreChanges(secondary, held, message.ToValue()).Candidate);
    }

    [Fact]
    public void A_section_that_comes_whole_and_as_a_change_is_refused()
    {
        var (before, now) = (Primary(Rules("1", "2")), Primary(Rules("1", "3")));
        var secondary = Restore(Document(""), Sent(before)).Candidate!;
        var message = new PushChanges(Between(before, now), Push(Rules("1")));

        var outcome = SectionMerge.RestoreChanges(secondary, AreaDigests.Held(secondary), message.ToValue());

        Assert.Null(outcome.Candidate);
        Assert.Contains("more than once", outcome.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Whatever_else_comes_as_changes_is_refused_with_a_reason()
    {
        var secondary = Document(Rules("1"));
        foreach (
            var odd in (XmlRpcStruct[])
                [Struct(), Struct(("sections", Struct())), Struct(("sections", Struct()), ("areas", Struct())), Push(Rules("1"))]
        )
        {
            var outcome = SectionMerge.RestoreChanges(secondary, AreaDigests.Held(secondary), odd);
            Assert.Null(outcome.Candidate);
            Assert.False(outcome.IsOutdated);
            Assert.NotEmpty(outcome.Refusal);
        }
    }

    [Fact]
    public void Any_edits_come_out_as_the_whole_push_does()
    {
        Seeds.ForEach(
            200,
            seed =>
            {
                var random = new Random(seed);
                var before = Primary(Lists(random, 8));
                var secondary = Restore(Document(Lists(random, 3, own: true)), Sent(before)).Candidate!;
                for (var edit = 0; edit < 4; edit++)
                {
                    var now = Edited(before, random);
                    var expected = SectionMerge.Restore(secondary, Sent(now)).Candidate!;
                    var made = Taken(secondary, before, now);
                    Assert.True(expected.Root.HasContentOf(made.Root));
                    Assert.Equal(AreaDigests.Held(expected), AreaDigests.Held(made));
                    Assert.True(ConfigDocument.TryRead(made.ToBytes(), out var read, out _));
                    (before, secondary) = (now, read!);
                }
            }
        );
        Assert.InRange(_outdated, 0, _taken / 2);
    }

    [Fact]
    public void Digests_of_what_would_be_pushed_are_those_of_what_is_pushed()
    {
        string[] odd =
        [
            "<filter/>",
            "<filter>text</filter>",
            "<filter><rule/></filter>",
            "<filter><rule><a>1</a><a>2</a></rule></filter>",
            "<filter><separator><wan/></separator><separator/></filter>",
            "<filter><rule><source><any/><any>1</any></source></rule></filter>",
            "<filter><b:x xmlns:b='y'>1</b:x></filter>",
            $"<filter>{string.Concat(Enumerable.Range(0, 70).Select(i => $"<x{i}>1</x{i}>"))}</filter>",
            $"<filter>{string.Concat(Enumerable.Repeat("<d>", SyncLimits.Depth))}1{string.Concat(Enumerable.Repeat("</d>", SyncLimits.Depth))}</filter>",
            "<nat><outbound><rule><nosync/></rule></outbound></nat>",
            "<nat><outbound/></nat>",
            "<aliases><alias><nosync/></alias></aliases><schedules><schedule><name>s</name></schedule></schedules>",
            "",
        ];
        foreach (var inside in odd)
            AssertSent(Primary(inside));
        AssertSent(Vector("primary.config.xml"));
        AssertSent(Vector("secondary.config.xml"));
        Seeds.ForEach(100, seed => AssertSent(Primary(Lists(new Random(seed), 90))));
    }

    private static void AssertSent(ConfigDocument document)
    {
        SyncAreas[] several = [SyncArea.Of(document), SyncAreas.Rules, SyncAreas.Rules | SyncAreas.Nat, SyncAreas.All];
        foreach (var areas in several)
        {
            Assert.Equal(AreaDigests.Of(PushBody.Build(document, areas)), AreaDigests.Of(document, areas));
            // A second time: some are kept.
            Assert.Equal(AreaDigests.Of(PushBody.Build(document, areas)), AreaDigests.Of(document, areas));
        }
    }

    // As a sender and a receiver do it: what no change can tell travels whole.
    private ConfigDocument Taken(ConfigDocument secondary, ConfigDocument before, ConfigDocument now)
    {
        var areas = SyncArea.ToSend(SyncArea.Of(now), Of(now).Sent, AreaDigests.Held(secondary));
        var changes = Between(before, now);
        var whole = changes.Aggregate(areas, (left, c) => left & ~SyncArea.All.First(a => a.Name == c.Area).Area);
        if (changes.IsEmpty)
            return whole == SyncAreas.None ? secondary : SectionMerge.Restore(secondary, PushBody.Build(now, whole).Value).Candidate!;
        var output = new ArrayBufferWriter<byte>();
        Assert.True(XmlRpcWriter.WriteCall(output, "m", new PushChanges(changes, PushBody.Build(now, whole).Value).ToValue()).IsNone);
        Assert.True(XmlRpcReader.TryReadCall(output.WrittenSpan, XmlRpcLimits.Default, out var call, out _));
        var outcome = SectionMerge.RestoreChanges(secondary, AreaDigests.Held(secondary), (XmlRpcStruct)call!.Parameters[0]);
        // What the node holds may be other than what it was sent, as where own items are in a list that the sender does not have: then the whole travels.
        Assert.True(outcome.Candidate is not null || outcome.IsOutdated, outcome.Refusal);
        _outdated += outcome.IsOutdated ? 1 : 0;
        _taken++;
        return outcome.Candidate ?? SectionMerge.Restore(secondary, Sent(now)).Candidate!;
    }

    private static System.Collections.Immutable.ImmutableArray<AreaChange> Between(ConfigDocument before, ConfigDocument now)
    {
        var areas = SyncArea.ToSend(SyncArea.Of(now), Of(now).Sent, Of(before).Sent);
        return PushChanges.Between(areas, Of(before), Of(now), Of(before).Sent);
    }

    private static (ConfigDocument Document, IReadOnlyDictionary<string, string> Sent) Of(ConfigDocument document) =>
        (document, AreaDigests.Of(document, SyncArea.Of(document)));

    private static ConfigDocument Primary(string inside) => Document(Ticked + inside);

    private static XmlRpcStruct Sent(ConfigDocument document) => PushBody.Build(document).Value;

    private static string Lists(Random random, int most, bool own = false)
    {
        string Mark() => own || random.Next(5) == 0 ? "<nosync/>" : "";
        string Items(string tag, string key) =>
            string.Concat(
                Enumerable
                    .Range(0, random.Next(1, most))
                    .Select(i => $"<{tag}><{key}>{(own ? "o" : "i")}{i}</{key}><descr>{random.Next(5)}</descr>{Mark()}</{tag}>")
            );
        return $"<filter>{Items("rule", "tracker")}</filter><aliases>{Items("alias", "name")}</aliases>"
            + $"<nat><outbound><mode>automatic</mode>{Items("rule", "tracker")}</outbound>{Items("rule", "tracker")}</nat>";
    }

    private static ConfigDocument Edited(ConfigDocument document, Random random)
    {
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            var section = ((string[])["filter", "aliases", "nat"])[random.Next(3)];
            var children = document.Section(section)!.Children;
            var at = random.Next(children.Length + 1);
            var made = ConfigNode.Section(
                section == "aliases" ? "alias" : "rule",
                ConfigNode.Leaf(section == "aliases" ? "name" : "tracker", $"n{random.Next(100)}"),
                ConfigNode.Leaf(random.Next(5) == 0 ? "nosync" : "log")
            );
            children = (random.Next(4), at < children.Length) switch
            {
                (0, true) => children.RemoveAt(at),
                (1, true) => children.SetItem(at, made),
                (2, true) => children.RemoveAt(at).Insert(random.Next(children.Length), children[at]),
                _ => children.Insert(at, made),
            };
            document = document.With(document.Root.WithPath(section, s => s!.WithChildren(children)));
        }
        return document;
    }
}
