using Redoubt.Core.ConfigSync;
using Redoubt.Core.Configuration.Document;
using Redoubt.Core.XmlRpc;

namespace Redoubt.Tests.ConfigSync;

public sealed class PeerCheckTests
{
    private static XmlRpcString Text(string text) => new(text);

    private static XmlRpcStruct Struct(params (string Name, XmlRpcValue Value)[] members) =>
        new([.. members.Select(m => new XmlRpcMember(m.Name, m.Value))]);

    private static XmlRpcArray List(params XmlRpcValue[] items) => new([.. items]);

    private static XmlRpcStruct Rule(string tracker, string type = "pass") => Struct(("tracker", Text(tracker)), ("type", Text(type)));

    private static string[] Differences(XmlRpcStruct pushed, XmlRpcStruct peer) => [.. PeerCheck.Differences(peer, pushed, limit: 100)];

    private static XmlRpcStruct Filter(params XmlRpcValue[] rules) => Struct(("filter", Struct(("rule", List(rules)))));

    [Fact]
    public void Equal_sections_differ_in_nothing()
    {
        var pushed = Filter(Rule("1"), Rule("2"));
        Assert.Empty(Differences(pushed, pushed));
    }

    [Fact]
    public void Items_are_told_apart_by_what_they_are_known_by()
    {
        Assert.Equal(
            ["filter/rule[1]: only on the peer", "filter/rule[1]/type: differs", "filter/rule[2]: only here"],
            Differences(Filter(Rule("2"), Rule("3")), Filter(Rule("1"), Rule("2", "block")))
        );
        Assert.Equal(["filter/rule[1]: in another order"], Differences(Filter(Rule("1"), Rule("2")), Filter(Rule("2"), Rule("1"))));
    }

    [Fact]
    public void A_list_is_a_list_in_all_spellings()
    {
        var holes = Struct(("filter", Struct(("rule", Struct(("2", Rule("1")), ("7", Rule("2")))))));
        Assert.Empty(Differences(holes, Filter(Rule("1"), Rule("2"))));
        Assert.Empty(Differences(Struct(("aliases", Text(""))), Struct(("aliases", List()))));
        Assert.Empty(Differences(Struct(("aliases", Text(""))), Struct()));
        Assert.Empty(Differences(Struct(("aliases", Struct(("alias", List())))), Struct(("aliases", Struct(("alias", Text("")))))));
    }

    [Fact]
    public void Below_a_section_an_empty_element_is_a_flag()
    {
        var set = Filter(Struct(("tracker", Text("1")), ("disabled", Text(""))));
        var unset = Filter(Struct(("tracker", Text("1"))));
        Assert.Equal(["filter/rule[1]/disabled: only here"], Differences(set, unset));
        Assert.Equal(["filter/rule[1]/disabled: only on the peer"], Differences(unset, set));
    }

    [Fact]
    public void Numbers_and_texts_of_the_same_digits_are_equal() =>
        Assert.Empty(
            Differences(
                Struct(("virtualip", Struct(("vip", List(Struct(("uniqid", Text("a")), ("advskew", new XmlRpcInt(100)))))))),
                Struct(("virtualip", Struct(("vip", List(Struct(("uniqid", Text("a")), ("advskew", Text("100"))))))))
            )
        );

    [Fact]
    public void What_a_peer_hides_counts_as_equal() =>
        Assert.Empty(
            Differences(
                Struct(("ca", List(Struct(("refid", Text("x")), ("prv", Text("key")))))),
                Struct(("ca", List(Struct(("refid", Text("x")), ("prv", Text(ConfigTags.Masked))))))
            )
        );

    [Fact]
    public void Values_are_never_named()
    {
        var lines = Differences(
            Struct(("ipsec", Struct(("psk", Text("secret-here"))))),
            Struct(("ipsec", Struct(("psk", Text("secret-there")))))
        );
        Assert.Equal(["ipsec/psk: differs"], lines);
    }

