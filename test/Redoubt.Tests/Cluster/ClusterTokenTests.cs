using System.Text;
using Redoubt.Core.Cluster;
using Redoubt.Core.Configuration.Document;

namespace Redoubt.Tests.Cluster;

public sealed class ClusterTokenTests
{
    private const long Now = 1_800_000_000;
    private static readonly ClusterSecret s_secret = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
    private static readonly ClusterSecret s_other = new([.. Enumerable.Range(1, 32).Select(i => (byte)i)]);

    private static ClusterToken Invitation() =>
        new()
        {
            Secret = s_secret,
            Created = Now,
            Version = "0.4.0",
            Pin = new string('a', 64),
            Members = [new ClusterMember(1, "fw1", ["10.77.0.1"])],
            Invited = new ClusterMember(2, "fw2", ["10.77.0.2"]),
            SyncLinks = ["opt1"],
            Interfaces = ["lan", "wan", "opt1"],
        };

    private static ClusterFacts Joiner() =>
        new()
        {
            Name = "fw2",
            Interfaces = ["lan", "wan", "opt1"],
            Addresses = [("lan", "10.0.0.2"), ("opt1", "10.77.0.2")],
            Version = "0.4.1",
            Now = Now + 10,
        };

    private static string Faults(ClusterToken token, ClusterFacts facts, bool force = false) =>
        string.Join("; ", ClusterAdmission.Check(token, facts, force, out _));

    [Fact]
    public void An_invitation_is_read_as_it_was_written_and_brings_the_secret()
    {
        var read = ClusterToken.TryRead($" {Invitation().Write()}\n", null, out var refusal);

        Assert.Equal(ClusterTokenRefusal.None, refusal);
        Assert.Equal(s_secret.Reveal(), read!.Secret.Reveal());
        Assert.Equal(Invitation().Write(), read.Write());
    }

    [Fact]
    public void An_answer_holds_no_secret_and_counts_only_where_the_secret_is_known()
    {
        var text = (Invitation() with { IsAnswer = true }).Write();
        var payload = Encoding.Latin1.GetString(Decode(text[ClusterToken.AnswerPrefix.Length..]));

        Assert.DoesNotContain(s_secret.Reveal(), payload, StringComparison.Ordinal);
        Assert.NotNull(ClusterToken.TryRead(text, s_secret, out _));
        Assert.Null(ClusterToken.TryRead(text, s_other, out var refusal));
        Assert.Equal(ClusterTokenRefusal.NotAuthentic, refusal);
        Assert.Null(ClusterToken.TryRead(text, null, out _));
    }

    [Fact]
    public void A_token_with_any_character_changed_or_cut_off_is_refused()
    {
        var text = Invitation().Write();
        for (var i = 0; i < text.Length - 1; i++)
        {
            Assert.Null(ClusterToken.TryRead(text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..], null, out _));
            Assert.Null(ClusterToken.TryRead(text[..i], null, out _));
        }
    }

    [Fact]
    public void An_invitation_is_no_answer_under_another_prefix()
    {
        var text = Invitation().Write().Replace(ClusterToken.InvitationPrefix, ClusterToken.AnswerPrefix, StringComparison.Ordinal);

        Assert.Null(ClusterToken.TryRead(text, s_secret, out var refusal));
        Assert.Equal(ClusterTokenRefusal.NotAuthentic, refusal);
    }

    [Fact]
    public void A_token_never_prints_itself() => Assert.Equal("***", $"{Invitation()}");

    [Fact]
    public void The_node_that_is_meant_may_join() => Assert.Empty(Faults(Invitation(), Joiner()));

    [Fact]
    public void A_token_that_is_too_old_or_from_the_future_is_refused()
    {
        Assert.Contains("minutes old", Faults(Invitation(), Joiner() with { Now = Now + 3601 }), StringComparison.Ordinal);
        Assert.Contains("future", Faults(Invitation(), Joiner() with { Now = Now - 61 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Twins_in_id_or_name_and_strangers_are_refused()
    {
        Assert.Contains("so is that of fw1", Faults(Invitation(), Joiner() with { Id = 1 }), StringComparison.Ordinal);
        Assert.Contains("token is for node 2", Faults(Invitation(), Joiner() with { Id = 3 }), StringComparison.Ordinal);
        Assert.Contains("is called FW1 too", Faults(Invitation(), Joiner() with { Name = "FW1" }), StringComparison.Ordinal);
        Assert.Contains(
            "this node has it not",
            Faults(Invitation(), Joiner() with { Addresses = [("lan", "10.77.0.2")] }),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Interfaces_in_another_order_are_refused() =>
        Assert.Contains(
            "in another order",
            Faults(Invitation(), Joiner() with { Interfaces = ["wan", "lan", "opt1"] }),
            StringComparison.Ordinal
        );

    [Fact]
    public void An_interface_that_one_node_lacks_is_worth_a_word()
    {
        Assert.Empty(ClusterAdmission.Check(Invitation(), Joiner() with { Interfaces = ["lan", "opt1"] }, force: false, out var warnings));
        Assert.Contains("wan of fw1 is missing here", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_counts_on_a_member_and_nowhere_else()
    {
        var answer = Invitation() with { IsAnswer = true };
        var inviter = Joiner() with { Name = "fw1", Id = 1, Addresses = [("opt1", "10.77.0.1")], Secret = s_secret };

        Assert.Empty(Faults(answer, inviter));
        Assert.Contains("token is for node 1", Faults(answer, inviter with { Id = 3 }), StringComparison.Ordinal);
        Assert.Contains("so is that of fw2", Faults(answer, inviter with { Id = 2 }), StringComparison.Ordinal);
        Assert.Contains("not in the cluster", Faults(answer, inviter with { Id = 0 }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_third_node_gets_both_and_an_invited_one_without_a_name_is_called_by_its_address()
    {
        var third = Invitation() with
        {
            Members = [new ClusterMember(1, "fw1", ["10.77.0.1"]), new ClusterMember(2, "fw2", ["10.77.0.2"])],
            Invited = new ClusterMember(3, "", ["10.77.0.3"]),
        };

        var read = ClusterToken.TryRead(third.Write(), null, out _);

        Assert.Equal(["fw1", "fw2"], read!.Members.Select(m => m.Name));
        Assert.Equal("10.77.0.3", ClusterAdmission.Called(read.Invited));
    }

    [Fact]
    public void A_peer_that_tells_its_name_takes_its_own_place_in_the_list()
    {
        Assert.True(ConfigDocument.TryRead("<pfsense/>"u8.ToArray(), out var document, out _));
        var entered = ClusterEdit.Enter(
            document!,
            1,
            "cluster.key",
            ["opt1"],
            [new ClusterMember(2, "", ["10.77.0.2"]), new ClusterMember(3, "fw3", ["10.77.0.3"])]
        );

        var named = ClusterEdit.EnterPeer(entered, new ClusterMember(2, "fw2", ["10.77.0.2"]));

        Assert.Equal(
            ["2 fw2", "3 fw3"],
            named.Root.Find("redoubt/cluster")!.All("peer").Select(p => $"{p.Value("id")} {p.Value("name")}").Order()
        );
    }

    [Theory]
    [InlineData("0.5.0", false, true)]
    [InlineData("0.6.0", true, false)]
    [InlineData("1.4.0", true, false)]
    [InlineData("0.4.9", false, false)]
    public void Versions_may_lie_one_minor_apart(string version, bool refused, bool warned)
    {
        var faults = ClusterAdmission.Check(Invitation(), Joiner() with { Version = version }, force: false, out var warnings);

        Assert.Equal((refused, warned), (faults.Count > 0, warnings.Count > 0));
    }

    [Fact]
    public void Another_cluster_is_left_only_by_force_and_the_same_one_joined_again()
    {
        Assert.Contains("in a cluster already", Faults(Invitation(), Joiner() with { Secret = s_other }), StringComparison.Ordinal);
        Assert.Empty(Faults(Invitation(), Joiner() with { Secret = s_other }, force: true));
        Assert.Empty(Faults(Invitation(), Joiner() with { Secret = s_other, Id = 1 }, force: true));
        Assert.Empty(Faults(Invitation(), Joiner() with { Secret = s_secret, Id = 2 }));
    }

    [Fact]
    public void Entering_a_cluster_twice_gives_the_same_document_and_keeps_the_rest()
    {
        const string Xml = "<pfsense><redoubt><failover><profile>fast</profile></failover><cluster><strict/></cluster></redoubt></pfsense>";
        Assert.True(ConfigDocument.TryRead(Encoding.UTF8.GetBytes(Xml), out var document, out _));
        var token = Invitation();

        var once = ClusterEdit.Pin(ClusterEdit.Enter(document!, 2, "cluster.key", token.SyncLinks, token.Members), token.Pin);
        var twice = ClusterEdit.Pin(ClusterEdit.Enter(once, 2, "cluster.key", token.SyncLinks, token.Members), token.Pin);

        Assert.Equal("2", once.Root.Find("redoubt/node/id")!.Text);
        Assert.Equal("10.77.0.1", once.Root.Find("redoubt/cluster/peer/address")!.Text);
        Assert.Equal(token.Pin, once.Root.Find("redoubt/configsync/pin")!.Text);
        Assert.NotNull(once.Root.Find("redoubt/cluster/strict"));
        Assert.Equal("fast", once.Root.Find("redoubt/failover/profile")!.Text);
        Assert.Equal(once.ToString(), twice.ToString());
    }

    private static byte[] Decode(string text) =>
        Convert.FromBase64String(text.Replace('-', '+').Replace('_', '/').PadRight((text.Length + 3) / 4 * 4, '='));
}