    [Fact]
    public void Merged_sections_are_compared_only_where_something_was_pushed()
    {
        var pushed = Struct(("system", Struct(("nextuid", Text("2003")))));
        var peer = Struct(("system", Struct(("nextuid", Text("2003")), ("hostname", Text("fw-b")))));
        Assert.Empty(Differences(pushed, peer));
        var vip = Struct(
            ("virtualip", Struct(("vip", List(Struct(("mode", Text("carp")), ("interface", Text("wan")), ("uniqid", Text("1")))))))
        );
        Assert.Equal(["virtualip: only here"], Differences(vip, Struct(("virtualip", Text("")), ("system", Text("")))));
    }

    [Fact]
    public void What_is_the_peers_own_is_no_difference()
    {
        var carp = Struct(("mode", Text("carp")), ("interface", Text("wan")), ("uniqid", Text("1")));
        var own = Struct(("mode", Text("ipalias")), ("interface", Text("lan")), ("uniqid", Text("2")));
        var proxy = Struct(("mode", Text("proxyarp")), ("interface", Text("wan")), ("subnet", Text("192.0.2.0")));
        var stale = Struct(("mode", Text("ipalias")), ("interface", Text("_vip1")), ("uniqid", Text("3")));
        XmlRpcStruct Vips(params XmlRpcValue[] vips) => Struct(("virtualip", Struct(("vip", List(vips)))));
        Assert.Empty(Differences(Vips(carp), Vips(own, proxy, carp)));
        Assert.Equal(["virtualip/vip[2]: only on the peer"], Differences(Vips(carp), Vips(own, stale, carp)));

        XmlRpcStruct User(string name, string uid, string hash) =>
            Struct(("name", Text(name)), ("uid", Text(uid)), ("bcrypt-hash", Text(hash)));
        XmlRpcStruct Users(params XmlRpcValue[] users) => Struct(("system", Struct(("user", List(users)))));
        Assert.Empty(Differences(Users(User("admin", "0", "a")), Users(User("admin", "0", "b"))));
        // Whether an account that is only there once came by a push, only the peer knows.
        Assert.Empty(Differences(Users(User("bob", "2001", "a")), Users(User("bob", "2001", "a"), User("old", "2002", "c"))));
        Assert.Empty(
            Differences(
                Struct(("kea", Struct(("ha", Struct(("role", Text("standby"))))))),
                Struct(("kea", Struct(("ha", Struct(("role", Text("standby")), ("scertref", Text("x")))))))
            )
        );
    }

    [Fact]
    public void The_account_that_pushes_is_no_difference_where_the_peer_keeps_it()
    {
        XmlRpcStruct User(string name, string uid) => Struct(("name", Text(name)), ("uid", Text(uid)));
        XmlRpcStruct Accounts(params XmlRpcValue[] users) =>
            Struct(("system", Struct(("user", List(users)), ("group", List(Struct(("name", Text("admins")), ("gid", Text("1999"))))))));
        var pushed = Accounts(User("dave", "2001"));
        var peer = Accounts(User("dave", "2001"), User("sync", "2000"));

        Assert.Empty(PeerCheck.Differences(peer, pushed, limit: 100, caller: "sync"));
        Assert.Equal(["system/user[2]: only on the peer"], PeerCheck.Differences(peer, pushed, limit: 100));
        Assert.Equal(["system/user[2]: only on the peer"], PeerCheck.Differences(peer, pushed, limit: 100, caller: "dave"));
    }

    [Fact]
    public void Any_two_structs_compare_to_lines() =>
        Seeds.ForEach(
            500,
            seed =>
            {
                var random = new Random(seed);
                XmlRpcValue Value(int depth) =>
                    random.Next(depth > 0 ? 5 : 2) switch
                    {
                        0 => Text(random.Next(3) == 0 ? "" : $"{random.Next(3)}"),
                        1 => XmlRpcNil.Instance,
                        2 => List([.. Enumerable.Range(0, random.Next(3)).Select(_ => Value(depth - 1))]),
                        3 => Struct([.. Enumerable.Range(0, random.Next(3)).Select(i => ($"{i}", Value(depth - 1)))]),
                        _ => Struct([.. Enumerable.Range(0, random.Next(3)).Select(i => ($"name{i}", Value(depth - 1)))]),
                    };
                var (a, b) = (Struct(("filter", Value(4)), ("system", Value(4))), Struct(("filter", Value(4)), ("system", Value(4))));
                Assert.All(Differences(a, b), d => Assert.DoesNotContain('\n', d));
            }
        );
}
